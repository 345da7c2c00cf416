/** Which of limpet's own programs plays a container, and what it has to be told: the same for every engine. */
import type { PodIdentity } from "../controlplane/substrate.ts";
import type { VectorSelector } from "../promql/ast.ts";
import { PromqlError } from "../promql/errors.ts";
import { parse } from "../promql/parse.ts";
import { metricOf, selectorsIn } from "../promql/selectors.ts";
import { ANSWER_DEADLINE_SECONDS } from "../services/gateway/config.ts";
import { imageName } from "../topology/image-name.ts";
import { requestShape } from "../topology/request-shape.ts";
import type { Container, ScaledObject, Topology, Workload } from "../topology/types.ts";

export type ContainerRole = {
  readonly program: "gateway" | "api";
  readonly env: Readonly<Record<string, string>>;
  /** It takes the place of somebody else's image. */
  readonly standIn: boolean;
};

/** Our own image's program, else the stand-in for it. */
export function containerRole(topology: Topology, workload: Workload, container: Container): ContainerRole {
  const name = imageName(container.image);
  if (workload === topology.entry.workload) {
    if (name === "test-gateway") return { program: "gateway", env: {}, standIn: false };
    return { program: "gateway", env: gatewayStandInEnv(topology), standIn: true };
  }
  if (name === "test-api") return { program: "api", env: {}, standIn: false };
  return { program: "api", env: apiStandInEnv(topology, workload), standIn: true };
}

/**
 * Whether something answers at a container port. A stand-in shows its pages at every port that the container declares or
 * that its probes ask, as an image with a second listener for them would.
 */
export function answersAt(container: Container, standIn: boolean, port: number): boolean {
  const { ports } = container;
  if (ports.length === 0 || port === ports[0]!.containerPort) return true;
  if (!standIn) return false;
  const asked = [container.readinessProbe, container.livenessProbe, container.startupProbe];
  return (
    ports.some(({ containerPort }) => containerPort === port) || asked.some((probe) => probe?.port === port)
  );
}

/** How long the gateway waits for an answer, in seconds of topology time. */
export function answerDeadlineSecondsOf({ env }: Container): number {
  const given = env.find((entry) => entry.name === "ANSWER_DEADLINE_SECONDS");
  return given !== undefined && "value" in given ? Number(given.value) : ANSWER_DEADLINE_SECONDS;
}

/** What `limpet.yaml` sets in one of our programs, whatever the manifests say. */
export function declaredEnv(topology: Topology, program: "gateway" | "api" | null): Record<string, string> {
  const { tenantIdleSeconds, gaugeIntervalSeconds, workMs } = topology.config;
  const entries: [string, number | null][] =
    program === "gateway"
      ? [
          ["TENANT_IDLE_SECONDS", tenantIdleSeconds],
          ["GAUGE_INTERVAL_SECONDS", gaugeIntervalSeconds],
        ]
      : program === "api"
        ? [["WORK_MS", workMs]]
        : [];
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])),
  ) as Record<string, string>;
}

/** What our gateway has to know to take the place of somebody else's. */
function gatewayStandInEnv(topology: Topology): Record<string, string> {
  const { config, tiers } = topology;
  const backends = tiers.map((tier) => {
    const port = tier.routingService.ports[0]?.port ?? 80;
    const url = `http://${tier.routingService.fqdn}:${port}`;
    const headless = tier.headlessService?.publishNotReadyAddresses ? tier.headlessService.fqdn : undefined;
    return [tier.name, { url, ...(headless === undefined ? {} : { headless }) }] as const;
  });
  const metrics = tiers.flatMap((tier) => activeTenantsMetricOf(topology, tier.name));
  return {
    BACKENDS: JSON.stringify(Object.fromEntries(backends)),
    DEFAULT_TIER: tiers[0]?.name ?? "",
    ACTIVE_TENANTS_METRICS: JSON.stringify(metrics),
    ...(config.request
      ? {
          REQUEST_PATH: config.request.path,
          BACKEND_PATH: config.request.path,
          TENANT_HEADER: config.request.tenantHeader,
          POD_FIELD: config.request.podField,
          ...(config.request.tierHeader ? { TIER_HEADER: config.request.tierHeader } : {}),
        }
      : { TENANT_HEADER: requestShape(topology).tenantHeader }),
  };
}

function apiStandInEnv(topology: Topology, workload: Workload): Record<string, string> {
  const { config } = topology;
  return {
    TIER: topology.tiers.find((tier) => tier.workload === workload)?.name ?? workload.name,
    ...(config.request
      ? {
          REQUEST_PATH: config.request.path,
          TENANT_HEADER: config.request.tenantHeader,
          POD_FIELD: config.request.podField,
        }
      : { TENANT_HEADER: requestShape(topology).tenantHeader }),
  };
}

export type ActiveTenantsMetric = {
  readonly tier: string;
  readonly metric: string;
  readonly labels: Record<string, string>;
};

/**
 * Which series counts a tier's active tenants: as `limpet.yaml` declares, else the one selector of each trigger's
 * query, so that a stand-in exports what the triggers ask for.
 */
export function activeTenantsMetricOf(topology: Topology, tierName: string): ActiveTenantsMetric[] {
  const declared = topology.config.activeTenants;
  if (declared) {
    const labels = Object.entries(declared.labels).map(([key, value]) => [
      key,
      value.replaceAll("{tier}", tierName),
    ]);
    return [
      {
        tier: tierName,
        metric: declared.metric,
        labels: Object.fromEntries(labels) as Record<string, string>,
      },
    ];
  }
  const tier = topology.tiers.find(({ name }) => name === tierName);
  const found = new Map<string, ActiveTenantsMetric>();
  for (const { selectors } of prometheusQueries(tier?.scaledObject ?? null)) {
    const [selector] = selectors ?? [];
    const labels = selector && selectors?.length === 1 ? labelsOf(selector, tierName) : null;
    if (selector === undefined || labels === null) continue;
    const one = { tier: tierName, metric: metricOf(selector), labels };
    found.set(JSON.stringify(one), one);
  }
  return [...found.values()];
}

export type PrometheusQuery = {
  /** Of the trigger, among the ScaledObject's. */
  readonly index: number;
  /** What the query selects; null where there is none, or none that can be read. */
  readonly selectors: readonly VectorSelector[] | null;
};

/** The query of each Prometheus trigger. */
export const prometheusQueries = (scaledObject: ScaledObject | null): readonly PrometheusQuery[] =>
  (scaledObject?.triggers ?? []).flatMap(({ type, metadata }, index) =>
    type === "prometheus" ? [{ index, selectors: selectorsOf(metadata["query"] ?? "") }] : [],
  );

function selectorsOf(query: string): readonly VectorSelector[] | null {
  try {
    return selectorsIn(parse(query));
  } catch (error) {
    if (error instanceof PromqlError) return null;
    throw error;
  }
}

/** Labels that the selector takes: of alternatives the tier's own name, else the first; null where it takes none. */
function labelsOf({ matchers }: VectorSelector, tierName: string): Record<string, string> | null {
  const labels: Record<string, string> = {};
  for (const { name, operator, value, matches } of matchers) {
    if (name === "__name__" || matches("")) continue;
    const taken =
      operator === "=" ? value : [tierName, ...value.split("|")].find((candidate) => matches(candidate));
    if (taken === undefined) return null;
    labels[name] = taken;
  }
  return labels;
}

/** The container's own variables, with what the downward API gives. */
export function containerEnv(pod: PodIdentity): Record<string, string> {
  const { workload } = pod;
  const fields: Record<string, string> = {
    "metadata.name": pod.name,
    "metadata.namespace": workload.namespace,
    "metadata.uid": pod.uid,
    "status.podIP": pod.podIP,
    "spec.nodeName": "local",
  };
  const labelOf = (path: string): string =>
    workload.podLabels[/^metadata\.labels\['(.+)'\]$/.exec(path)?.[1] ?? ""] ?? "";
  return Object.fromEntries(
    pod.container.env.map((entry) => [
      entry.name,
      "value" in entry ? entry.value : (fields[entry.fieldPath] ?? labelOf(entry.fieldPath)),
    ]),
  );
}
