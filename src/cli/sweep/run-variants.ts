/** Runs of many variants over seeds on all cores, in their order whoever is done first. */
import type { InWorkersTask } from "./tasks.ts";
import { inWorkers } from "../../exec/in-workers.ts";
import { programPath } from "../../exec/supervisor.ts";
import type { VariantRun } from "../../report/sweep/rows.ts";
import type { Variant } from "./variants.ts";

export type RunVariants = {
  readonly variants: readonly Variant[];
  readonly names: readonly string[];
  readonly firstSeed: number;
  readonly runs: number;
  readonly workers: number;
  readonly signal: AbortSignal;
};

/** Variant after variant, each with its seeds in order. Ends early when `signal` aborts. */
export async function* runVariants(options: RunVariants): AsyncGenerator<VariantRun> {
  const { variants, names, firstSeed, runs, workers, signal } = options;
  const tasks = variants.flatMap((_, variant) =>
    Array.from({ length: runs }, (__, index): InWorkersTask => ({ variant, seed: firstSeed + index })),
  );
  yield* inWorkers<InWorkersTask, VariantRun>({
    script: programPath("cli/sweep-worker"),
    data: { variants, names },
    tasks,
    workers: Math.min(workers, tasks.length),
    signal,
  });
}
