/** `limpet sweep`: the same traffic over many variants of a topology, one row each; or the value where a check gives way. */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { InputError } from "../errors.ts";
import { markPareto, PARETO_OVER, rowOf, type SweepRow, type VariantRun } from "../report/sweep/rows.ts";
import { failuresOf, renderSweep, sweepCsv } from "../report/sweep/render.ts";
import { EXIT, type Host } from "./host.ts";
import { drawSeed, topologyToLoad } from "./open-topology.ts";
import type { SweepOptions } from "./options.ts";
import { wantsColor } from "./render.ts";
import { findEdge } from "./sweep/find.ts";
import { Progress } from "./sweep/progress.ts";
import { runVariants } from "./sweep/run-variants.ts";
import { type LoadedVariant, loadVariant, type Variant, variantsOf } from "./sweep/variants.ts";

/** Grows when a field changes its meaning or goes away; new fields may come without. */
const SCHEMA_VERSION = 1;
const MAX_RUNS = 100_000;
/** What is run where no scenario is named: traffic that comes and goes shows most of what can be set. */
const DEFAULT_SCENARIO = "come and go";

export async function sweepCommand(
  host: Host,
  named: readonly string[],
  options: SweepOptions,
): Promise<number> {
  const names = named.length === 0 ? [DEFAULT_SCENARIO] : named;
  refuseWhatDoesNotFit(options);
  const base = await topologyToLoad(host, options);
  const workers = options.workers ?? availableParallelism();
  const firstSeed = options.seed ?? drawSeed(host);
  const given = { names, base, firstSeed, workers };
  if (options.find !== undefined) return findEdge(host, { ...options, find: options.find }, given);

  const variants = variantsOf(options.set, base);
  const loaded = await loadAll(variants, names);
  const screen = options.reporter === "terminal" ? host.stdout : host.stderr;
  const { runs } = options;
  screen.write(
    `limpet sweep · ${base.path} · ${names.join(", ")} · ${variants.length} ${variants.length === 1 ? "variant" : "variants"}, ` +
      `${runs} simulated ${runs === 1 ? "run" : "runs"} each, seeds ${firstSeed} to ${firstSeed + runs - 1}\n`,
  );
  const progress = new Progress(host, variants.length * runs);
  const perVariant = variants.map((): VariantRun[] => []);
  // A variant that no scenario fits is not run; the others keep their order.
  const runnable = variants.flatMap((variant, index) =>
    loaded[index]!.scenarios.plans.length === 0 ? [] : [{ variant, index }],
  );
  const digest = createHash("sha256");
  let done = 0;
  for await (const run of runVariants({
    variants: runnable.map(({ variant }) => variant),
    names,
    firstSeed,
    runs,
    workers,
    signal: host.interrupted,
  })) {
    perVariant[runnable[Math.floor(done / runs)]!.index]!.push(run);
    digest.update(`${run.outcome.seed} ${run.outcome.digest}\n`);
    progress.step(++done);
  }
  progress.end();
  if (host.interrupted.aborted) return EXIT.interrupted;
  const rows = markPareto(
    variants.map(({ settings }, index) =>
      rowOf(
        settings,
        perVariant[index]!,
        loaded[index]!.scenarios.notApplicable.map(({ scenario, reason }) => `${scenario}: ${reason}`),
      ),
    ),
  );
  host.stdout.write(
    options.reporter === "csv"
      ? sweepCsv(rows)
      : options.reporter === "json"
        ? jsonOf(rows, { path: base.path, names, firstSeed, runs, digest: digest.digest("hex") })
        : renderSweep(rows, { color: wantsColor(host) }),
  );
  return EXIT.pass;
}

/** Every variant is loaded before the first is run: all that can be wrong with the input is told at once. */
async function loadAll(variants: readonly Variant[], names: readonly string[]): Promise<LoadedVariant[]> {
  const problems: string[] = [];
  const loaded: LoadedVariant[] = [];
  for (const variant of variants) {
    try {
      loaded.push(await loadVariant(variant, names));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new InputError([...new Set(problems)]);
  return loaded;
}

function refuseWhatDoesNotFit({ set, find, check, runs, workers, reporter }: SweepOptions): void {
  const problems = [
    ...(find === undefined && set.length === 0
      ? ["limpet sweep: say what to vary: --set cooldownPeriod=30,60,120, or --find with --check"]
      : []),
    ...(find !== undefined && check === undefined
      ? [`--find ${find}: name the check that is to give way: --check "first response"`]
      : []),
    ...(find === undefined && check !== undefined ? [`--check ${check}: goes with --find path=lo..hi`] : []),
    ...(find !== undefined && reporter === "csv" ? ["--find --reporter csv: takes terminal or json"] : []),
    ...(runs < 1 || runs > MAX_RUNS ? [`--runs ${runs}: 1 to ${MAX_RUNS} are wanted`] : []),
    ...(workers === 0 ? ["--workers 0: at least one is wanted"] : []),
  ];
  if (problems.length > 0) throw new InputError(problems);
}

type Facts = {
  readonly path: string;
  readonly names: readonly string[];
  readonly firstSeed: number;
  readonly runs: number;
  readonly digest: string;
};

const jsonOf = (rows: readonly SweepRow[], { path, names, firstSeed, runs, digest }: Facts): string =>
  `${JSON.stringify(
    {
      schemaVersion: SCHEMA_VERSION,
      engine: "simulated",
      topology: path,
      scenarios: names,
      seeds: { first: firstSeed, last: firstSeed + runs - 1 },
      digest,
      paretoOver: PARETO_OVER.map(([name]) => name),
      rows: rows.map((row) => ({
        ...row,
        settings: Object.fromEntries(row.settings),
        failures: failuresOf(row),
      })),
    },
    null,
    2,
  )}\n`;
