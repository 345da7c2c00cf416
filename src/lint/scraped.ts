import type { Workload } from "../topology/types.ts";
import type { Facts } from "./facts.ts";

/** Workloads whose pods are scraped by annotation. */
export const scraped = (facts: Facts): readonly Workload[] =>
  facts.workloads.filter(({ podAnnotations }) => podAnnotations["prometheus.io/scrape"] === "true");
