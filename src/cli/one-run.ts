/** One simulated run of many: no files, its digest and its verdicts. */
import { createSimulatedEngine } from "../engines/simulated/simulated-engine.ts";
import { LogDigest } from "../events/digest.ts";
import type { RunEvent } from "../events/types.ts";
import type { RunOutcome } from "../report/runs.ts";
import type { Override } from "../routing/compared/strategies.ts";
import type { LoadedScenarios } from "../scenarios/load.ts";
import { runSuite } from "../scenarios/suite.ts";
import type { Topology } from "../topology/types.ts";

export type OneRun = {
  readonly topology: Topology;
  readonly scenarios: LoadedScenarios;
  readonly overrideLbPolicy?: Override;
  /** Everything that its log would hold. */
  readonly onEvent?: (event: RunEvent) => void;
};

export async function oneRun(
  { topology, scenarios, overrideLbPolicy, onEvent }: OneRun,
  seed: number,
): Promise<RunOutcome> {
  const digest = new LogDigest();
  let topologyUs = 0;
  const result = await runSuite({
    engine: createSimulatedEngine(),
    topology,
    scenarios,
    seed,
    speed: 1,
    folder: "",
    sink: () => ({
      write: (event) => {
        digest.add(JSON.stringify(event));
        onEvent?.(event);
        topologyUs = Math.max(topologyUs, event.atUs);
      },
      close: () => {},
    }),
    header: { limpet: "", date: "", parts: {} },
    hostEnv: {},
    ...(overrideLbPolicy ? { overrideLbPolicy } : {}),
  });
  return {
    seed,
    digest: digest.value(),
    topologyUs,
    scenarios: result.verdicts.map(({ scenario, verdict, checks }) => ({
      name: scenario,
      verdict,
      checks: checks.map(({ name, measured, limit, unit, verdict: found, reason }) => ({
        name,
        measured,
        limit,
        unit,
        verdict: found,
        reason,
      })),
    })),
  };
}
