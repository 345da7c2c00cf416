/** Which host a tenant goes to, asked of one host set; and who moves when hosts come or go. */
import { toDecimal } from "./hash64.ts";
import type { Hash64 } from "./hash64.ts";
import { buildMaglev, maglevOwner, maglevSlot } from "./maglev.ts";
import { buildRing, ringEntryKey, ringIndex } from "./ring-hash.ts";
import type { Host, ResolvedCluster } from "./types.ts";
import { xxh64, xxh64Latin1 } from "./xxh64.ts";

export type HashingPolicy = Pick<ResolvedCluster, "minimumRingSize" | "maximumRingSize" | "tableSize"> & {
  readonly lbPolicy: "RING_HASH" | "MAGLEV";
};

/** A host set's hashing balancer, as something that can be asked. */
export type Finder = {
  /** Index of the host that the hash goes to; −1 without hosts. */
  readonly owner: (hash: Hash64) => number;
  /** What decided it: the ring entry's string, or the slot of the table. Only with hosts. */
  readonly place: (hash: Hash64) => string;
};

export function finderOver(policy: HashingPolicy, hosts: readonly Host[]): Finder {
  if (policy.lbPolicy === "MAGLEV") {
    const table = buildMaglev(hosts, policy);
    return {
      owner: (hash) => maglevOwner(table, hash),
      place: (hash) => `slot ${maglevSlot(table, hash)} of ${table.tableSize}`,
    };
  }
  const ring = buildRing(hosts, policy);
  return {
    owner: (hash) => (ring.entries === 0 ? -1 : ring.owner[ringIndex(ring, hash)]!),
    place: (hash) => `ring entry ${ringEntryKey(ring, ringIndex(ring, hash))}`,
  };
}

const encoder = new TextEncoder();
const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
};

/** The hash of a request whose one hashed header has this value, its characters sent as UTF-8. */
export const tenantHash = (tenant: string): Hash64 =>
  isAscii(tenant) ? xxh64Latin1(tenant) : xxh64(encoder.encode(tenant));

/** Index of each tenant's host; null for all of them where there are no hosts. */
export function ownersOf(
  policy: HashingPolicy,
  hosts: readonly Host[],
  tenants: readonly string[],
): (number | null)[] {
  const { owner } = finderOver(policy, hosts);
  return tenants.map((tenant) => {
    const index = owner(tenantHash(tenant));
    return index < 0 ? null : index;
  });
}

/** {@link tenantHash} as Envoy prints it. */
export const hashText = (tenant: string): string => toDecimal(tenantHash(tenant));

export type Move = { readonly tenant: string; readonly from: string; readonly to: string };

export type Step = {
  /** How many hosts there are before and after. */
  readonly from: number;
  readonly to: number;
  readonly moves: readonly Move[];
  /**
   * With the best of hashes: the tenants of hosts that go; or, where hosts come, as many as give each an even share. The
   * step from or to no hosts at all moves nobody.
   */
  readonly leastPossible: number;
  /** Moves between two hosts that are there before and after: what consistent hashing promises not to do. */
  readonly betweenStaying: number;
};

/** What changes from one host set to the next. Hosts are told apart by their address. */
export function stepBetween(
  policy: HashingPolicy,
  before: readonly Host[],
  after: readonly Host[],
  tenants: readonly string[],
): Step {
  const step = { from: before.length, to: after.length };
  if (before.length === 0 || after.length === 0)
    return { ...step, moves: [], leastPossible: 0, betweenStaying: 0 };
  const [was, is] = [finderOver(policy, before), finderOver(policy, after)];
  const [had, has] = [addressesOf(before), addressesOf(after)];
  const added = [...has].filter((address) => !had.has(address)).length;
  const moves: Move[] = [];
  let leavers = 0;
  let betweenStaying = 0;
  for (const tenant of tenants) {
    const hash = tenantHash(tenant);
    const from = before[was.owner(hash)]!.address;
    const to = after[is.owner(hash)]!.address;
    if (!has.has(from)) leavers++;
    if (from === to) continue;
    moves.push({ tenant, from, to });
    if (has.has(from) && had.has(to)) betweenStaying++;
  }
  const evenShare = Math.floor((tenants.length * added) / has.size);
  return { ...step, moves, leastPossible: Math.max(leavers, evenShare), betweenStaying };
}

const addressesOf = (hosts: readonly Host[]): ReadonlySet<string> =>
  new Set(hosts.map(({ address }) => address));
