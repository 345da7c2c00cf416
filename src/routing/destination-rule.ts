/**
 * What a DestinationRule makes of a cluster, and which hash it gives a route. The two sides read the rule by
 * different rules, so they can disagree: a route may show a hash policy that its cluster ignores.
 * Source: istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go, pilot/pkg/networking/util/util.go,
 * pilot/pkg/networking/core/route/route.go.
 */
import { exportedTo, hostMatches, qualifyHost, specificity } from "./istio-hosts.ts";
import type { IstioResource, RoutedService } from "./istio-hosts.ts";
import { at, durationMs, listAt, numberAt, objectAt, textAt } from "./json.ts";
import type { Spec } from "./json.ts";
import type { CircuitBreakers, HashPolicy, LbPolicy } from "./types.ts";

export const DEFAULT_MINIMUM_RING_SIZE = 1024;
export const DEFAULT_MAXIMUM_RING_SIZE = 8_388_608;
export const DEFAULT_TABLE_SIZE = 65_537;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const ROOT_NAMESPACE = "istio-system";

export type DestinationRule = {
  /** `namespace/name`, for people. */
  readonly label: string;
  readonly host: string;
  readonly trafficPolicy: Spec | null;
  readonly subsets: readonly Spec[];
};

type Caller = { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };

const selects = (rule: IstioResource, labels: Caller["labels"]): boolean => {
  const wanted = objectAt(rule.spec, "workloadSelector", "matchLabels");
  return wanted === null || Object.entries(wanted).every(([key, value]) => labels[key] === value);
};

/**
 * The rule in force for calls to `fqdn`: the caller's namespace is asked first, then the Service's, then the root
 * namespace; in each the most specific host wins. Several rules for one host in one namespace are merged: the
 * first `trafficPolicy` counts, subsets add up.
 */
export function destinationRuleFor(
  rules: readonly IstioResource[],
  service: Pick<RoutedService, "fqdn" | "namespace">,
  caller: Caller,
): DestinationRule | null {
  for (const namespace of [caller.namespace, service.namespace, ROOT_NAMESPACE]) {
    const candidates = rules
      .filter((rule) => rule.namespace === namespace && exportedTo(rule, caller.namespace))
      .filter((rule) => selects(rule, caller.labels))
      .map((rule) => ({ rule, host: qualifyHost(textAt(rule.spec, "host") ?? "", rule.namespace) }))
      .filter(({ host }) => hostMatches(host, service.fqdn))
      .sort((a, b) => specificity(b.host) - specificity(a.host) || 0);
    const best = candidates[0];
    if (best === undefined) continue;
    const same = candidates.filter(({ host }) => host === best.host).map(({ rule }) => rule);
    return {
      label: `${best.rule.namespace}/${best.rule.name}`,
      host: best.host,
      trafficPolicy:
        same.map((rule) => objectAt(rule.spec, "trafficPolicy")).find((policy) => policy) ?? null,
      subsets: same.flatMap((rule) => listAt(rule.spec, "subsets")).map((subset) => objectAt(subset) ?? {}),
    };
  }
  return null;
}

const portLevel = (policy: Spec | null, port: number): Spec | null =>
  listAt(policy, "portLevelSettings")
    .map((entry) => objectAt(entry))
    .find((entry) => numberAt(entry, "port", "number") === port) ?? null;

export const subsetOf = (rule: DestinationRule | null, name: string | null): Spec | null =>
  name === null ? null : (rule?.subsets.find((subset) => textAt(subset, "name") === name) ?? null);

const OVERLAID = ["connectionPool", "loadBalancer"] as const;

/** The cluster's policy: a port-level entry replaces the whole top level, then a subset's fields lie over it. */
export function clusterPolicy(rule: DestinationRule | null, port: number, subset: string | null): Spec {
  const top = rule?.trafficPolicy ?? null;
  let policy: Spec = portLevel(top, port) ?? top ?? {};
  const own = objectAt(subsetOf(rule, subset), "trafficPolicy");
  for (const key of OVERLAID) if (objectAt(own, key)) policy = { ...policy, [key]: own![key] };
  return portLevel(own, port) ?? policy;
}

export type ClusterBalancer = {
  readonly lbPolicy: LbPolicy;
  readonly passthrough: boolean;
  readonly minimumRingSize: number;
  readonly tableSize: number;
  readonly rule: string;
};

const SIMPLE: Readonly<Record<string, LbPolicy>> = {
  RANDOM: "RANDOM",
  ROUND_ROBIN: "ROUND_ROBIN",
  LEAST_REQUEST: "LEAST_REQUEST",
  LEAST_CONN: "LEAST_REQUEST",
};

/** `loadBalancer` of a cluster that is not ORIGINAL_DST by itself. */
export function clusterBalancer(policy: Spec): ClusterBalancer {
  const balancer = objectAt(policy, "loadBalancer");
  const hash = objectAt(balancer, "consistentHash");
  const base = {
    passthrough: false,
    minimumRingSize: DEFAULT_MINIMUM_RING_SIZE,
    tableSize: DEFAULT_TABLE_SIZE,
  };
  if (hash !== null) {
    if (objectAt(hash, "maglev") !== null) {
      const tableSize = numberAt(hash, "maglev", "tableSize") || DEFAULT_TABLE_SIZE;
      return {
        ...base,
        lbPolicy: "MAGLEV",
        tableSize,
        rule: `consistentHash with maglev: MAGLEV, table of ${tableSize}`,
      };
    }
    const asked =
      objectAt(hash, "ringHash") === null
        ? numberAt(hash, "minimumRingSize")
        : numberAt(hash, "ringHash", "minimumRingSize");
    const minimumRingSize = asked || DEFAULT_MINIMUM_RING_SIZE;
    const rule = `consistentHash: RING_HASH, minimum_ring_size ${minimumRingSize}`;
    return { ...base, lbPolicy: "RING_HASH", minimumRingSize, rule };
  }
  const simple = textAt(balancer, "simple");
  if (simple === "PASSTHROUGH") {
    return {
      ...base,
      lbPolicy: "CLUSTER_PROVIDED",
      passthrough: true,
      rule: "loadBalancer.simple PASSTHROUGH: ORIGINAL_DST, the address that was connected to",
    };
  }
  const lbPolicy = SIMPLE[simple ?? ""] ?? "LEAST_REQUEST";
  const rule =
    simple === null
      ? "no loadBalancer: Istio's default LEAST_REQUEST"
      : `loadBalancer.simple ${simple}: ${lbPolicy}`;
  return { ...base, lbPolicy, rule };
}

/** Istio writes a limit only where it is above 0, otherwise 2³²−1. */
const limit = (value: number | null): number => (value !== null && value > 0 ? value : Infinity);

export const circuitBreakers = (policy: Spec): CircuitBreakers => ({
  maxConnections: limit(numberAt(policy, "connectionPool", "tcp", "maxConnections")),
  maxPendingRequests: limit(numberAt(policy, "connectionPool", "http", "http1MaxPendingRequests")),
  maxRequests: limit(numberAt(policy, "connectionPool", "http", "http2MaxRequests")),
  maxRetries: limit(numberAt(policy, "connectionPool", "http", "maxRetries")),
});

export const connectTimeoutMs = (policy: Spec): number =>
  durationMs(textAt(policy, "connectionPool", "tcp", "connectTimeout")) ?? DEFAULT_CONNECT_TIMEOUT_MS;

const consistentHash = (policy: Spec | null): Spec | null =>
  objectAt(policy, "loadBalancer", "consistentHash");

/**
 * The hash of a VirtualService's destination: subset's port level, subset, top's port level, top. A port level
 * counts only where the destination names a port number.
 */
export function hashOfDestination(
  rule: DestinationRule | null,
  subset: string | null,
  destinationPort: number | null,
): Spec | null {
  const own = objectAt(subsetOf(rule, subset), "trafficPolicy");
  const levels = [own, rule?.trafficPolicy ?? null].flatMap((policy) =>
    destinationPort === null ? [policy] : [portLevel(policy, destinationPort), policy],
  );
  return levels.map(consistentHash).find((hash) => hash !== null) ?? null;
}

/** The hash of a default route (no VirtualService): the port's entry where it has one, else the top level's. */
export const hashOfDefaultRoute = (rule: DestinationRule | null, port: number): Spec | null =>
  consistentHash(portLevel(rule?.trafficPolicy ?? null, port)) ?? consistentHash(rule?.trafficPolicy ?? null);

/** Envoy's hash policy for a `consistentHash`; null where it names no key. */
export function hashPolicyOf(hash: Spec | null): HashPolicy | null {
  const headerName = textAt(hash, "httpHeaderName");
  if (headerName !== null) return { kind: "header", headerName: headerName.toLowerCase() };
  const cookie = objectAt(hash, "httpCookie");
  if (cookie !== null) {
    const path = textAt(cookie, "path");
    const ttlMs = durationMs(textAt(cookie, "ttl"));
    return {
      kind: "cookie",
      name: textAt(cookie, "name") ?? "",
      ...(path === null ? {} : { path }),
      ...(ttlMs === null ? {} : { ttlSeconds: ttlMs / 1000 }),
    };
  }
  if (at(hash, "useSourceIp") === true) return { kind: "source_ip" };
  const name = textAt(hash, "httpQueryParameterName");
  return name === null ? null : { kind: "query_parameter", name };
}
