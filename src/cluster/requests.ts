/** What the cluster is asked for: requests of CPU and memory, summed from manifests. */
import { listAt, textAt } from "../topology/json.ts";
import type { Json, Manifest, Topology } from "../topology/types.ts";

/** Thousandths of a CPU, and MiB. */
export type Requests = { readonly cpuMilli: number; readonly memoryMiB: number };

const MEMORY: Readonly<Record<string, number>> = { Ki: 1 / 1024, Mi: 1, Gi: 1024 };

/** `{requests: {cpu: 100m, memory: 256Mi}}`, as Kubernetes writes it. */
export function requestsIn(resources: Json | undefined): Requests {
  const cpu = textAt(resources, "requests", "cpu") ?? "0";
  const memory = /^(\d+)(Ki|Mi|Gi)$/.exec(textAt(resources, "requests", "memory") ?? "");
  return {
    cpuMilli: cpu.endsWith("m") ? Number(cpu.slice(0, -1)) : Number(cpu) * 1000,
    memoryMiB: memory === null ? 0 : Number(memory[1]) * MEMORY[memory[2]!]!,
  };
}

export const sum = (all: readonly Requests[]): Requests => ({
  cpuMilli: all.reduce((total, one) => total + one.cpuMilli, 0),
  memoryMiB: all.reduce((total, one) => total + one.memoryMiB, 0),
});

export const times = ({ cpuMilli, memoryMiB }: Requests, count: number): Requests => ({
  cpuMilli: cpuMilli * count,
  memoryMiB: memoryMiB * count,
});

/** Of one pod of a workload, without a sidecar. */
export const requestsOfPod = ({ body }: Pick<Manifest, "body">): Requests =>
  sum(
    listAt(body, "spec", "template", "spec", "containers").map((container) =>
      requestsIn((container as { readonly [key: string]: Json })["resources"]),
    ),
  );

/** One line for each tier at its largest, with a sidecar in each pod. */
export const requestsOfTiers = (
  { tiers }: Topology,
  sidecar: Requests,
): readonly { readonly tier: string; readonly pods: number; readonly requests: Requests }[] =>
  tiers.map(({ name, workload, scaledObject }) => {
    const pods = scaledObject?.maxReplicaCount ?? workload.replicas ?? 1;
    return { tier: name, pods, requests: times(sum([requestsOfPod(workload.manifest), sidecar]), pods) };
  });
