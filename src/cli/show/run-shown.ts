/** One demonstration: a scenario on the simulated engine, without files. */
import { join } from "node:path";
import { createSimulatedEngine } from "../../engines/simulated/simulated-engine.ts";
import type { Verdict } from "../../events/types.ts";
import { loadScenarios } from "../../scenarios/load.ts";
import { runSuite } from "../../scenarios/suite.ts";
import { loadTopology } from "../../topology/load.ts";
import type { Show } from "../../lint/shows/show.ts";

/** Fixed: what is shown is the same each time. */
const SEED = 7;

export const shownFolder = (packageRoot: string): string => join(packageRoot, "scenarios", "show");

/** What the manifests of a demonstration cannot say. */
export const shownConfig = ({ slow }: Pick<Show, "slow">, packageRoot: string): string =>
  join(shownFolder(packageRoot), slow ? "limpet-slow.yaml" : "limpet.yaml");

/** The verdict of the rule's scenario on these objects; `config`: their `limpet.yaml`, null for none. */
export async function runShown(
  objects: string,
  show: Pick<Show, "scenario" | "slow">,
  packageRoot: string,
  config: string | null = shownConfig(show, packageRoot),
): Promise<Verdict> {
  const folder = shownFolder(packageRoot);
  const topology = await loadTopology({
    path: "-",
    stdin: objects,
    ...(config === null ? {} : { config }),
  });
  const scenarios = await loadScenarios([join(folder, `${show.scenario}.yaml`)], topology);
  const { verdicts, notApplicable } = await runSuite({
    engine: createSimulatedEngine(),
    topology,
    scenarios,
    seed: SEED,
    speed: 1,
    folder: "",
    sink: () => ({ write: () => {}, close: () => {} }),
    header: { limpet: "", date: "", parts: {} },
    hostEnv: {},
  });
  const [verdict] = verdicts;
  if (verdict === undefined) throw new Error(`${show.scenario} does not apply: ${notApplicable[0]?.reason}`);
  return verdict;
}
