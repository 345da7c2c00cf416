import { imageName } from "./image-name.ts";
import type { LimpetConfig, Topology } from "./types.ts";

export type RequestShape = NonNullable<LimpetConfig["request"]>;

/** How our own programs are asked. */
const OURS: RequestShape = {
  method: "GET",
  path: "/request",
  tenantHeader: "X-Tenant-ID",
  tierHeader: "X-Tenant-Tier",
  podField: "pod",
};

/**
 * How a request to the entry looks: as `limpet.yaml` says; else as our own gateway takes it. Where that gateway stands in for
 * somebody else's, tenants are told by the header that the routes hash, if they all hash the same one: nothing else in
 * manifests names it.
 */
export function requestShape(
  topology: Pick<Topology, "config" | "routes" | "tiers" | "entry">,
): RequestShape {
  const { config, entry } = topology;
  if (config.request !== null) return config.request;
  // Ours reads its own header, whatever a rule hashes: a misspelt one is a fault to be found.
  if (imageName(entry.container.image) === "test-gateway") return OURS;
  const hosts = new Set(topology.tiers.map((tier) => tier.routingService.fqdn));
  const hashed = new Set(
    topology.routes
      .filter((route) => hosts.has(route.host))
      .flatMap((route) => route.hashPolicies)
      .flatMap((policy) => (policy.kind === "header" ? [policy.headerName.toLowerCase()] : [])),
  );
  const [header] = hashed;
  return hashed.size === 1 &&
    header !== undefined &&
    header !== "" &&
    header !== OURS.tenantHeader.toLowerCase()
    ? { ...OURS, tenantHeader: header }
    : OURS;
}
