/** A thread of `limpet sweep`: takes variants and seeds, answers with what came of their runs. */
import { parentPort, workerData } from "node:worker_threads";
import { FiguresFold } from "../../report/sweep/figures.ts";
import type { VariantRun } from "../../report/sweep/rows.ts";
import { oneRun } from "../one-run.ts";
import type { InWorkersTask, SweepWorkerData } from "../sweep/tasks.ts";
import { type LoadedVariant, loadVariant } from "../sweep/variants.ts";

const { variants, names } = workerData as SweepWorkerData;

/** Tasks come variant by variant, so the last one is nearly always the next one too. */
let loaded: { readonly variant: number; readonly value: LoadedVariant } | null = null;

async function run({ variant, seed }: InWorkersTask): Promise<VariantRun> {
  const chosen = variants[variant]!;
  loaded = loaded?.variant === variant ? loaded : { variant, value: await loadVariant(chosen, names) };
  const fold = new FiguresFold();
  const outcome = await oneRun(
    {
      ...loaded.value,
      ...(chosen.override === null ? {} : { overrideLbPolicy: chosen.override }),
      onEvent: (event) => fold.add(event),
    },
    seed,
  );
  return { outcome, figures: fold.figures() };
}

parentPort?.on("message", (task: InWorkersTask) => {
  void run(task).then((result) => parentPort?.postMessage(result, []));
});
