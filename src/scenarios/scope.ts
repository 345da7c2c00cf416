/** The numbers of a topology that scenario files may name. */
import type { Tier, Topology } from "../topology/types.ts";
import type { Scope } from "./expressions.ts";

/** The HPA controller's own period (kube-controller-manager `--horizontal-pod-autoscaler-sync-period`). */
export const HPA_SYNC_SECONDS = 15;
const DEFAULT_IDLE_SECONDS = 60;

function entryNumber(topology: Topology, name: string): number | null {
  const variable = topology.entry.container.env.find((env) => env.name === name);
  const value = variable && "value" in variable ? Number(variable.value) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

/** Seconds for which a tenant counts as active after its last answer. */
export const idleSeconds = (topology: Topology): number =>
  topology.config.tenantIdleSeconds ?? entryNumber(topology, "TENANT_IDLE_SECONDS") ?? DEFAULT_IDLE_SECONDS;

/** Seconds between two computations of the gauge; 0 = computed at each scrape. */
export const gaugeIntervalSeconds = (topology: Topology): number =>
  topology.config.gaugeIntervalSeconds ?? entryNumber(topology, "GAUGE_INTERVAL_SECONDS") ?? 0;

/** What each name means, for the published schema. */
export const NAMES: Readonly<Record<string, string>> = {
  threshold: "tenants a pod, from the tier's Prometheus trigger",
  max: "maxReplicaCount",
  min: "minReplicaCount",
  tiers: "number of tiers",
  pollingInterval: "seconds, of the tier's ScaledObject",
  cooldown: "cooldownPeriod, seconds",
  stabilization: "the HPA's scale-down window, seconds",
  scrape: "scrape interval, seconds",
  idle: "seconds for which a tenant stays active after its last answer",
  gaugeInterval: "seconds between two computations of the gauge, 0 = at each scrape",
  sync: "the HPA controller's period, seconds",
};

/** The names that hold for one tier. A tier without a ScaledObject scales to nothing: its numbers are 0. */
export function topologyScope(topology: Topology, tier: Tier): Scope {
  const scaled = tier.scaledObject;
  return {
    // One that KEDA cannot use fails the run with its place; until then a scenario needs some number.
    threshold: tier.threshold > 0 ? tier.threshold : 1,
    max: scaled?.maxReplicaCount ?? 0,
    min: scaled?.minReplicaCount ?? 0,
    tiers: topology.tiers.length,
    pollingInterval: scaled?.pollingIntervalSeconds ?? 0,
    cooldown: scaled?.cooldownPeriodSeconds ?? 0,
    stabilization: scaled?.scaleDownStabilizationSeconds ?? 0,
    scrape: topology.scrape.scrapeIntervalSeconds,
    idle: idleSeconds(topology),
    gaugeInterval: gaugeIntervalSeconds(topology),
    sync: HPA_SYNC_SECONDS,
  };
}
