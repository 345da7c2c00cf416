/** A topology as the first lines of an event log: who is who, where calls go, what each ScaledObject asks for. */
import type { Topology } from "../topology/types.ts";
import { describeRoutes, describeScaledObjects } from "./describe.ts";
import type { ManifestPlace, RunEvent, TopologySummary } from "./types.ts";

export type TopologyEventOptions = {
  /** Workloads whose image nothing maps to a command. */
  readonly standIns: readonly string[];
  readonly overrideLbPolicy?: string;
};

export const topologyEvents = (topology: Topology, options: TopologyEventOptions): RunEvent[] => [
  summaryOf(topology, options.standIns),
  ...describeRoutes(topology, options.overrideLbPolicy),
  ...describeScaledObjects(topology),
];

function entryPods({ entry: { workload } }: Topology): ManifestPlace {
  const { file, line } = workload.manifest.at("spec", "template", "metadata", "annotations");
  return { name: workload.name, file, line };
}

const summaryOf = (topology: Topology, standIns: readonly string[]): TopologySummary => ({
  type: "topology",
  atUs: 0,
  objects: topology.manifests.length,
  files: topology.files.length,
  tiers: topology.tiers.map(({ name, workload, services, scaledObject }) => ({
    tier: name,
    workload: `${workload.kind} ${workload.name}`,
    services: services.map((service) => `${service.name}${service.headless ? " (headless)" : ""}`),
    scaledObject: scaledObject?.name ?? null,
  })),
  entry: `${topology.entry.workload.kind} ${topology.entry.workload.name}`,
  entryPods: entryPods(topology),
  standIns,
  notActedOn: topology.notActedOn,
  findings: topology.findings.map(({ file, line, message, remedy, about }) => ({
    file,
    line,
    message,
    remedy,
    ...(about === undefined ? {} : { about }),
  })),
});
