import type { Host } from "./types.ts";

/** A locality of a cluster with locality weighting: its weight and members, by address. */
export type Locality = { readonly weight: number; readonly hosts: readonly string[] };

export type WeightedHost = {
  /** Position in the list of hosts given. */
  readonly index: number;
  readonly address: string;
  readonly normalizedWeight: number;
};

/**
 * Each host's share, 0..1, in the order in which Envoy visits them. With locality weighting a locality without
 * weight is left out and the share of one without hosts is not given to others. An address listed twice counts once.
 * Source: envoyproxy/envoy source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc.
 */
export function normalizeWeights(hosts: readonly Host[], localities?: readonly Locality[]): WeightedHost[] {
  const indexes = new Map<string, number>();
  for (const [index, host] of hosts.entries())
    if (!indexes.has(host.address)) indexes.set(host.address, index);
  const share = (members: readonly number[], part: number): WeightedHost[] => {
    const sum = members.reduce((total, index) => total + hosts[index]!.weight, 0);
    return members.map((index) => ({
      index,
      address: hosts[index]!.address,
      normalizedWeight: (hosts[index]!.weight * part) / sum,
    }));
  };
  if (localities === undefined) return share([...indexes.values()], 1);
  const weighted = localities.filter(({ weight }) => weight > 0);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  return weighted.flatMap((locality) => {
    const members = locality.hosts.flatMap((address) => indexes.get(address) ?? []);
    return share(members, locality.weight / total);
  });
}
