/**
 * limpet as a library: start a topology in a test of your own, send it requests, look at its pods, end it.
 *
 *     const run = await start({ topology: "k8s/test-topology", speed: 20 });
 *     try {
 *       const response = await fetch(`${run.gatewayUrl}/request`, { headers: { "x-tenant-id": "a" } });
 *       run.tierState("small").specReplicas; // 1
 *     } finally {
 *       await run.stop();
 *     }
 */
import { MAX_SPEED, type EngineRun } from "./engines/engine.ts";
import { localEngine } from "./engines/local/local-engine.ts";
import type { RunEvent } from "./events/types.ts";
import { InputError } from "./errors.ts";
import { loadTopology } from "./topology/load.ts";
import type { Topology } from "./topology/types.ts";

export type StartOptions = {
  /** A folder, kustomization or file of manifests, or what `loadTopology()` made of it. */
  readonly topology: string | Topology;
  /** Seconds of topology time in one real second. Default 20. */
  readonly speed?: number;
  /** What all chance is drawn from. Default 1. */
  readonly seed?: number;
  readonly onEvent?: (event: RunEvent) => void;
  /** Environment of the commands that `limpet.yaml` names; default: none. Hand yours over for them to have it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
};

/**
 * Starts the topology with the local engine and resolves when its entry answers. Everything ends with `stop()`, with
 * the scope (`await using`), or with the process, whatever becomes of it.
 *
 * @throws {InputError} for manifests, a speed or a seed that cannot be: one message for each thing wrong.
 */
export async function start(options: StartOptions): Promise<EngineRun> {
  const { topology, speed = 20, seed = 1, onEvent = () => {}, env = {} } = options;
  const problems = [
    ...(speed > 0 && speed <= MAX_SPEED
      ? []
      : [`speed: a number above 0 is wanted, at most ${MAX_SPEED}, found ${speed}`]),
    ...(Number.isSafeInteger(seed) && seed >= 0
      ? []
      : [`seed: a whole number, 0 or more, is wanted, found ${seed}`]),
  ];
  if (problems.length > 0) throw new InputError(problems);
  return localEngine.start({
    topology: typeof topology === "string" ? await loadTopology({ path: topology }) : topology,
    seed,
    speed,
    onEvent,
    gatewayPort: 0,
    prometheusPort: 0,
    hostEnv: env,
  });
}

export { loadTopology } from "./topology/load.ts";
export { loadScenarios } from "./scenarios/load.ts";
export { runSuite } from "./scenarios/suite.ts";
export { localEngine } from "./engines/local/local-engine.ts";
export { EnvironmentError, InputError } from "./errors.ts";
export type { Arrival, Engine, EngineRun, Fault, RunOptions, TierState } from "./engines/engine.ts";
export type * from "./events/types.ts";
export type { Topology } from "./topology/types.ts";
