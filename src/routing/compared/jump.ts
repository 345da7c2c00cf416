/**
 * Jump consistent hash: no table at all; the key leaps from bucket to bucket by chance of its own and stays at the last
 * that there is. A bucket that is added at the end takes exactly its share. Buckets are numbers, so hosts must be: they
 * stand in the order of their pods' names, a StatefulSet's by ordinal; one that goes from the middle renumbers the rest.
 * For comparison only: neither Envoy nor Istio offers it. Weights are not looked at.
 * Source: J. Lamping, E. Veach, "A fast, minimal memory, consistent hash algorithm", 2014 (arXiv:1406.2294).
 */
import type { Balancer } from "../balancer.ts";
import type { Hash64 } from "../hash64.ts";
import { multiplyHigh } from "../hash64.ts";
import type { Host } from "../types.ts";

/** The generator's multiplier, 2862933555777941757, as halves. */
const MULTIPLIER = { high: 0x27bb2ee6, low: 0x87b0b0fd };
const TWO_31 = 2 ** 31;

/** One step of the linear congruential generator modulo 2⁶⁴. */
function next({ high, low }: Hash64): Hash64 {
  const product = Math.imul(low, MULTIPLIER.low);
  const upper =
    (multiplyHigh(low, MULTIPLIER.low) + Math.imul(high, MULTIPLIER.low) + Math.imul(low, MULTIPLIER.high)) |
    0;
  const sum = (product + 1) | 0;
  return { high: sum === 0 ? (upper + 1) | 0 : upper, low: sum };
}

/** The bucket of a key, 0 ≤ b < `buckets`; `buckets` is at least 1. */
export function jumpBucket(key: Hash64, buckets: number): number {
  let state = key;
  let bucket = -1;
  let leap = 0;
  while (leap < buckets) {
    bucket = leap;
    state = next(state);
    // The state's upper 31 bits, as a number from 1 to 2³¹.
    leap = Math.floor((bucket + 1) * (TWO_31 / ((state.high >>> 1) + 1)));
  }
  return bucket;
}

/** `api-2` before `api-10`; a host without a name by its address. */
function byOrdinal(a: string, b: string): number {
  const split = (name: string): readonly [string, number] => {
    const match = /^(.*?)(\d+)$/.exec(name);
    return match ? [match[1]!, Number(match[2])] : [name, -1];
  };
  const [[stemA, ordinalA], [stemB, ordinalB]] = [split(a), split(b)];
  return stemA < stemB ? -1 : stemA > stemB ? 1 : ordinalA - ordinalB;
}

export function jump(hosts: readonly Host[]): Balancer {
  const nameOf = (index: number): string => hosts[index]!.name ?? hosts[index]!.address;
  const order = [...hosts.keys()].sort((a, b) => byOrdinal(nameOf(a), nameOf(b)));
  return {
    hosts,
    choose: (key, attempt) =>
      hosts.length === 0 ? -1 : order[(jumpBucket(key, hosts.length) + attempt) % hosts.length]!,
  };
}
