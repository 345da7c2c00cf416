/** DestinationRules that ask for consistent hashing: at the top, for one port, or for a subset. */
import { qualifyHost } from "../routing/istio-hosts.ts";
import { at, isObject, listAt, textAt } from "../topology/json.ts";
import type { JsonObject, Manifest } from "../topology/types.ts";

export type Path = readonly (string | number)[];

export type HashRule = {
  readonly manifest: Manifest;
  /** As Istio completes it; `*.…` where it is a wildcard. */
  readonly host: string;
  readonly isExact: boolean;
  readonly hashes: readonly { readonly path: Path; readonly spec: JsonObject }[];
};

/** Every traffic policy of a DestinationRule with its path: top, ports, subsets, ports of subsets. */
export function trafficPolicies(manifest: Manifest): readonly Path[] {
  const withPorts = (path: Path): Path[] => [
    path,
    ...listAt(manifest.body, ...path, "portLevelSettings").map((_, i) => [...path, "portLevelSettings", i]),
  ];
  const subsets = listAt(manifest.body, "spec", "subsets").flatMap((_, i) =>
    withPorts(["spec", "subsets", i, "trafficPolicy"]),
  );
  return [...withPorts(["spec", "trafficPolicy"]), ...subsets];
}

export function hashRulesOf(destinationRules: readonly Manifest[]): HashRule[] {
  return destinationRules.flatMap((manifest) => {
    const hashes = trafficPolicies(manifest).flatMap((policy) => {
      const path = [...policy, "loadBalancer", "consistentHash"];
      const spec = at(manifest.body, ...path);
      return isObject(spec) ? [{ path, spec }] : [];
    });
    if (hashes.length === 0) return [];
    const host = qualifyHost(textAt(manifest.body, "spec", "host") ?? "", manifest.namespace);
    return [{ manifest, host, isExact: !host.startsWith("*"), hashes }];
  });
}
