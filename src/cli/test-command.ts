/** `limpet test`: scenarios on a topology, progress while they run, a table and an exit code at the end. */
import { join } from "node:path";
import type { ResourcesEvent, RunEvent } from "../events/types.ts";
import { createRunFolder } from "../events/writer.ts";
import { localEngine } from "../engines/local/local-engine.ts";
import { EnvironmentError, InputError } from "../errors.ts";
import { Progress } from "../report/progress.ts";
import { readRunLog } from "../report/summary.ts";
import { exitCode } from "../events/verdicts.ts";
import { loadScenarios } from "../scenarios/load.ts";
import { runSuite } from "../scenarios/suite.ts";
import type { Topology } from "../topology/types.ts";
import { EXIT, type Host } from "./host.ts";
import { drawSeed, openTopology } from "./open-topology.ts";
import { chooseParts } from "./real-parts.ts";
import { render } from "./render.ts";
import type { TestOptions } from "./options.ts";
import { describeStranger } from "./stranger.ts";
import { RUNS_FOLDER } from "./runs-folder.ts";
import { packageVersion } from "./version.ts";

export async function testCommand(
  host: Host,
  names: readonly string[],
  options: TestOptions,
): Promise<number> {
  if (options.engine !== "local") {
    throw new InputError([`--engine ${options.engine}: not built yet; this version has one engine: local`]);
  }
  const topology = await openTopology(host, options);
  const speed = speedFor(topology, options.speed);
  const scenarios = await loadScenarios(names, topology);
  const { realParts, parts } = await chooseParts(host, options, topology);
  const seed = options.seed ?? drawSeed(host);
  const started = host.now();
  const base = join(host.cwd, RUNS_FOLDER);
  const folder = makeFolder(base, `${started.toISOString().slice(0, 19).replaceAll(":", "-")}-seed${seed}`);
  // The result alone goes to standard output where a program reads it.
  const screen = options.reporter === "terminal" ? host.stdout : host.stderr;
  const print = (text: string): void => void screen.write(text);
  if (options.topology !== undefined) print(describeStranger(topology, host.cwd));
  const progress = new Progress(
    {
      write: print,
      isTTY: screen.isTTY === true && options.reporter === "terminal",
      columns: host.stdout.columns ?? 100,
    },
    {
      heading: `limpet test · ${topology.path} · ${options.engine} engine, speed ${speed}, seed ${seed}`,
      speed,
      scenarios: scenarios.plans.map(({ name }) => name),
    },
  );
  const spent = new Spent(started, host.now);
  const result = await runSuite({
    engine: localEngine,
    topology,
    scenarios,
    seed,
    speed,
    folder,
    header: {
      limpet: packageVersion(host),
      date: started.toISOString(),
      parts,
    },
    hostEnv: host.env,
    signal: host.interrupted,
    resources: () => spent.total(),
    onEvent: (event, part) => {
      spent.note(event);
      progress.event(event, part);
    },
    realParts,
    ...(options.hashOverride ? { overrideLbPolicy: options.hashOverride } : {}),
  });
  progress.end();
  host.stdout.write(render(host, await readRunLog(folder), options.reporter));
  if (result.interrupted) return EXIT.interrupted;
  return exitCode(result.verdicts);
}

/** A user's own command keeps real time unless it says that it can do otherwise. */
function speedFor(topology: Topology, wanted: number): number {
  const images = [topology.entry.workload, ...topology.tiers.map((tier) => tier.workload)].map(
    ({ container }) => container.image,
  );
  const real = images.find((image) => topology.config.programs[image]?.honoursSpeed === false);
  if (real === undefined || wanted === 1) return wanted;
  throw new InputError([
    `${topology.config.file ?? "limpet.yaml"}: the command for image ${real} keeps real time, and --speed is ${wanted}. ` +
      "Use --speed 1, or say honoursSpeed: true for it if it reads LIMPET_EPOCH and LIMPET_SPEED",
  ]);
}

function makeFolder(base: string, name: string): string {
  try {
    return createRunFolder(base, name);
  } catch (error) {
    throw new EnvironmentError(
      `cannot write the event log in ${base}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** What the machine spent on all parts of the run. */
class Spent {
  readonly #startedMs: number;
  readonly #now: () => Date;
  #pssBytesPeak = 0;

  constructor(started: Date, now: () => Date) {
    this.#startedMs = started.getTime();
    this.#now = now;
  }

  note(event: RunEvent): void {
    if (event.type === "resources") this.#pssBytesPeak = Math.max(this.#pssBytesPeak, event.pssBytesPeak);
  }

  total(): Pick<ResourcesEvent, "pssBytesPeak" | "realSeconds"> {
    return {
      pssBytesPeak: this.#pssBytesPeak,
      realSeconds: (this.#now().getTime() - this.#startedMs) / 1000,
    };
  }
}
