import { LabelCap } from "../shared/label-cap.ts";
import {
  computedGauge,
  Counter,
  documentCounter,
  Gauge,
  Histogram,
  type LabelledCounter,
  Registry,
} from "../shared/prometheus.ts";
import type { ActiveTenantsMetric, GatewayConfig } from "./config.ts";
import type { HoldEvent } from "./hold.ts";
import type { MissCause } from "./misses.ts";

/** What became of a request. */
export type RequestOutcome = "answer" | "error" | "refused" | "abandoned";

/** What the metrics ask of the gateway at a scrape. */
export type GatewayReadings = {
  /** Active tenants of a tier; undefined while that is not known. */
  activeTenants(tier: string): number | undefined;
  held(tier: string): number;
  inFlight(tier: string): number;
  connections(tier: string): {
    readonly connected: number;
    readonly running: number;
    readonly pending: number;
  };
  heldBytes(): number;
  recovered(tier: string): boolean;
  simulations(): number;
  /** Topology seconds since the active tenants were last counted for the gauge. */
  refreshAgeSeconds(): number;
};

/**
 * Every series of the gateway. Names of the original document are served as it writes them; `…_total` is the real name of a
 * counter, the bare one (where the document uses it) is the same number again. Seconds are topology time.
 *
 * | name | type | labels | meaning |
 * |---|---|---|---|
 * | test_active_tenants | gauge | tier | active tenants; no sample until a restarted gateway knows (name and labels: ACTIVE_TENANTS_METRICS) |
 * | test_requests_total | counter | tenant_id, tier | valid requests, counted on arrival |
 * | test_request_outcomes_total | counter | tier, outcome | answer, error, refused, abandoned |
 * | test_request_failures_total | counter | tier, cause | every request that got no answer, and every refusal, by cause |
 * | test_affinity_hits_total, test_affinity_hits | counter | tenant_id, pod | answered by the same pod as the tenant's last answer |
 * | test_affinity_misses_total | counter | tier, cause | answered by another pod; retried, new-pod, old-pod-silent, same-pods |
 * | test_affinity_over_zero_total | counter | tier | another pod after the tier had none: neither hit nor miss |
 * | test_affinity_first_requests_total | counter | tier | first answer of a tenant: neither hit nor miss |
 * | test_holds_total | counter | tier, event | held, requeued, released, expired, refused, abandoned |
 * | test_held_requests, test_held_bytes | gauge | tier; none | requests waiting for a pod, and their memory |
 * | test_requests_in_flight | gauge | tier | requests at the backend now |
 * | test_retries_total | counter | tier, cause | tries after the first |
 * | test_request_duration_seconds | histogram | tier, outcome | arrival to answer |
 * | test_cold_start_seconds | histogram | tier | first request that met no pod to the first answer after it |
 * | test_backend_connections | gauge | tier, state | connected, running, pending |
 * | test_recovery_complete | gauge | tier | 1 once active tenants may be published |
 * | test_active_tenants_refresh_age_seconds | gauge | | age of the number that test_active_tenants shows |
 * | test_refresh_failures_total | counter | | failed refreshes and sweeps |
 * | test_simulations | gauge | | simulations running |
 * | test_tenant_labels_dropped_total | counter | | uses of the label `other` because a cap was reached |
 */
export type GatewayMetrics = {
  readonly registry: Registry;
  request(tenant: string, tier: string): void;
  ended(tier: string, outcome: RequestOutcome, durationSeconds: number): void;
  failed(tier: string, cause: string): void;
  hit(tenant: string, pod: string): void;
  miss(tier: string, cause: MissCause): void;
  overZero(tier: string): void;
  first(tier: string): void;
  hold(tier: string, event: HoldEvent): void;
  retried(tier: string, cause: string): void;
  coldStart(tier: string, seconds: number): void;
  refreshFailed(): void;
  /** Removes every series that carries the tenant. */
  forget(tenant: string): void;
};

const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120];
const COLD_START_BUCKETS = [1, 2, 5, 8, 11, 14, 17, 20, 25, 30, 45, 60, 90];

export function createGatewayMetrics(config: GatewayConfig, readings: GatewayReadings): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  const tiers = config.backends.map(({ tier }) => tier);
  const counter = (name: string, help: string, labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers });
  const perTier = (name: string, help: string, read: (tier: string) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ["tier"],
      registers,
      collect() {
        for (const tier of tiers) this.set({ tier }, read(tier));
      },
    });

  activeTenantsGauges(config, registry, readings);
  const requests = counter("test_requests_total", "Valid requests", ["tenant_id", "tier"]);
  const outcomes = counter("test_request_outcomes_total", "Requests by outcome", ["tier", "outcome"]);
  const failures = counter("test_request_failures_total", "Requests without an answer, by cause", [
    "tier",
    "cause",
  ]);
  const hits = documentCounter(registry, "test_affinity_hits", "Answers by the tenant's last pod", [
    "tenant_id",
    "pod",
  ]);
  const misses = counter("test_affinity_misses_total", "Answers by another pod than the last", [
    "tier",
    "cause",
  ]);
  const overZero = counter("test_affinity_over_zero_total", "Answers by another pod after none was there", [
    "tier",
  ]);
  const firsts = counter("test_affinity_first_requests_total", "First answers of a tenant", ["tier"]);
  const holds = counter("test_holds_total", "What happened to requests that wait for a pod", [
    "tier",
    "event",
  ]);
  const retries = counter("test_retries_total", "Tries after the first, by cause", ["tier", "cause"]);
  const refreshFailures = counter("test_refresh_failures_total", "Failed refreshes and sweeps", []);
  const dropped = counter("test_tenant_labels_dropped_total", "Uses of the label other", []);
  const durations = new Histogram({
    name: "test_request_duration_seconds",
    help: "Arrival to answer, topology time",
    labelNames: ["tier", "outcome"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const coldStarts = new Histogram({
    name: "test_cold_start_seconds",
    help: "First request that met no pod to the first answer after it, topology time",
    labelNames: ["tier"],
    buckets: COLD_START_BUCKETS,
    registers,
  });
  perTier("test_held_requests", "Requests waiting for a pod", (tier) => readings.held(tier));
  perTier("test_requests_in_flight", "Requests at the backend", (tier) => readings.inFlight(tier));
  perTier("test_recovery_complete", "1 once active tenants may be published", (tier) =>
    readings.recovered(tier) ? 1 : 0,
  );
  computedGauge(registry, "test_held_bytes", "Memory of the requests that wait for a pod", () =>
    readings.heldBytes(),
  );
  computedGauge(registry, "test_simulations", "Simulations running", () => readings.simulations());
  computedGauge(registry, "test_active_tenants_refresh_age_seconds", "Age of the active tenants shown", () =>
    readings.refreshAgeSeconds(),
  );
  connectionsGauge(registry, tiers, readings);

  const tenantCap = new LabelCap(config.maxTenantSeries, () => dropped.inc());
  const podCap = new LabelCap(config.maxPodSeries, () => dropped.inc());
  const series = new Map<string, Map<string, () => void>>();
  /** Counts under the tenant's label, and remembers how to take the series away again. */
  const count = (
    metric: LabelledCounter,
    key: string,
    label: string,
    labels: Record<string, string>,
  ): void => {
    metric.inc(labels);
    let known = series.get(label);
    if (!known) series.set(label, (known = new Map()));
    known.set(key, () => metric.remove(labels));
  };

  return {
    registry,
    request: (tenant, tier) => {
      const label = tenantCap.label(tenant);
      count(requests, `requests ${tier}`, label, { tenant_id: label, tier });
    },
    ended: (tier, outcome, durationSeconds) => {
      outcomes.inc({ tier, outcome });
      durations.observe({ tier, outcome }, durationSeconds);
    },
    failed: (tier, cause) => failures.inc({ tier, cause }),
    hit: (tenant, podName) => {
      const label = tenantCap.label(tenant);
      const pod = podCap.label(podName);
      count(hits, `hits ${pod}`, label, { tenant_id: label, pod });
    },
    miss: (tier, cause) => misses.inc({ tier, cause }),
    overZero: (tier) => overZero.inc({ tier }),
    first: (tier) => firsts.inc({ tier }),
    hold: (tier, event) => holds.inc({ tier, event }),
    retried: (tier, cause) => retries.inc({ tier, cause }),
    coldStart: (tier, seconds) => coldStarts.observe({ tier }, seconds),
    refreshFailed: () => refreshFailures.inc(),
    forget: (tenant) => {
      for (const remove of series.get(tenant)?.values() ?? []) remove();
      series.delete(tenant);
      tenantCap.forget(tenant);
    },
  };
}

/** One gauge a metric name; its label names are those of all tiers together. */
function activeTenantsGauges(config: GatewayConfig, registry: Registry, readings: GatewayReadings): void {
  const names = new Set(config.activeTenantsMetrics.map(({ metric }) => metric));
  for (const name of names) {
    const entries = config.activeTenantsMetrics.filter(({ metric }) => metric === name);
    const labelNames = [...new Set(entries.flatMap(({ labels }) => Object.keys(labels)))];
    const bySeries = new Map<string, ActiveTenantsMetric[]>();
    for (const entry of entries) {
      const key = JSON.stringify(Object.entries(entry.labels).sort(([a], [b]) => (a < b ? -1 : 1)));
      bySeries.set(key, [...(bySeries.get(key) ?? []), entry]);
    }
    // A gauge without labels begins with a sample of 0, which would say that nobody is active.
    const clear = (gauge: Gauge): void => (labelNames.length === 0 ? gauge.remove() : gauge.reset());
    const gauge = new Gauge({
      name,
      help: "Tenants with a request held or in flight, or answered within the idle window",
      labelNames,
      registers: [registry],
      collect() {
        clear(this);
        for (const series of bySeries.values()) {
          const counts = series.map(({ tier }) => readings.activeTenants(tier));
          // Tiers that share a series are added up, and none of it is told while one of them is not known.
          const known = counts.filter((count) => count !== undefined);
          if (known.length === counts.length) {
            this.set(
              series[0]!.labels,
              known.reduce((sum, count) => sum + count, 0),
            );
          }
        }
      },
    });
    clear(gauge);
  }
}

function connectionsGauge(registry: Registry, tiers: readonly string[], readings: GatewayReadings): Gauge {
  return new Gauge({
    name: "test_backend_connections",
    help: "Connections to the backend: open, with a request running; and requests that wait for one",
    labelNames: ["tier", "state"],
    registers: [registry],
    collect() {
      for (const tier of tiers) {
        for (const [state, value] of Object.entries(readings.connections(tier)))
          this.set({ tier, state }, value);
      }
    },
  });
}
