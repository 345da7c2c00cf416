import { LabelCap } from "../shared/label-cap.ts";
import { computedGauge, Counter, documentCounter, Registry } from "../shared/prometheus.ts";
import type { ApiConfig } from "./config.ts";

/**
 * | name | type | labels | meaning |
 * |---|---|---|---|
 * | test_tenant_requests_total, test_tenant_requests | counter | tenant_id, pod, tier | requests of a tenant, counted on arrival |
 * | test_api_refused_total | counter | reason | requests that were not worked on |
 * | test_api_in_progress | gauge | | requests being worked on |
 * | test_api_queued | gauge | | requests waiting for their turn |
 * | test_api_tenants | gauge | | tenants whose state this pod keeps |
 * | test_tenant_labels_dropped_total | counter | | uses of the label `other` because the cap was reached |
 */
export type ApiMetrics = {
  readonly registry: Registry;
  request(tenant: string): void;
  refused(reason: string): void;
};

export type ApiReadings = { running(): number; waiting(): number; tenants(): number };

export function createApiMetrics(config: ApiConfig, readings: ApiReadings): ApiMetrics {
  const registry = new Registry();
  const registers = [registry];
  const dropped = new Counter({
    name: "test_tenant_labels_dropped_total",
    help: "Uses of the label other because too many tenants have a series",
    registers,
  });
  const cap = new LabelCap(config.maxTenantSeries, () => dropped.inc());
  const requests = documentCounter(registry, "test_tenant_requests", "Requests per tenant", [
    "tenant_id",
    "pod",
    "tier",
  ]);
  const refused = new Counter({
    name: "test_api_refused_total",
    help: "Requests that were not worked on, by reason",
    labelNames: ["reason"],
    registers,
  });
  computedGauge(registry, "test_api_in_progress", "Requests being worked on", () => readings.running());
  computedGauge(registry, "test_api_queued", "Requests waiting for their turn", () => readings.waiting());
  computedGauge(registry, "test_api_tenants", "Tenants whose state this pod keeps", () => readings.tenants());
  return {
    registry,
    request: (tenant) => requests.inc({ tenant_id: cap.label(tenant), pod: config.pod, tier: config.tier }),
    refused: (reason) => refused.inc({ reason }),
  };
}
