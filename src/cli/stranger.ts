/** What limpet took somebody's manifests to be, said before anything starts. */
import { relative } from "node:path";
import { containerRole } from "../engines/container-role.ts";
import { DEFAULT_SCRAPE } from "../topology/scrape.ts";
import type { Tier, Topology } from "../topology/types.ts";

/** @param cwd the folder that the path of `limpet.yaml` is shown from. */
export function describeStranger(topology: Topology, engine: string, cwd: string): string {
  const workloads = [topology.entry.workload, ...topology.tiers.map((tier) => tier.workload)];
  // Virtual time runs no commands at all.
  const isMapped = (image: string): boolean =>
    engine !== "simulated" && (topology.config.programs[image]?.command.length ?? 0) > 0;
  const standIns = workloads
    .filter(({ container }) => !isMapped(container.image))
    .filter((workload) => containerRole(topology, workload, workload.container).standIn)
    .map(({ name }) => name);
  const because =
    engine === "simulated"
      ? "virtual time runs no commands, so a model of limpet's own programs takes their place"
      : "no command in limpet.yaml, so limpet's own programs take their place";
  const lines = [
    `read ${topology.manifests.length} objects from ${plural(topology.files.length, "file")}`,
    ...(topology.config.file === null ? [] : [`settings of   ${relative(cwd, topology.config.file)}`]),
    ...topology.findings.map(
      ({ file, line, message, remedy }) => `${file}:${line}: ${message}\n    ${remedy}`,
    ),
    ...topology.tiers.map((tier) => `tier  ${tier.name}   ${describeTier(tier)}`),
    `entry ${topology.entry.workload.name}   ${topology.entry.workload.kind} ${topology.entry.workload.name}`,
    ...(topology.scrape.source === DEFAULT_SCRAPE.source && !isSaid(topology)
      ? [
          `scrape every ${topology.scrape.scrapeIntervalSeconds} s: no Prometheus in the manifests says otherwise, and first responses wait for it`,
        ]
      : []),
    ...(standIns.length === 0 ? [] : [`stood in for   ${standIns.join(", ")}: ${because}`]),
    ...(topology.config.activeTenants === null && standIns.includes(topology.entry.workload.name)
      ? [
          "the metric of each tier is exported as its query selects it: limpet.yaml declares no activeTenants, so checks of it are undecided",
        ]
      : []),
    ...(topology.notActedOn.length === 0
      ? []
      : [
          `not acted on   ${topology.notActedOn.map(({ what, count }) => (count === 1 ? what : `${what} ×${count}`)).join(" · ")}`,
        ]),
  ];
  return `${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

/** A prometheus.yaml that is listed and not there is a finding, with the same figure. */
const isSaid = ({ findings }: Topology): boolean =>
  findings.some(({ message }) => message.includes("built-in Prometheus"));

function describeTier({ workload, services, scaledObject }: Tier): string {
  const parts = [
    `${workload.kind} ${workload.name}`,
    ...services.map(
      ({ name, headless }) => `Service ${name}${headless ? " (headless: Envoy will not hash)" : ""}`,
    ),
    scaledObject
      ? `ScaledObject ${scaledObject.name}${triggers(scaledObject.triggers.length)}`
      : "no ScaledObject",
  ];
  return parts.join(" · ");
}

const triggers = (count: number): string => (count === 1 ? "" : ` (${count} triggers)`);
const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
