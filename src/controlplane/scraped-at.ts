/** Whether a pod asks to be scraped, where, and the labels that its samples get. */
import type { Topology } from "../topology/types.ts";
import type { PodIdentity } from "./substrate.ts";

export type ScrapedAt = {
  readonly port: number;
  readonly path: string;
  /** `podIP:port`. */
  readonly instance: string;
  /** With `job` and `instance`. */
  readonly labels: Readonly<Record<string, string>>;
};

/** By the annotations `prometheus.io/{scrape,port,path}`; null for a pod that does not ask. */
export function scrapedAt(topology: Topology, pod: PodIdentity): ScrapedAt | null {
  const annotations = pod.workload.podAnnotations;
  if (annotations["prometheus.io/scrape"] !== "true") return null;
  const port = Number(annotations["prometheus.io/port"] ?? pod.container.ports[0]?.containerPort ?? 80);
  const instance = `${pod.podIP}:${port}`;
  return {
    port,
    path: annotations["prometheus.io/path"] ?? "/metrics",
    instance,
    // No label `pod`: it would push the exported one aside, which names the API pod (see docs/decisions).
    labels: {
      job: topology.scrape.name,
      instance,
      namespace: pod.workload.namespace,
      kubernetes_pod: pod.name,
    },
  };
}
