/** A topology as the first lines of an event log: who is who, where calls go, what each ScaledObject asks for. */
import type { ResolvedRoute } from "../routing/types.ts";
import type { ScaledObject, Tier, Topology } from "../topology/types.ts";
import type { RouteEvent, RunEvent, ScaledObjectEvent, TopologySummary } from "./types.ts";

export type TopologyEventOptions = {
  readonly standIns: readonly string[];
  readonly overrideLbPolicy?: string;
};

export function topologyEvents(topology: Topology, atUs: number, options: TopologyEventOptions): RunEvent[] {
  return [
    summaryOf(topology, atUs, options.standIns),
    ...topology.routes.flatMap((route) => routeEvent(topology, route, atUs, options.overrideLbPolicy)),
    ...topology.tiers.flatMap((tier) => (tier.scaledObject ? [scaledObjectEvent(topology, tier, tier.scaledObject, atUs)] : [])),
  ];
}

const summaryOf = (topology: Topology, atUs: number, standIns: readonly string[]): TopologySummary => ({
  type: "topology",
  atUs,
  objects: topology.manifests.length,
  files: topology.files.length,
  tiers: topology.tiers.map(({ name, workload, services, scaledObject }) => ({
    tier: name,
    workload: `${workload.kind} ${workload.name}`,
    services: services.map((service) => `${service.name}${service.headless ? " (headless)" : ""}`),
    scaledObject: scaledObject?.name ?? null,
  })),
  entry: `${topology.entry.workload.kind} ${topology.entry.workload.name}`,
  standIns,
  notActedOn: topology.notActedOn,
  findings: topology.findings.map(({ file, line, message }) => ({ file, line, message })),
});

function routeEvent(topology: Topology, route: ResolvedRoute, atUs: number, override: string | undefined): RouteEvent[] {
  const heaviest = [...route.destinations].sort((a, b) => b.weight - a.weight)[0];
  if (!heaviest) return []; // No route matches: every call is a 404.
  const service = topology.services.find(({ fqdn }) => fqdn === route.host);
  const source = service?.manifest.at("spec") ?? { file: topology.path, line: 1 };
  const hashes = heaviest.cluster.lbPolicy === "RING_HASH" || heaviest.cluster.lbPolicy === "MAGLEV";
  const event: RouteEvent = {
    type: "route",
    atUs,
    tier: topology.tiers.find(({ routingService }) => routingService.fqdn === route.host)?.name ?? null,
    host: route.host,
    port: route.port,
    cluster: heaviest.cluster.name,
    clusterType: heaviest.cluster.type,
    lbPolicy: heaviest.cluster.lbPolicy,
    hashPolicies: route.hashPolicies.map((policy) =>
      policy.kind === "header" ? `header ${policy.headerName}` : policy.kind === "source_ip" ? "source IP" : `${policy.kind} ${policy.name}`,
    ),
    because: route.because,
    file: source.file,
    line: source.line,
    unusedDestinationRules: unusedDestinationRules(topology),
    ...(override !== undefined && hashes ? { override } : {}),
  };
  return [event];
}

/** DestinationRules whose host none of the tiers' traffic goes to. */
function unusedDestinationRules(topology: Topology): RouteEvent["unusedDestinationRules"] {
  const routed = new Set(topology.tiers.map(({ routingService }) => routingService.fqdn));
  const destinations = new Set(
    topology.routes
      .filter(({ host }) => routed.has(host))
      .flatMap((route) => route.destinations.map(({ cluster }) => cluster.service)),
  );
  return topology.manifests
    .filter(({ kind }) => kind === "DestinationRule")
    .map((manifest) => {
      const spec = manifest.body["spec"] as { readonly host?: string } | undefined;
      const { file, line } = manifest.at("spec", "host");
      return { name: manifest.name, host: spec?.host ?? "", namespace: manifest.namespace, file, line };
    })
    .filter(({ host, namespace }) => !destinations.has(qualified(host, namespace)))
    .map(({ name, host, file, line }) => ({ name, host, file, line }));
}

const qualified = (host: string, namespace: string): string =>
  host.includes(".") ? host : `${host}.${namespace}.svc.cluster.local`;

function scaledObjectEvent(topology: Topology, tier: Tier, scaledObject: ScaledObject, atUs: number): ScaledObjectEvent {
  const reference = scaledObject.manifest.at("spec", "scaleTargetRef", "name");
  const query = scaledObject.manifest.at("spec", "triggers", 0, "metadata", "query");
  return {
    type: "scaledObject",
    atUs,
    tier: tier.name,
    name: scaledObject.name,
    namespace: scaledObject.namespace,
    targetKind: scaledObject.scaleTargetRef.kind,
    targetName: scaledObject.scaleTargetRef.name,
    kindGiven: scaledObject.kindGiven,
    workloadKind: tier.workload.kind,
    workloadName: tier.workload.name,
    minReplicaCount: scaledObject.minReplicaCount,
    maxReplicaCount: scaledObject.maxReplicaCount,
    threshold: tier.threshold,
    queries: scaledObject.triggers.map(({ metadata }) => metadata["query"] ?? ""),
    file: reference.file,
    line: reference.line,
    queryFile: query.file,
    queryLine: query.line,
    activeTenantsMetric: topology.config.activeTenants?.metric ?? null,
  };
}
