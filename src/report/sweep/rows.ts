/** Many runs of each variant as one row, and which rows no other beats. Pure. */
import type { Failure, RunOutcome } from "../runs.ts";
import { summarizeRuns } from "../runs.ts";
import { COLD_STEP_US, type RunFigures } from "./figures.ts";

/** `[name, value]` in the order in which they were asked for. */
export type VariantSettings = readonly (readonly [name: string, value: string])[];

export type VariantRun = { readonly outcome: RunOutcome; readonly figures: RunFigures };

export type SweepRow = {
  readonly settings: VariantSettings;
  readonly runs: number;
  readonly passes: number;
  /** Mean of a run. */
  readonly podHours: number;
  /** Of all requests, per cent: those that came while no pod of their tier was ready. */
  readonly coldPercent: number;
  /** 95th percentile of their time to an answer, seconds; null without one. */
  readonly coldP95Seconds: number | null;
  /** Null where no tier changed its pods under tenants. */
  readonly movesPerStep: number | null;
  readonly leastMovesPerStep: number | null;
  /** Per cent of answers to a known tenant under the same pods; null without one. */
  readonly hitPercent: number | null;
  readonly lost: number;
  readonly offered: number;
  /** No other row is at least as good in everything and better in something. */
  readonly pareto: boolean;
  /** Why scenarios that were asked for could not be run with these settings. */
  readonly notApplicable: readonly string[];
  readonly failures: readonly Failure[];
};

type Figures = Omit<SweepRow, "pareto">;

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

/** Nearest rank over the pooled counts. */
function p95(runs: readonly RunFigures[]): number | null {
  const counts = new Map<number, number>();
  for (const { coldLatencies } of runs)
    for (const [step, count] of coldLatencies) counts.set(step, (counts.get(step) ?? 0) + count);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  let left = Math.ceil(total * 0.95);
  for (const [step, count] of [...counts].sort(([a], [b]) => a - b)) {
    left -= count;
    if (left <= 0) return rounded((step * COLD_STEP_US) / 1e6, 1);
  }
  return null;
}

export function rowOf(
  settings: VariantSettings,
  runs: readonly VariantRun[],
  notApplicable: readonly string[],
): Figures {
  const figures = runs.map((run) => run.figures);
  const sum = (of: (run: RunFigures) => number): number => figures.reduce((all, run) => all + of(run), 0);
  const steps = sum(({ scaleSteps }) => scaleSteps);
  const known = sum(({ hits, misses }) => hits + misses);
  const rows = sum((run) => run.rows);
  const offered = sum((run) => run.offered);
  const summary = summarizeRuns(runs.map(({ outcome }) => outcome));
  return {
    settings,
    runs: runs.length,
    passes: summary.passes,
    podHours: runs.length === 0 ? 0 : rounded(sum(({ podSeconds }) => podSeconds) / 3600 / runs.length, 2),
    coldPercent: rows === 0 ? 0 : rounded((sum(({ cold }) => cold) / rows) * 100, 1),
    coldP95Seconds: p95(figures),
    movesPerStep: steps === 0 ? null : rounded(sum(({ moves }) => moves) / steps, 1),
    leastMovesPerStep: steps === 0 ? null : rounded(sum(({ leastMoves }) => leastMoves) / steps, 1),
    hitPercent: known === 0 ? null : rounded((sum(({ hits }) => hits) / known) * 100, 1),
    lost: sum((run) => run.lost),
    offered,
    notApplicable,
    failures: summary.failures,
  };
}

/** What rows are held against each other by, as shown; less is better. */
export const PARETO_OVER: readonly (readonly [name: string, of: (row: Figures) => number])[] = [
  ["pod-hours", ({ podHours }) => podHours],
  ["cold starts", ({ coldPercent }) => coldPercent],
  // Cold, and never answered, is no short wait.
  ["cold p95", ({ coldP95Seconds, coldPercent }) => coldP95Seconds ?? (coldPercent > 0 ? Infinity : 0)],
  ["moves a step", ({ movesPerStep }) => movesPerStep ?? 0],
  ["hit rate", ({ hitPercent }) => -(hitPercent ?? 100)],
  ["lost", ({ lost }) => lost],
  ["pass", ({ passes, runs }) => -passes / Math.max(1, runs)],
];

const dominates = (a: Figures, b: Figures): boolean =>
  PARETO_OVER.every(([, of]) => of(a) <= of(b)) && PARETO_OVER.some(([, of]) => of(a) < of(b));

/** Rows that were run; one that was not has no figures to compare. */
export const markPareto = (rows: readonly Figures[]): SweepRow[] =>
  rows.map((row) => ({
    ...row,
    pareto: row.runs > 0 && !rows.some((other) => other.runs > 0 && dominates(other, row)),
  }));
