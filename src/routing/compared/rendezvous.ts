/**
 * Rendezvous hashing (highest random weight): every host is scored with the key, the best score owns it. A host that
 * comes takes exactly its share and nothing else moves; the price is a hash of every host at each look-up.
 * For comparison only: neither Envoy nor Istio offers it. Weights are not looked at.
 * Source: D. G. Thaler, C. V. Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Transactions on
 * Networking 6(1), 1998.
 */
import type { Balancer } from "../balancer.ts";
import type { Hash64 } from "../hash64.ts";
import type { Host } from "../types.ts";
import { xxh64Latin1 } from "../xxh64.ts";

const higher = (a: Hash64, b: Hash64): boolean =>
  a.high === b.high ? a.low >>> 0 > b.low >>> 0 : a.high >>> 0 > b.high >>> 0;

export function rendezvous(hosts: readonly Host[]): Balancer {
  const score = (index: number, key: Hash64): Hash64 => xxh64Latin1(hosts[index]!.address, key);
  const best = (key: Hash64): number => {
    let chosen = -1;
    let most: Hash64 | null = null;
    for (let index = 0; index < hosts.length; index++) {
      const own = score(index, key);
      if (most === null || higher(own, most)) [chosen, most] = [index, own];
    }
    return chosen;
  };
  /** All hosts, best first: the second attempt looks at the second. */
  const ranked = (key: Hash64): number[] => {
    const scores = hosts.map((_, index) => score(index, key));
    return [...hosts.keys()].sort((a, b) => (higher(scores[a]!, scores[b]!) ? -1 : 1));
  };
  return {
    hosts,
    choose: (key, attempt) =>
      hosts.length === 0 ? -1 : attempt === 0 ? best(key) : ranked(key)[attempt % hosts.length]!,
  };
}
