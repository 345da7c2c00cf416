/**
 * Consistent hashing with bounded loads over Envoy's own ring: a host never gets a request that would bring it above
 * `BALANCE` times the average of requests in progress; the key walks on along the ring to the first host with room. The
 * tighter the bound, the more often a tenant is served away from home.
 * For comparison: Istio's DestinationRule cannot ask for it (Envoy itself has `hash_balance_factor`, which places what
 * overflows by another rule than this walk).
 * Source: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent hashing with bounded loads", SODA 2018
 * (arXiv:1608.01350).
 */
import type { Balancer, BalancerContext } from "../balancer.ts";
import { buildRing, ringIndex, type RingOptions } from "../ring-hash.ts";
import type { Host } from "../types.ts";

/** The paper's c = 1 + ε. */
export const BALANCE = 1.25;

/** The most requests in progress that a host may have, the coming one included. */
export const boundOf = (inProgress: number, hosts: number): number =>
  Math.ceil((BALANCE * (inProgress + 1)) / hosts);

export function boundedLoad(
  hosts: readonly Host[],
  options: RingOptions,
  { activeRequests }: Pick<BalancerContext, "activeRequests">,
): Balancer {
  const ring = buildRing(hosts, options);
  return {
    hosts,
    choose: (key, attempt) => {
      const start = ringIndex(ring, key);
      if (start < 0) return -1;
      let inProgress = 0;
      for (let index = 0; index < hosts.length; index++) inProgress += activeRequests(index);
      const bound = boundOf(inProgress, hosts.length);
      // Not all hosts can be at the bound: together they would hold more than there is.
      for (let step = 0; step < ring.entries; step++) {
        const host = ring.owner[(start + attempt + step) % ring.entries]!;
        if (activeRequests(host) + 1 <= bound) return host;
      }
      return ring.owner[(start + attempt) % ring.entries]!;
    },
  };
}
