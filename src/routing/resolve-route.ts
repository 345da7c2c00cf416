/**
 * From manifests to what the caller's sidecar does with a call to each Service port: the routes and clusters that
 * istiod would write. Sources: istio/istio pilot/pkg/networking/core/{cluster,cluster_traffic_policy}.go, …/core/route.
 */
import {
  DEFAULT_MAXIMUM_RING_SIZE,
  circuitBreakers,
  clusterBalancer,
  clusterPolicy,
  connectTimeoutMs,
  destinationRuleFor,
  hashOfDefaultRoute,
  hashOfDestination,
  hashPolicyOf,
  subsetOf,
} from "./destination-rule.ts";
import { portClass, qualifyHost } from "./istio-hosts.ts";
import type { IstioResource, PortClass, RoutedService } from "./istio-hosts.ts";
import { durationMs, isObject, listAt, numberAt, objectAt, textAt } from "./json.ts";
import type { Spec } from "./json.ts";
import type {
  HashPolicy,
  HeaderEdits,
  ResolvedCluster,
  ResolvedDestination,
  ResolvedRoute,
  RetryRules,
} from "./types.ts";
import {
  defaultRetryPolicy,
  headerEditsOf,
  passedOver,
  pickRoute,
  retryPolicyOf,
  virtualServiceFor,
} from "./virtual-service.ts";
import type { PickedRoute } from "./virtual-service.ts";

export type { IstioResource, RoutedService } from "./istio-hosts.ts";

export type ResolveInput = {
  readonly services: readonly RoutedService[];
  readonly virtualServices: readonly IstioResource[];
  readonly destinationRules: readonly IstioResource[];
  readonly callerNamespace: string;
  /** Labels of the calling pod, for `sourceLabels` and `workloadSelector`. */
  readonly callerLabels?: Readonly<Record<string, string>>;
  /** istiod's `PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES`; false unless somebody set it. */
  readonly edsForHeadless?: boolean;
  /** Default: those of the newest Istio. */
  readonly retries?: RetryRules;
};

type Target = {
  readonly host: string;
  readonly port: number;
  readonly subset: string | null;
};

type Clustered = {
  readonly cluster: ResolvedCluster;
  readonly because: readonly string[];
};

/** One route for each port of each Service, in the order given. */
export function resolveRoutes(given: ResolveInput): ResolvedRoute[] {
  const input = {
    ...given,
    virtualServices: inOrder(given.virtualServices),
    destinationRules: inOrder(given.destinationRules),
  };
  return input.services.flatMap((service) => service.ports.map((port) => resolveRoute(input, service, port)));
}

/**
 * Where several are about one host the first counts. istiod takes the oldest for the first; what is applied together is of one
 * second, and then the name decides. Source: pilot/pkg/model/config.go, sortConfigByCreationTime.
 */
const inOrder = (resources: readonly IstioResource[]): readonly IstioResource[] =>
  resources.toSorted((a, b) => textOrder(a.name, b.name) || textOrder(a.namespace, b.namespace));
const textOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const callerOf = (input: ResolveInput) => ({
  namespace: input.callerNamespace,
  labels: input.callerLabels ?? {},
});

const serviceOf = (input: ResolveInput, fqdn: string): RoutedService | null =>
  input.services.find((service) => service.fqdn === fqdn) ?? null;

const ruleFor = (input: ResolveInput, host: string) => {
  const namespace = serviceOf(input, host)?.namespace ?? host.split(".")[1] ?? "";
  return destinationRuleFor(input.destinationRules, { fqdn: host, namespace }, callerOf(input));
};

function clusterOf(input: ResolveInput, target: Target): Clustered {
  const service = serviceOf(input, target.host);
  const rule = ruleFor(input, target.host);
  const policy = clusterPolicy(rule, target.port, target.subset);
  const balancer = clusterBalancer(policy);
  const headless = service?.headless === true && input.edsForHeadless !== true;
  const original = headless || balancer.passthrough;
  const missingPort = service !== null && !service.ports.some((port) => port.port === target.port);
  const missingSubset = target.subset !== null && subsetOf(rule, target.subset) === null;
  const missing = service === null || missingPort || missingSubset;
  const because: string[] = [];
  if (service === null) because.push(`no Service ${target.host}: its cluster does not exist (503 NC)`);
  else if (missingPort)
    because.push(`Service ${target.host} has no port ${target.port}: no such cluster (503 NC)`);
  else if (missingSubset)
    because.push(`no DestinationRule has a subset ${target.subset}: no such cluster (503 NC)`);
  else if (headless) {
    because.push(
      `Service ${service.name} has clusterIP None: the cluster is ORIGINAL_DST, the caller's DNS answer picks the pod once per connection`,
    );
    if (objectAt(policy, "loadBalancer"))
      because.push(`loadBalancer of DestinationRule ${rule!.label} is not read on it`);
  } else {
    if (service.headless)
      because.push("PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES is set: the headless Service is EDS");
    because.push(rule === null ? balancer.rule : `DestinationRule ${rule.label}: ${balancer.rule}`);
  }
  return {
    cluster: {
      name: `outbound|${target.port}|${target.subset ?? ""}|${target.host}`,
      service: target.host,
      port: target.port,
      type: original ? "ORIGINAL_DST" : "EDS",
      lbPolicy: original ? "CLUSTER_PROVIDED" : balancer.lbPolicy,
      minimumRingSize: balancer.minimumRingSize,
      maximumRingSize: DEFAULT_MAXIMUM_RING_SIZE,
      tableSize: balancer.tableSize,
      circuitBreakers: circuitBreakers(policy),
      connectTimeoutMs: connectTimeoutMs(policy),
      ...(missing ? { missing } : {}),
    },
    because,
  };
}

type Port = RoutedService["ports"][number];

function resolveRoute(input: ResolveInput, service: RoutedService, port: Port): ResolvedRoute {
  const kind = portClass(port);
  const caller = callerOf(input);
  const because = portNotes(port, kind);
  const resource = virtualServiceFor(input.virtualServices, service.fqdn, caller);
  if (resource === null) {
    because.push(...passedOver(input.virtualServices, service.fqdn, caller));
    return defaultRoute(input, service, port, kind, because);
  }
  const picked = pickRoute(resource, kind === "tcp" ? "tcp" : "http", port.port, caller);
  const label = `VirtualService ${resource.namespace}/${resource.name}`;
  if (picked === null) {
    // A TCP port keeps its default filter chain; an HTTP virtual host that exists but matches nothing is a 404.
    if (kind === "tcp") return defaultRoute(input, service, port, kind, because);
    because.push(`${label} has no http route for port ${port.port}: 404 NR`);
    return { ...emptyRoute(service, port), because };
  }
  because.push(`${label} ${picked.path} routes the calls`, ...picked.notes);
  return virtualRoute(input, service, port, kind, { resource, picked, label }, because);
}

function portNotes(port: Port, kind: PortClass): string[] {
  const named =
    port.appProtocol === null ? `port name ${port.name ?? "(none)"}` : `appProtocol ${port.appProtocol}`;
  if (kind === "tcp") return [`${named} is of the TCP class: no headers are seen, one host per connection`];
  if (kind === "auto")
    return [`${named} is not a known protocol: treated as HTTP while the bytes look like it`];
  return [];
}

const emptyRoute = (service: RoutedService, port: Port): Omit<ResolvedRoute, "because"> => ({
  host: service.fqdn,
  port: port.port,
  destinations: [],
  hashPolicies: [],
  retryPolicy: null,
  timeoutMs: 0,
});

/** An empty header name is refused by Envoy with the whole route table; a proxy without an older one answers 404. */
const rejected = (policies: readonly HashPolicy[]): boolean =>
  policies.some((policy) => policy.kind === "header" && policy.headerName === "");
const REJECTED = "httpHeaderName is empty: Envoy refuses the whole route table, a new proxy answers 404 NR";

function defaultRoute(
  input: ResolveInput,
  service: RoutedService,
  port: Port,
  kind: PortClass,
  because: string[],
): ResolvedRoute {
  const { cluster, because: reasons } = clusterOf(input, {
    host: service.fqdn,
    port: port.port,
    subset: null,
  });
  because.push("no VirtualService for this host and port: Istio's default route", ...reasons);
  const policy = hashPolicyOf(hashOfDefaultRoute(ruleFor(input, service.fqdn), port.port));
  const hashPolicies = usable(policy === null ? [] : [policy], kind, because);
  if (rejected(hashPolicies)) return { ...emptyRoute(service, port), because: [...because, REJECTED] };
  noteDisagreement(hashPolicies, [cluster], because);
  return {
    ...emptyRoute(service, port),
    ...(kind === "tcp" ? { protocol: "tcp" } : {}),
    destinations: [{ weight: 100, cluster }],
    hashPolicies,
    retryPolicy: kind === "tcp" ? null : defaultRetryPolicy(true, input.retries),
    because,
  };
}

/** A TCP proxy can hash only the source address. */
function usable(policies: readonly HashPolicy[], kind: PortClass, because: string[]): readonly HashPolicy[] {
  if (kind !== "tcp") return policies;
  const kept = policies.filter((policy) => policy.kind === "source_ip");
  if (kept.length < policies.length)
    because.push("the hash key is part of HTTP, which a TCP port never sees: no hash");
  return kept;
}

/** The silent faults: a route that hashes over a cluster that does not, and the other way round. */
function noteDisagreement(
  policies: readonly HashPolicy[],
  clusters: readonly ResolvedCluster[],
  because: string[],
): void {
  for (const cluster of clusters) {
    const hashes = cluster.lbPolicy === "RING_HASH" || cluster.lbPolicy === "MAGLEV";
    if (policies.length > 0 && !hashes)
      because.push(
        `the route has a hash policy, cluster ${cluster.name} is ${cluster.lbPolicy}: nothing hashes`,
      );
    if (policies.length === 0 && hashes)
      because.push(
        `cluster ${cluster.name} is ${cluster.lbPolicy}, the route has no hash policy: a random pod each time`,
      );
  }
}

/** Istio drops destinations of weight 0 where there are several; a single one needs no weight. */
function weighted(route: Spec): readonly { readonly item: Spec; readonly weight: number }[] {
  const items = listAt(route, "route").filter(isObject);
  if (items.length === 1) return [{ item: items[0]!, weight: numberAt(items[0], "weight") || 100 }];
  return items
    .map((item) => ({ item, weight: numberAt(item, "weight") ?? 0 }))
    .filter(({ weight }) => weight > 0);
}

type Via = { readonly resource: IstioResource; readonly picked: PickedRoute; readonly label: string };

/** The port of a destination: as written, else the Service's only one, else the one that was called. */
const portOf = (input: ResolveInput, host: string, written: number | null, called: number): number => {
  const ports = serviceOf(input, host)?.ports ?? [];
  return written ?? (ports.length === 1 ? ports[0]!.port : called);
};

const NOT_ACTED_ON = [
  "redirect",
  "directResponse",
  "delegate",
  "fault",
  "rewrite",
  "mirror",
  "mirrors",
  "corsPolicy",
];

function virtualRoute(
  input: ResolveInput,
  service: RoutedService,
  port: Port,
  kind: PortClass,
  { resource, picked, label }: Via,
  because: string[],
): ResolvedRoute {
  const hashPolicies: HashPolicy[] = [];
  const destinations: ResolvedDestination[] = [];
  for (const { item, weight } of weighted(picked.route)) {
    const host = qualifyHost(textAt(item, "destination", "host") ?? "", resource.namespace);
    const subset = textAt(item, "destination", "subset");
    const written = numberAt(item, "destination", "port", "number");
    const { cluster, because: reasons } = clusterOf(input, {
      host,
      port: portOf(input, host, written, port.port),
      subset,
    });
    because.push(...reasons.filter((reason) => !because.includes(reason)));
    if (subset !== null && cluster.missing !== true)
      because.push(`labels of subset ${subset} are not acted on: all endpoints of the Service count`);
    const policy = hashPolicyOf(hashOfDestination(ruleFor(input, host), subset, written));
    if (policy !== null) hashPolicies.push(policy);
    destinations.push({ weight, cluster, ...editsOf(item) });
  }
  if (destinations.length > 1)
    because.push(
      `${destinations.length} weighted destinations: one is drawn for each request, their hashes are combined`,
    );
  noteOtherRule(input, service, destinations, because);
  for (const key of NOT_ACTED_ON)
    if (picked.route[key] !== undefined) because.push(`${label} ${picked.path}.${key} is not acted on`);
  const policies = usable(hashPolicies, kind, because);
  if (rejected(policies)) return { ...emptyRoute(service, port), because: [...because, REJECTED] };
  noteDisagreement(
    policies,
    destinations.map(({ cluster }) => cluster),
    because,
  );
  noteSteeringEdits(policies, [picked.route, ...weighted(picked.route).map(({ item }) => item)], because);
  // Istio asks for one destination with a hash, before it drops any of weight 0.
  const hashedToOne = policies.length > 0 && listAt(picked.route, "route").length === 1;
  return {
    ...emptyRoute(service, port),
    ...(kind === "tcp" ? { protocol: "tcp" } : {}),
    destinations,
    hashPolicies: policies,
    retryPolicy:
      kind === "tcp" ? null : retryPolicyOf(objectAt(picked.route, "retries"), hashedToOne, input.retries),
    timeoutMs: kind === "tcp" ? 0 : (durationMs(textAt(picked.route, "timeout")) ?? 0),
    ...(kind === "tcp" ? {} : editsOf(picked.route)),
    because,
  };
}

const editsOf = (spec: Spec): { requestHeaders?: HeaderEdits; responseHeaders?: HeaderEdits } => {
  const requestHeaders = headerEditsOf(objectAt(spec, "headers", "request"));
  const responseHeaders = headerEditsOf(objectAt(spec, "headers", "response"));
  return { ...(requestHeaders ? { requestHeaders } : {}), ...(responseHeaders ? { responseHeaders } : {}) };
};

/** A DestinationRule on the called name does nothing where the route leads to another Service. */
function noteOtherRule(
  input: ResolveInput,
  service: RoutedService,
  destinations: readonly ResolvedDestination[],
  because: string[],
): void {
  if (destinations.some(({ cluster }) => cluster.service === service.fqdn)) return;
  const rule = ruleFor(input, service.fqdn);
  if (rule?.host === service.fqdn)
    because.push(
      `DestinationRule ${rule.label} is for ${rule.host}, which no destination names: it does not count here`,
    );
}

function noteSteeringEdits(policies: readonly HashPolicy[], specs: readonly Spec[], because: string[]): void {
  for (const policy of policies) {
    if (policy.kind !== "header") continue;
    for (const spec of specs) {
      const edits = editsOf(spec).requestHeaders;
      if (!edits) continue;
      const { headerName } = policy;
      if (headerName in edits.set || headerName in edits.add || edits.remove.includes(headerName))
        because.push(`${headerName} is edited by the route before it is hashed`);
    }
  }
}
