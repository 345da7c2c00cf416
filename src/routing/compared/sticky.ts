/**
 * A directory of who went where: a key goes to the host that it went to before as long as that is there, else where
 * Envoy's ring sends it, and that is remembered. What a gateway's own tenant → pod cache would give. Nobody moves when a
 * pod comes, so a new one gets new tenants alone; two gateways have two directories, and need not agree.
 * For comparison only: a proxy that hashes remembers nothing.
 */
import type { Balancer } from "../balancer.ts";
import type { Hash64 } from "../hash64.ts";
import { buildRing, ringOwner, type RingOptions } from "../ring-hash.ts";
import type { Host } from "../types.ts";

/** Keys that are remembered; the one that was put in first is forgotten first. */
const MAX_KEYS = 1_000_000;

/** Key → address. It outlives the balancers over it: each change of hosts makes a new one of those. */
export type Directory = Map<string, string>;

export function sticky(hosts: readonly Host[], options: RingOptions, directory: Directory): Balancer {
  const ring = buildRing(hosts, options);
  const byAddress = new Map(hosts.map(({ address }, index) => [address, index] as const));
  return {
    hosts,
    choose: ({ high, low }: Hash64, attempt) => {
      if (hosts.length === 0) return -1;
      const key = `${high}:${low}`;
      const known = byAddress.get(directory.get(key) ?? "");
      if (known !== undefined && attempt === 0) return known;
      const owner = ringOwner(ring, { high, low }, attempt);
      directory.delete(key);
      directory.set(key, hosts[owner]!.address);
      if (directory.size > MAX_KEYS) directory.delete(directory.keys().next().value!);
      return owner;
    },
  };
}
