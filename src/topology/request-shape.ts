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
 * How a request to the entry looks: as `limpet.yaml` says; else as our own gateway takes it, with the tenant in the
 * header that the routes hash, where they all hash the same one.
 */
export function requestShape(topology: Pick<Topology, "config" | "routes" | "tiers">): RequestShape {
  if (topology.config.request !== null) return topology.config.request;
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
