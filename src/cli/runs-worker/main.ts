/** A thread of `limpet test --runs`: takes seeds, answers with what came of their runs. */
import { parentPort, workerData } from "node:worker_threads";
import { loadScenarios } from "../../scenarios/load.ts";
import { loadTopology } from "../../topology/load.ts";
import { oneRun } from "../one-run.ts";
import type { RunsWorkerData } from "../runs-command.ts";

const { load, names, overrideLbPolicy } = workerData as RunsWorkerData;
const topology = await loadTopology(load);
const scenarios = await loadScenarios(names, topology);
const override = overrideLbPolicy === undefined ? {} : { overrideLbPolicy };

parentPort?.on("message", (seed: number) => {
  void oneRun({ topology, scenarios, ...override }, seed).then((outcome) =>
    parentPort?.postMessage(outcome, []),
  );
});
