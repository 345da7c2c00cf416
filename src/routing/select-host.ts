/** Envoy's host selection loop. Source: …/load_balancing_policies/common/{thread_aware_lb_impl,load_balancer_impl}.cc. */
import type { Random } from "../seed/seed.ts";
import type { Balancer } from "./balancer.ts";
import type { Hash64 } from "./hash64.ts";
import type { RetryPolicy } from "./types.ts";

export const randomHash = (random: Random): Hash64 => ({
  high: random.uint32() | 0,
  low: random.uint32() | 0,
});

export type Selection = {
  readonly balancer: Balancer;
  /** Null draws a random number, once for all looks of this selection. */
  readonly hash: Hash64 | null;
  readonly random: Random;
  /** On a retry: the route's policy and the addresses tried so far. The predicate is not asked on the first attempt. */
  readonly retry?: {
    readonly policy: Pick<RetryPolicy, "previousHosts" | "hostSelectionRetryMaxAttempts">;
    readonly tried: ReadonlySet<string>;
  };
};

/** Index of the chosen host in `balancer.hosts`, −1 where there is none. The last host looked at is taken if all are rejected. */
export function selectHost({ balancer, hash, random, retry }: Selection): number {
  const key = hash ?? randomHash(random);
  const looks = retry === undefined ? 1 : retry.policy.hostSelectionRetryMaxAttempts + 1;
  let chosen = -1;
  for (let attempt = 0; attempt < looks; attempt++) {
    chosen = balancer.choose(key, attempt);
    if (chosen < 0) return -1;
    if (retry === undefined || !retry.policy.previousHosts) return chosen;
    if (!retry.tried.has(balancer.hosts[chosen]!.address)) return chosen;
  }
  return chosen;
}

/** One of several weighted destinations, drawn for each request. */
export function pickDestination<T extends { readonly weight: number }>(
  destinations: readonly T[],
  random: Random,
): T | null {
  if (destinations.length < 2) return destinations[0] ?? null;
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.below(total);
  return destinations.find(({ weight }) => (left -= weight) < 0) ?? null;
}
