/** What a run's log says about the topology before anything starts, so that checks need nothing but the log. */
import type { HashPolicy, ResolvedRoute } from "../routing/types.ts";
import { listAt } from "../topology/json.ts";
import { requestShape } from "../topology/request-shape.ts";
import type { Json, JsonObject, Manifest, Tier, Topology } from "../topology/types.ts";
import type { ManifestPlace, RouteEvent, ScaledObjectEvent } from "./types.ts";

function hashWords(policy: HashPolicy): string {
  if (policy.kind === "header") return `header ${policy.headerName}`;
  if (policy.kind === "source_ip") return "source_ip";
  return `${policy.kind} ${policy.name}`;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A DestinationRule's host as Istio completes it: a name without a dot is of the rule's own namespace. */
function hostOf(rule: Manifest): string {
  const spec = rule.body["spec"];
  const host = isObject(spec) ? spec["host"] : undefined;
  if (typeof host !== "string") return "";
  return completeHost(host, rule.namespace);
}

const completeHost = (host: string, namespace: string): string =>
  host.includes(".") || host === "*" ? host : `${host}.${namespace}.svc.cluster.local`;

const covers = (host: string, fqdn: string): boolean =>
  host === fqdn || (host.startsWith("*") && fqdn.endsWith(host.slice(1)));

const routeOf = (topology: Topology, tier: Tier): ResolvedRoute | undefined =>
  topology.routes.find((route) => route.host === tier.routingService.fqdn);

/** DestinationRules for hosts to which no tier's traffic goes. */
function unusedRules(topology: Topology): RouteEvent["unusedDestinationRules"] {
  const used = topology.tiers.flatMap((tier) => {
    const route = routeOf(topology, tier);
    return [tier.routingService.fqdn, ...(route?.destinations.map(({ cluster }) => cluster.service) ?? [])];
  });
  return topology.manifests
    .filter(({ kind }) => kind === "DestinationRule")
    .filter((rule) => !used.some((fqdn) => covers(hostOf(rule), fqdn)))
    .map((rule) => {
      const { file, line } = rule.at("spec", "host");
      return { name: rule.name, host: hostOf(rule), file, line };
    });
}

/** The DestinationRule for a host, at what it says of hashing or else of balancing. */
function ruleOf(topology: Topology, fqdn: string): ManifestPlace | null {
  const rules = topology.manifests.filter(({ kind }) => kind === "DestinationRule");
  const rule = rules.find((one) => hostOf(one) === fqdn) ?? rules.find((one) => covers(hostOf(one), fqdn));
  if (rule === undefined) return null;
  const { file, line } = rule.at("spec", "trafficPolicy", "loadBalancer", "consistentHash", "httpHeaderName");
  return { name: rule.name, file, line };
}

/** The VirtualService for a host, at its first destination. */
function virtualServiceOf(topology: Topology, fqdn: string): ManifestPlace | null {
  const found = topology.manifests.find(
    ({ kind, namespace, body }) =>
      kind === "VirtualService" &&
      listAt(body, "spec", "hosts").some(
        (host) => typeof host === "string" && covers(completeHost(host, namespace), fqdn),
      ),
  );
  if (found === undefined) return null;
  const { file, line } = found.at("spec", "http", 0, "route", 0, "destination", "host");
  return { name: found.name, file, line };
}

/** One event for each route of the entry's proxy; `override` where the run replaces the balancers. */
export function describeRoutes(topology: Topology, override?: string): RouteEvent[] {
  const unusedDestinationRules = unusedRules(topology);
  return topology.routes.flatMap((route) => {
    const heaviest = [...route.destinations].sort((a, b) => b.weight - a.weight)[0];
    if (!heaviest) return [];
    const { cluster } = heaviest;
    const tier = topology.tiers.find(({ routingService }) => routingService.fqdn === route.host);
    const service = topology.services.find(({ fqdn }) => fqdn === cluster.service);
    const source = service?.manifest.at("spec", "clusterIP");
    return {
      type: "route" as const,
      atUs: 0,
      tier: tier?.name ?? null,
      host: route.host,
      port: route.port,
      cluster: cluster.name,
      clusterType: cluster.type,
      lbPolicy: cluster.lbPolicy,
      hashPolicies: route.hashPolicies.map(hashWords),
      because: route.because,
      service: cluster.service,
      serviceHeadless: service?.headless ?? false,
      file: source?.file ?? "",
      line: source?.line ?? 0,
      destinations: route.destinations.length,
      destinationRule: ruleOf(topology, cluster.service),
      virtualService: virtualServiceOf(topology, route.host),
      tenantHeader: requestShape(topology).tenantHeader,
      unusedDestinationRules,
      ...(override === undefined ? {} : { override }),
    };
  });
}

/** One event for each tier that has a ScaledObject. */
export function describeScaledObjects(topology: Topology): ScaledObjectEvent[] {
  return topology.tiers.flatMap((tier) => {
    const scaled = tier.scaledObject;
    if (!scaled) return [];
    const reference = scaled.manifest.at("spec", "scaleTargetRef");
    const query = scaled.manifest.at("spec", "triggers", 0, "metadata", "query");
    return {
      type: "scaledObject" as const,
      atUs: 0,
      tier: tier.name,
      name: scaled.name,
      namespace: scaled.namespace,
      targetKind: scaled.scaleTargetRef.kind,
      targetName: scaled.scaleTargetRef.name,
      kindGiven: scaled.kindGiven,
      workloadKind: tier.workload.kind,
      workloadName: tier.workload.name,
      minReplicaCount: scaled.minReplicaCount,
      maxReplicaCount: scaled.maxReplicaCount,
      threshold: tier.threshold,
      queries: scaled.triggers.flatMap(({ metadata }) =>
        metadata["query"] ? [metadata["query"].trim()] : [],
      ),
      file: reference.file,
      line: reference.line,
      metadataLine: scaled.manifest.at("metadata", "name").line,
      queryFile: query.file,
      queryLine: query.line,
      activeTenantsMetric: topology.config.activeTenants?.metric ?? null,
    };
  });
}
