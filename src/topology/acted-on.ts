/** What in the manifests limpet does not act on, so that nobody takes a run for a test of it. */
import { listAt, textAt } from "./json.ts";
import type { Json, Manifest } from "./types.ts";

const META = ["metadata.**"];
const PROBE = ["httpGet.path", "httpGet.port", "httpGet.scheme"].concat([
  "initialDelaySeconds",
  "periodSeconds",
  "timeoutSeconds",
  "successThreshold",
  "failureThreshold",
]);
const CONTAINER = [
  "name",
  "image",
  "imagePullPolicy",
  "env.**",
  "envFrom.**",
  "ports.**",
  ...["readinessProbe", "startupProbe", "livenessProbe"].flatMap((probe) =>
    PROBE.map((p) => `${probe}.${p}`),
  ),
  "lifecycle.preStop.sleep.**",
  "lifecycle.preStop.exec.**",
].map((field) => `spec.template.spec.containers.${field}`);
const WORKLOAD = [
  ...META,
  "spec.replicas",
  "spec.selector.**",
  "spec.minReadySeconds",
  "spec.template.metadata.**",
  "spec.template.spec.terminationGracePeriodSeconds",
  ...CONTAINER,
];

/** Fields that are acted on, by kind; `**` is everything below. A kind that is not here is not acted on at all. */
const ACTED_ON: Readonly<Record<string, readonly string[]>> = {
  Namespace: META,
  ConfigMap: [...META, "data.**", "binaryData.**", "immutable"],
  Secret: [...META, "data.**", "stringData.**", "type", "immutable"],
  Deployment: WORKLOAD,
  StatefulSet: [...WORKLOAD, "spec.serviceName", "spec.podManagementPolicy"],
  Service: [
    ...META,
    "spec.type",
    "spec.clusterIP",
    "spec.publishNotReadyAddresses",
    "spec.selector.**",
    "spec.ports.**",
  ],
  ScaledObject: [
    ...META,
    ...["scaleTargetRef.apiVersion", "scaleTargetRef.kind", "scaleTargetRef.name"].map((f) => `spec.${f}`),
    ...["minReplicaCount", "maxReplicaCount", "idleReplicaCount", "pollingInterval", "cooldownPeriod"].map(
      (f) => `spec.${f}`,
    ),
    "spec.initialCooldownPeriod",
    "spec.fallback.**",
    "spec.advanced.**",
    ...["type", "name", "metricType", "useCachedMetrics", "metadata.**"].map((f) => `spec.triggers.${f}`),
  ],
  VirtualService: [
    ...META,
    "spec.hosts.**",
    "spec.gateways.**",
    "spec.exportTo.**",
    ...["name", "match.**", "route.**", "timeout", "retries.**", "headers.**"].map((f) => `spec.http.${f}`),
  ],
  DestinationRule: [
    ...META,
    "spec.host",
    "spec.exportTo.**",
    "spec.subsets.name",
    "spec.subsets.trafficPolicy.**",
    "spec.workloadSelector.**",
    "spec.trafficPolicy.loadBalancer.**",
    "spec.trafficPolicy.connectionPool.**",
    "spec.trafficPolicy.portLevelSettings.**",
  ],
};

/** Kinds only a group's own objects of which are meant: another group's `Service` is another thing. */
const GROUPS: Readonly<Record<string, RegExp>> = {
  Service: /^v1$/,
  Deployment: /^apps\//,
  StatefulSet: /^apps\//,
  ScaledObject: /^keda\.sh\//,
  VirtualService: /^networking\.istio\.io\//,
  DestinationRule: /^networking\.istio\.io\//,
};

/** The kinds of which anything is acted on. */
export const KINDS_ACTED_ON: readonly string[] = Object.keys(ACTED_ON);

/** Whether limpet acts on a field of a kind: on all below it, on some, or not at all. */
export const actsOn = (kind: string, field: string): "all" | "some" | "no" => {
  const patterns = ACTED_ON[kind] ?? [];
  if (patterns.some((pattern) => pattern.endsWith(".**") && field.startsWith(pattern.slice(0, -2))))
    return "all";
  return isActedOn(field, patterns);
};

type Count = { readonly what: string; readonly count: number };

const isActedOn = (path: string, patterns: readonly string[]): "all" | "some" | "no" => {
  let some = false;
  for (const pattern of patterns) {
    if (pattern === path || pattern === `${path}.**`) return "all";
    if (pattern.startsWith(`${path}.`)) some = true;
  }
  return some ? "some" : "no";
};

function walk(value: Json, path: string, patterns: readonly string[], note: (path: string) => void): void {
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) walk(item, path, patterns, note);
    return;
  }
  if (value === null || typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value)) {
    const below = path === "" ? key : `${path}.${key}`;
    const acted = isActedOn(below, patterns);
    if (acted === "no") note(below);
    // A map was expected further down and something else is here: the schema has had its say.
    else if (acted === "some") walk(inner, below, patterns, note);
  }
}

/**
 * Kinds and fields that no room looks at, each once with how often it occurs, kinds first. `ignored` are objects that
 * limpet replaces by a part of its own (Prometheus) and of which no field is counted.
 */
export function notActedOn(manifests: readonly Manifest[], ignored: ReadonlySet<Manifest>): readonly Count[] {
  const kinds = new Map<string, number>();
  const fields = new Map<string, number>();
  const add = (counts: Map<string, number>, what: string): unknown =>
    counts.set(what, (counts.get(what) ?? 0) + 1);
  for (const manifest of manifests) {
    const patterns = ACTED_ON[manifest.kind];
    const group = GROUPS[manifest.kind];
    if (patterns === undefined || (group !== undefined && !group.test(manifest.apiVersion))) {
      add(kinds, manifest.kind);
      continue;
    }
    if (ignored.has(manifest)) continue;
    walk(manifest.body, "", ["apiVersion", "kind", ...patterns], (path) => add(fields, path));
    const triggers = manifest.kind === "ScaledObject" ? triggerTypes(manifest) : [];
    for (const type of triggers) if (type !== "prometheus") add(fields, `trigger type ${type}`);
  }
  return [...kinds, ...fields].map(([what, count]) => ({ what, count }));
}

const triggerTypes = (manifest: Manifest): string[] =>
  listAt(manifest.body, "spec", "triggers").map((trigger) => textAt(trigger, "type") ?? "");
