/** The time from a first request at zero pods to a pod that can answer, stage by stage, as far as the manifests say. */
import { numberAt } from "../topology/json.ts";
import { DEFAULT_SCRAPE } from "../topology/scrape.ts";
import type { JsonObject, ScaledObject, Workload } from "../topology/types.ts";
import { containersOf, type Facts } from "./facts.ts";

export type Stage = { readonly name: string; readonly seconds: number };

/** Kubernetes schedules and starts a container whose image is on the node; scaling reference, section 6. */
const START_SECONDS = 3;
/** EndpointSlice, istiod's debounce and the push. */
const ROUTED_SECONDS = 2;

/** The container that Services send to, as written; probes of every kind are in it. */
export const mainContainer = (workload: Workload): JsonObject =>
  containersOf(workload.manifest).find((one) => one["name"] === workload.container.name) ?? {};

export const mainContainerPath = (workload: Workload): readonly (string | number)[] => [
  "spec",
  "template",
  "spec",
  "containers",
  Math.max(
    0,
    containersOf(workload.manifest).findIndex((one) => one["name"] === workload.container.name),
  ),
];

/** From a started container to Ready, at worst, for a program that answers at once. */
export function readinessSeconds(workload: Workload): number {
  const probe = (field: string): number => {
    const container = mainContainer(workload);
    if (container[field] === undefined) return 0;
    const delay = numberAt(container, field, "initialDelaySeconds") ?? 0;
    return delay + (numberAt(container, field, "periodSeconds") ?? 10);
  };
  return probe("startupProbe") + probe("readinessProbe") + workload.minReadySeconds;
}

/** The worst case of each stage; a stage that the input cannot tell is left out. */
export function wakeBudget(facts: Facts, scaler: ScaledObject, workload: Workload): readonly Stage[] {
  const gauge = facts.config.gaugeIntervalSeconds ?? 0;
  const scrape =
    facts.scrape.source === DEFAULT_SCRAPE.source && facts.prometheus === null
      ? 0
      : facts.scrape.scrapeIntervalSeconds;
  return [
    { name: "gauge", seconds: gauge },
    { name: "scrape", seconds: scrape },
    { name: "poll", seconds: scaler.pollingIntervalSeconds },
    { name: "start", seconds: START_SECONDS },
    { name: "ready", seconds: readinessSeconds(workload) },
    { name: "routed", seconds: ROUTED_SECONDS },
  ].filter(({ seconds }) => seconds > 0);
}

export const total = (stages: readonly Stage[]): number =>
  stages.reduce((sum, { seconds }) => sum + seconds, 0);

export const shownStages = (stages: readonly Stage[]): string =>
  stages.map(({ name, seconds }) => `${name} ${seconds}`).join(" + ");
