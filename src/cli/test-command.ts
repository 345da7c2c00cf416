/** `limpet test`: scenarios on a topology, progress while they run, a table and an exit code at the end. */
import { join } from "node:path";
import type { ResourcesEvent, RunEvent } from "../events/types.ts";
import { createRunFolder } from "../events/writer.ts";
import { EnvironmentError, InputError } from "../errors.ts";
import { Progress } from "../report/progress.ts";
import { readRunLog } from "../report/summary.ts";
import { exitCode } from "../events/verdicts.ts";
import { loadScenarios } from "../scenarios/load.ts";
import { beyondRealTime } from "../scenarios/real-time.ts";
import { runSuite } from "../scenarios/suite.ts";
import { chooseEngine } from "./choose-engine.ts";
import { EXIT, type Host } from "./host.ts";
import { drawSeed, openTopology } from "./open-topology.ts";
import { render } from "./render.ts";
import { replayCommand } from "./replay.ts";
import type { TestOptions } from "./options.ts";
import { describeStranger } from "./stranger.ts";
import { RUNS_FOLDER } from "./runs-folder.ts";
import { packageVersion } from "./version.ts";
import { refuseUndeclaredMetric } from "./undeclared-metric.ts";

export async function testCommand(
  host: Host,
  names: readonly string[],
  options: TestOptions,
): Promise<number> {
  const topology = await openTopology(host, options);
  refuseUndeclaredMetric(topology);
  const chosen = await chooseEngine(host, options, topology);
  const { engine, speed, parts, realParts } = chosen;
  const scenarios = await loadScenarios(names, topology);
  const tooMuch = options.engine === "simulated" ? [] : beyondRealTime(scenarios.plans, speed);
  if (tooMuch.length > 0) throw new InputError(tooMuch);
  const seed = options.seed ?? drawSeed(host);
  const started = host.now();
  const base = join(host.cwd, RUNS_FOLDER);
  const folder = makeFolder(base, `${started.toISOString().slice(0, 19).replaceAll(":", "-")}-seed${seed}`);
  // The result alone goes to standard output where a program reads it.
  const screen = options.reporter === "terminal" ? host.stdout : host.stderr;
  const print = (text: string): void => void screen.write(text);
  if (options.topology !== undefined) print(describeStranger(topology, options.engine, host.cwd));
  const progress = new Progress(
    {
      write: print,
      isTTY: screen.isTTY === true && options.reporter === "terminal",
      columns: host.stdout.columns ?? 100,
    },
    {
      heading: `limpet test · ${topology.path} · ${chosen.words}, seed ${seed}`,
      speed,
      scenarios: scenarios.plans.map(({ name }) => name),
    },
  );
  const spent = new Spent(started, host.now);
  const result = await runSuite({
    engine,
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
    ...(chosen.logsResources ? { resources: () => spent.total() } : {}),
    onEvent: (event, part) => {
      spent.note(event);
      progress.event(event, part);
    },
    realParts,
    ...(options.hashOverride ? { overrideLbPolicy: options.hashOverride } : {}),
  });
  progress.end();
  host.stdout.write(render(host, await readRunLog(folder), options.reporter));
  if (result.interrupted) {
    print(" interrupted: everything that was started has ended\n");
    return EXIT.interrupted;
  }
  const code = exitCode(result.verdicts);
  if (options.engine === "simulated" && code !== EXIT.pass)
    print(` again      ${replayCommand(names, options, seed)}\n`);
  return code;
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
