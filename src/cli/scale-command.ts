/** `limpet scale`: what KEDA and the HPA make of a course of events. */
import { InputError } from "../errors.ts";
import { ignoredOfBehavior, ignoredOfScaledObject } from "../scaling/ignored-fields.ts";
import { replay, type PassRow, type ReplayOptions } from "../scaling/replay.ts";
import { parseTrace, type TraceLine } from "../scaling/trace.ts";
import type { Versions } from "../scaling/types.ts";
import { parseVersions } from "../topology/versions.ts";
import { columns } from "./columns.ts";
import { EXIT, type Host } from "./host.ts";
import { openTopology } from "./open-topology.ts";
import type { ScaleOptions } from "./options.ts";
import { wantsJson } from "./question-reporter.ts";
import { readInput } from "./read-input.ts";
import { tierNamed } from "./tier-named.ts";

export async function scaleCommand(host: Host, options: ScaleOptions): Promise<number> {
  if (options.trace === "-" && options.topology === "-")
    throw new InputError(["--trace - and --topology -: standard input can be only one of them"]);
  const { name, text } = await readInput(host, "--trace", options.trace);
  const lines = parseTrace(text, name);
  // All of them first: where the trace lacks something, there is one message and no half an answer.
  const start = await startOf(host, options, lines);
  const rows = [...replay(lines, start)];
  host.stderr.write(ignoredLines(lines, start.versions ?? {}));
  const isJson = wantsJson(host, options.reporter);
  host.stdout.write(isJson ? rows.map((row) => `${JSON.stringify(row)}\n`).join("") : tableOf(rows));
  return EXIT.pass;
}

/** A trace that brings its own object needs no topology; any other is about a tier's. */
async function startOf(
  host: Host,
  { topology: path, tier: tierName, versions }: ScaleOptions,
  lines: readonly TraceLine[],
): Promise<ReplayOptions> {
  const asked = path !== undefined || tierName !== undefined;
  const given = versions === undefined ? {} : parseVersions(versions);
  if (!asked && lines.some(({ scaledObject, hpa }) => scaledObject !== undefined || hpa !== undefined))
    return { versions: given };
  const topology = await openTopology(host, path === undefined ? {} : { topology: path });
  const { scaledObject, workload, name } = tierNamed(topology, tierName);
  if (scaledObject === null)
    throw new InputError([
      `tier ${name} of ${topology.path} has no ScaledObject; give one in the trace: {"t":0,"scaledObject":{…}}`,
    ]);
  const { kind, name: target } = scaledObject.scaleTargetRef;
  if (kind !== workload.kind || target !== workload.name) {
    const { file, line } = scaledObject.manifest.at("spec", "scaleTargetRef");
    throw new InputError([
      `${file}:${line}: ScaledObject ${scaledObject.name} is for ${kind} ${target}, and the tier's workload is ${workload.kind} ${workload.name}: ` +
        `KEDA finds no target and does nothing at all${scaledObject.kindGiven ? "" : " (kind defaults to Deployment)"}. Correct scaleTargetRef`,
    ]);
  }
  return {
    scaledObject: {
      name: scaledObject.name,
      spec: scaledObject.spec,
      annotations: scaledObject.manifest.annotations,
    },
    replicas: workload.replicas ?? 1,
    versions: { ...topology.config.versions, ...given },
  };
}

/** Of the specs in the trace; those of a topology are its findings. */
function ignoredLines(lines: readonly TraceLine[], versions: Versions): string {
  const found = lines.flatMap(({ source, scaledObject, hpa }) => [
    ...(scaledObject === undefined ? [] : ignoredOfScaledObject({ spec: scaledObject }, versions)).map(
      ({ message }) => `${source}: ${message}`,
    ),
    ...ignoredOfBehavior(hpa?.behavior, versions).map(({ message }) => `${source}: ${message}`),
  ]);
  return found.map((line) => `${line}\n`).join("");
}

/** A pass that says what the same controller's last one said is not said again. */
function tableOf(rows: readonly PassRow[]): string {
  const said: Partial<Record<PassRow["by"], string>> = {};
  const cells: string[][] = [["t", "by", "replicas", "desired", "reason", "conditions"]];
  let before: number | null = null;
  let repeated = 0;
  for (const { t, by, ...what } of rows) {
    const text = JSON.stringify(what);
    if (said[by] === text && before === what.replicas) {
      repeated++;
      continue;
    }
    said[by] = text;
    const change = before === null || before === what.replicas ? "" : `${before} → `;
    before = what.replicas;
    const conditions = Object.entries(what.conditions)
      .filter(([, { status, reason }]) => reason !== "" || status !== "Unknown")
      .map(([type, { status, reason }]) => `${type}=${status} ${reason}`);
    cells.push([
      String(t),
      by,
      `${change}${what.replicas}`,
      String(what.desired),
      what.reason,
      conditions.join(", "),
    ]);
  }
  const note =
    repeated === 0 ? "" : `${repeated} of ${rows.length} passes said what the one before them said.\n`;
  return `${columns(cells)}\n${note}`;
}
