/**
 * Envoy's ring hash as a value: built once from the hosts, then only read.
 * Source: envoyproxy/envoy source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc.
 */
import type { Hash64 } from "./hash64.ts";
import { normalizeWeights } from "./host-weights.ts";
import type { Locality } from "./host-weights.ts";
import { murmur2 } from "./murmur2.ts";
import { latin1Bytes } from "./request-hash.ts";
import type { Host } from "./types.ts";
import { xxh64Latin1 } from "./xxh64.ts";

export type HashFunction = "XX_HASH" | "MURMUR_HASH_2";

export type RingOptions = {
  readonly minimumRingSize: number;
  readonly maximumRingSize: number;
  readonly hashFunction?: HashFunction;
  /** Only with locality weighting; in the order in which Envoy has them (by name). */
  readonly localities?: readonly Locality[];
};

export type Ring = {
  readonly hosts: readonly Host[];
  /** The gauge `ring_hash_lb.size`; rounding and localities can make it differ from the entries there are. */
  readonly size: number;
  readonly entries: number;
  /** Upper and lower halves of the entries' hashes, ascending, and each entry's host. */
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly owner: Uint32Array;
  /** The number in each entry's string `address_number`. */
  readonly number: Uint32Array;
  /** First entry of each run of equal top bits, so that a look-up searches only a few entries. */
  readonly buckets: Uint32Array;
  readonly bucketBits: number;
};

export function buildRing(hosts: readonly Host[], options: RingOptions): Ring {
  const { minimumRingSize, maximumRingSize } = options;
  if (minimumRingSize > maximumRingSize) {
    throw new RangeError(
      `Cannot build a ring: minimum size ${minimumRingSize} is above the maximum ${maximumRingSize}`,
    );
  }
  const weighted = normalizeWeights(hosts, options.localities);
  const hash =
    options.hashFunction === "MURMUR_HASH_2" ? (text: string) => murmur2(latin1Bytes(text)) : xxh64Latin1;
  const least = weighted.reduce((low, host) => Math.min(low, host.normalizedWeight), 1);
  const scale =
    weighted.length === 0 ? 0 : Math.min(Math.ceil(least * minimumRingSize) / least, maximumRingSize);
  // Unsigned, so that the order of the numbers is the order of the hashes.
  const high: number[] = [];
  const low: number[] = [];
  const owner: number[] = [];
  const number: number[] = [];
  // The running sums are doubles in host order: their rounding decides an entry here and there.
  let current = 0;
  let target = 0;
  for (const host of weighted) {
    target += scale * host.normalizedWeight;
    for (let i = 0; current < target; i++, current++) {
      const entry = hash(`${host.address}_${i}`);
      high.push(entry.high >>> 0);
      low.push(entry.low >>> 0);
      owner.push(host.index);
      number.push(i);
    }
  }
  const order = Uint32Array.from(high.keys()).sort((a, b) => high[a]! - high[b]! || low[a]! - low[b]!);
  const sorted = (values: readonly number[]): Uint32Array => order.map((at) => values[at]!);
  const sortedHigh = sorted(high);
  const bucketBits = Math.min(20, Math.max(1, Math.ceil(Math.log2(order.length + 1))));
  return {
    hosts,
    size: Math.ceil(scale),
    entries: order.length,
    high: sortedHigh,
    low: sorted(low),
    owner: sorted(owner),
    number: sorted(number),
    buckets: bucketStarts(sortedHigh, bucketBits),
    bucketBits,
  };
}

function bucketStarts(high: Uint32Array, bits: number): Uint32Array {
  const starts = new Uint32Array(2 ** bits + 1);
  let at = 0;
  for (let bucket = 0; bucket < starts.length; bucket++) {
    while (at < high.length && high[at]! >>> (32 - bits) < bucket) at++;
    starts[bucket] = at;
  }
  return starts;
}

/** The first entry whose hash is at least `hash`, the ring's first where there is none; −1 on an empty ring. */
export function ringIndex(ring: Ring, hash: Hash64): number {
  if (ring.entries === 0) return -1;
  const high = hash.high >>> 0;
  const low = hash.low >>> 0;
  const bucket = high >>> (32 - ring.bucketBits);
  let from = ring.buckets[bucket]!;
  let to = ring.buckets[bucket + 1]!;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const entryHigh = ring.high[middle]!;
    if (entryHigh < high || (entryHigh === high && ring.low[middle]! < low)) from = middle + 1;
    else to = middle;
  }
  return from === ring.entries ? 0 : from;
}

/** Index in `ring.hosts` of the host that the given selection attempt (0 = the first) looks at; −1 without any. */
export function ringOwner(ring: Ring, hash: Hash64, attempt = 0): number {
  const index = ringIndex(ring, hash);
  return index < 0 ? -1 : ring.owner[(index + attempt) % ring.entries]!;
}

/** The string whose hash an entry is. */
export const ringEntryKey = (ring: Ring, index: number): string =>
  `${ring.hosts[ring.owner[index]!]!.address}_${ring.number[index]!}`;

/** How many entries each host has, in host order. */
export function ringEntriesPerHost(ring: Ring): number[] {
  const counts = ring.hosts.map(() => 0);
  for (const host of ring.owner) counts[host]!++;
  return counts;
}
