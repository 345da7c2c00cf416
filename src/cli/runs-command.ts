/** `limpet test --engine simulated --runs N`: the tests over N seeds, on all cores. */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { InputError } from "../errors.ts";
import { inWorkers } from "../exec/in-workers.ts";
import { programPath } from "../exec/supervisor.ts";
import { type RunOutcome, summarizeRuns } from "../report/runs.ts";
import { renderRuns } from "../report/runs-terminal.ts";
import { loadScenarios } from "../scenarios/load.ts";
import { loadTopology, type LoadOptions } from "../topology/load.ts";
import { EXIT, type Host } from "./host.ts";
import { drawSeed, topologyToLoad } from "./open-topology.ts";
import type { TestOptions } from "./options.ts";
import { wantsColor } from "./render.ts";
import { replayCommand } from "./replay.ts";
import { describeStranger } from "./stranger.ts";

/** Grows when a field changes its meaning or goes away; new fields may come without. */
const SCHEMA_VERSION = 1;
const MAX_RUNS = 1_000_000;

export type RunsWorkerData = {
  readonly load: LoadOptions;
  readonly names: readonly string[];
  readonly overrideLbPolicy?: "RANDOM";
};

export async function runsCommand(
  host: Host,
  names: readonly string[],
  options: TestOptions,
  runs: number,
): Promise<number> {
  refuseWhatDoesNotFit(options, runs);
  const load = await topologyToLoad(host, options);
  // All that can be wrong with the input is told from here, once; the threads read it again for themselves.
  const topology = await loadTopology(load);
  const scenarios = await loadScenarios(names, topology);
  const first = options.seed ?? drawSeed(host);
  const workers = Math.min(options.workers ?? availableParallelism(), runs);
  const screen = options.reporter === "terminal" ? host.stdout : host.stderr;
  if (options.topology !== undefined) screen.write(describeStranger(topology, "simulated", host.cwd));
  screen.write(
    `limpet test · ${topology.path} · simulated engine, ${runs} runs, seeds ${first} to ${first + runs - 1}\n`,
  );
  const data: RunsWorkerData = {
    load,
    names,
    ...(options.hashOverride ? { overrideLbPolicy: options.hashOverride } : {}),
  };
  const outcomes: RunOutcome[] = [];
  const digest = createHash("sha256");
  const results = inWorkers<number, RunOutcome>({
    script: programPath("cli/runs-worker"),
    data,
    tasks: Array.from({ length: runs }, (_, index) => first + index),
    workers,
    signal: host.interrupted,
  });
  for await (const outcome of scenarios.plans.length === 0 ? [] : results) {
    outcomes.push(outcome);
    digest.update(`${outcome.seed} ${outcome.digest}\n`);
    if (host.stderr.isTTY === true) host.stderr.write(`\r${outcomes.length} of ${runs}`);
  }
  if (host.stderr.isTTY === true) host.stderr.write("\r\u001B[K");
  const again = (seed: number): string => replayCommand(names, options, seed);
  const summary = summarizeRuns(outcomes);
  const { notApplicable } = scenarios;
  if (options.reporter === "json") {
    const document = {
      schemaVersion: SCHEMA_VERSION,
      engine: "simulated",
      seeds: { first, last: first + runs - 1 },
      digest: digest.digest("hex"),
      topology: topology.path,
      ...summary,
      failures: summary.failures.map((failure) => ({ ...failure, again: again(failure.seed) })),
      outcomes: outcomes.map(({ seed, digest: own, scenarios: all }) => ({
        seed,
        digest: own,
        verdicts: Object.fromEntries(all.map(({ name, verdict }) => [name, verdict])),
      })),
      notApplicable: notApplicable.map(({ scenario, reason }) => ({ name: scenario, reason })),
    };
    host.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    const color = wantsColor(host);
    host.stdout.write(renderRuns(summary, { color, digest: digest.digest("hex"), again }));
    for (const { scenario, reason } of notApplicable)
      host.stdout.write(` not applicable: ${scenario}: ${reason}\n`);
  }
  if (host.interrupted.aborted) return EXIT.interrupted;
  return summary.passes === summary.runs ? EXIT.pass : EXIT.failed;
}

function refuseWhatDoesNotFit(options: TestOptions, runs: number): void {
  const { engine, reporter, sidecar, metrics, workers } = options;
  const problems = [
    ...(engine === "simulated"
      ? []
      : [`--runs ${runs} --engine ${engine}: many runs are for virtual time: add --engine simulated`]),
    ...(reporter === "junit" ? [`--runs ${runs} --reporter junit: takes terminal or json`] : []),
    ...(sidecar === "built-in" && metrics === "built-in"
      ? []
      : [`--runs ${runs}: a real program cannot live in virtual time; leave out --sidecar and --metrics`]),
    ...(workers === 0 ? ["--workers 0: at least one is wanted"] : []),
    ...(runs < 1 || runs > MAX_RUNS ? [`--runs ${runs}: 1 to ${MAX_RUNS} are wanted`] : []),
  ];
  if (problems.length > 0) throw new InputError(problems);
}
