/** A population's traffic, folded where it is steady and sent request by request: the same in all that is logged. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { createSimulatedEngine } from "../engines/simulated/simulated-engine.ts";
import { foldRows, mergeWindows } from "../events/aggregate.ts";
import type { RequestsWindow, RunEvent } from "../events/types.ts";
import { loadScenarios } from "../scenarios/load.ts";
import { runSuite } from "../scenarios/suite.ts";
import { loadTopology } from "../topology/load.ts";

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cwd = mkdtempSync(join(tmpdir(), "limpet-folded-"));
afterAll(() => rmSync(cwd, { recursive: true }));

const topology = await loadTopology({ path: join(packageRoot, "k8s", "test-topology") });

async function events(
  scenario: string,
  seed: number,
  folds: boolean,
  rowsOneIn: number,
): Promise<RunEvent[]> {
  const file = join(cwd, "scenario.yaml");
  writeFileSync(file, scenario);
  const scenarios = await loadScenarios([file], topology);
  const all: RunEvent[] = [];
  await runSuite({
    engine: createSimulatedEngine({}, folds),
    topology,
    scenarios: { ...scenarios, plans: scenarios.plans.map((plan) => ({ ...plan, rowsOneIn })) },
    seed,
    speed: 1,
    folder: "",
    sink: () => ({ write: (event) => void all.push(event), close: () => {} }),
    header: { limpet: "", date: "", parts: {} },
    hostEnv: {},
  });
  return all;
}

const of = <T extends RunEvent["type"]>(all: readonly RunEvent[], type: T) =>
  all.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);

const windowsOf = (all: readonly RunEvent[]): RequestsWindow[] => mergeWindows(of(all, "requests.window"));

const SESSIONS = `
name: population
proves: the two ways agree
steps:
  - name: one
    from: zero
    loads:
      - {name: sessions, prefix: s, tenants: 300, pattern: sessions, rate: 0.2, onSeconds: 60, offSeconds: 400, skew: 0.8, durationSeconds: 1200}
      - {name: others, prefix: o, tenants: 4, tier: other, pattern: poisson, rate: 0.5, startSeconds: 300, durationSeconds: 300}
  - name: two
    loads:
      - {name: fewer, prefix: s, tenants: 200, pattern: diurnal, rate: 0.1, durationSeconds: 300}
    settle: zero
checks:
  - {check: hitRate, above: 50}
  - {check: requestsLost}
`;

const FAULTS = `
name: population
proves: the two ways agree
steps:
  - name: one
    from: zero
    loads:
      - {name: sessions, prefix: s, tenants: 100, pattern: poisson, rate: 0.3, durationSeconds: 400}
    faults:
      - {kind: killPod, atSeconds: 150}
      - {kind: deletePod, atSeconds: 200}
      - {kind: killGateway, atSeconds: 300}
checks:
  - {check: requestsLost}
`;

describe.each([
  ["sessions over two tiers", SESSIONS, 7, 7_000],
  ["pods and a gateway that are killed", FAULTS, 3, 10_000],
])("%s", async (_, scenario, seed, requests) => {
  const folded = await events(scenario, seed, true, 5);
  const whole = await events(scenario, seed, false, 5);

  test("the same sums to the microsecond: pods, outcomes, hits, moves, latencies", () => {
    expect(windowsOf(whole).reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(requests);
    expect(windowsOf(folded)).toEqual(windowsOf(whole));
  });

  test.each(["decision", "pod", "endpoints", "fault", "scenario", "verdict"] as const)(
    "the same %s events",
    (type) => {
      expect(of(folded, type)).toEqual(of(whole, type));
    },
  );

  test("the same sample of rows", () => {
    const byId = (all: readonly RunEvent[]) => of(all, "request").toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(byId(folded)).toEqual(byId(whole));
    expect(byId(folded).length).toBeGreaterThan(requests / 7);
  });
});

test.each([
  ["sessions", SESSIONS, 7],
  ["faults", FAULTS, 3],
])("%s: a sample changes nothing but which rows there are", async (_, scenario, seed) => {
  const sampled = await events(scenario, seed, true, 5);
  const all = await events(scenario, seed, true, 1);
  expect(windowsOf(sampled)).toEqual(windowsOf(all));
  expect(of(sampled, "decision")).toEqual(of(all, "decision"));
  const ids = new Set(of(sampled, "request").map(({ id }) => id));
  expect(of(all, "request").filter(({ id }) => ids.has(id))).toEqual(of(sampled, "request"));
  expect(foldRows(of(all, "request"))).toEqual(windowsOf(all));
});
