/** `limpet sweep --find path=lo..hi --check NAME`: the two neighbouring values between which a check gives way. */
import { InputError } from "../../errors.ts";
import type { RunCheck } from "../../report/runs.ts";
import { bisect, parseRange, type Range, type Tried } from "../../report/sweep/bisect.ts";
import type { VariantRun } from "../../report/sweep/rows.ts";
import { measuredWords } from "../../report/summary.ts";
import type { Plan } from "../../scenarios/plan.ts";
import { checkOf } from "../../scenarios/checks/index.ts";
import type { LoadOptions } from "../../topology/load.ts";
import { nearest } from "../../topology/suggest.ts";
import { EXIT, type Host } from "../host.ts";
import type { SweepOptions } from "../options.ts";
import { quoted } from "../replay.ts";
import { runVariants } from "./run-variants.ts";
import { loadVariant, parseSet, variantOf, variantsOf } from "./variants.ts";

const SCHEMA_VERSION = 1;

export type FindGiven = {
  readonly names: readonly string[];
  readonly base: LoadOptions;
  readonly firstSeed: number;
  readonly workers: number;
};

/** What the runs with one value came to. */
type Found = {
  readonly passes: number;
  readonly runs: number;
  /** Of the first run that did not pass, or of the first run. */
  readonly seed: number;
  readonly scenario: string;
  readonly check: RunCheck;
};

export async function findEdge(
  host: Host,
  options: SweepOptions & { readonly find: string },
  given: FindGiven,
): Promise<number> {
  const { path, range } = parseFind(options.find);
  const wanted = options.check!;
  const fixed = variantsOf(options.set, given.base);
  if (fixed.length > 1)
    throw new InputError(["--set beside --find: one value each; --find is what is varied"]);
  const settings = fixed[0]?.settings ?? [];
  const variant = (value: string) => variantOf([...settings, [path, value]], given.base);
  // Both ends are read before anything is run.
  const ends = [`${range.lo}${range.unit}`, `${range.hi}${range.unit}`];
  for (const value of ends) {
    const { scenarios } = await loadVariant(variant(value), given.names);
    refuseUnknownCheck(wanted, scenarios.plans);
  }
  const { runs, reporter } = options;
  const screen = reporter === "terminal" ? host.stdout : host.stderr;
  screen.write(
    `limpet sweep · ${given.base.path} · ${given.names.join(", ")} · where "${wanted}" gives way, ${path} from ${ends.join(" to ")}, ` +
      `${runs} simulated ${runs === 1 ? "run" : "runs"} each, seeds ${given.firstSeed} to ${given.firstSeed + runs - 1}\n`,
  );
  const ask = async (value: string) => {
    const chosen = variant(value);
    await loadVariant(chosen, given.names);
    const all: VariantRun[] = [];
    const { names, firstSeed, workers } = given;
    for await (const run of runVariants({
      variants: [chosen],
      names,
      firstSeed,
      runs,
      workers,
      signal: host.interrupted,
    }))
      all.push(run);
    // Told as an interruption, whatever is thrown.
    if (host.interrupted.aborted) throw new Error("interrupted");
    const found = judge(all, wanted);
    const holds = found.passes === found.runs;
    screen.write(`  ${value.padStart(8)}  ${triedWords({ value, holds, found })}\n`);
    return { holds, found };
  };
  const result = await bisect(range, ask);
  const again = (value: string, { seed }: Found): string =>
    [
      "limpet sweep",
      ...given.names.map(quoted),
      ...[...settings, [path, value]].map(([name, one]) => `--set ${quoted(`${name}=${one}`)}`),
      ...(options.topology === undefined ? [] : [`--topology ${quoted(options.topology)}`]),
      `--runs 1 --seed ${seed}`,
    ].join(" ");
  if (reporter === "json") {
    const shown = ({ value, holds, found }: Tried<Found>) => ({
      value,
      holds,
      ...found,
      again: again(value, found),
    });
    const document =
      result.kind === "edge"
        ? { found: true, holding: shown(result.holding), failing: shown(result.failing) }
        : { found: false, ends: result.ends.map(shown) };
    host.stdout.write(
      `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, engine: "simulated", path, check: wanted, ...document }, null, 2)}\n`,
    );
  } else if (result.kind === "edge") {
    const { holding, failing } = result;
    host.stdout.write(
      ` "${wanted}" passes at ${holding.value} (${holding.found.passes} of ${holding.found.runs} runs) and not at ` +
        `${failing.value} (${failing.found.passes} of ${failing.found.runs})\n` +
        `   seed ${failing.found.seed}: ${failing.found.scenario} · ${reasonOf(failing.found)}\n` +
        `   again  ${again(failing.value, failing.found)}\n`,
    );
  } else {
    const [low] = result.ends;
    host.stdout.write(
      ` "${wanted}" ${low.holds ? "passes" : "does not pass"} at both ends of ${options.find}: no value to find between them\n` +
        (low.holds ? "" : `   ${reasonOf(low.found)}\n`),
    );
  }
  return result.kind === "edge" ? EXIT.pass : EXIT.failed;
}

function parseFind(text: string): { readonly path: string; readonly range: Range } {
  const set = parseSet(text);
  const range = set && set.values.length === 1 ? parseRange(set.values[0]!) : null;
  if (set === null || range === null)
    throw new InputError([
      `--find ${text}: path=lo..hi is wanted, lo below hi: cooldownPeriod=10..300, scrapeInterval=5s..60s`,
    ]);
  return { path: set.path, range };
}

const namesOf = (plan: Plan): string[] => plan.checks.map(({ check, name }) => name ?? checkOf(check).title);

function refuseUnknownCheck(wanted: string, plans: readonly Plan[]): void {
  const known = [...new Set(plans.flatMap(namesOf))];
  if (known.includes(wanted)) return;
  const meant = nearest(wanted, known);
  throw new InputError([
    `--check ${wanted}: no such check in ${plans.map(({ name }) => name).join(", ")}${meant === null ? "." : `; did you mean "${meant}"?`} ` +
      `There are: ${known.join(", ")}`,
  ]);
}

function judge(runs: readonly VariantRun[], wanted: string): Found {
  const results = runs.flatMap(({ outcome }) =>
    outcome.scenarios.flatMap(({ name, checks }) =>
      checks
        .filter((check) => check.name === wanted)
        .map((check) => ({ seed: outcome.seed, scenario: name, check })),
    ),
  );
  const failed = results.filter(({ check }) => check.verdict !== "pass" && check.verdict !== "reported");
  const told = failed[0] ?? results[0];
  if (!told) throw new InputError([`--check ${wanted}: no run came so far as to measure it`]);
  const seeds = new Set(failed.map(({ seed }) => seed));
  return { passes: runs.length - seeds.size, runs: runs.length, ...told };
}

const triedWords = ({ holds, found }: Tried<Found>): string =>
  `${holds ? "pass" : "FAIL"}  ${found.passes} of ${found.runs} runs · ${reasonOf(found).split(": ")[0]}`;

const reasonOf = ({ check }: Found): string => {
  const { name, measured, unit, limit, reason, verdict } = check;
  const value = `${name} ${measuredWords({ measured, unit })} (${limit})`;
  return verdict === "pass" ? value : `${value}: ${reason.split("\n")[0] ?? ""}`;
};
