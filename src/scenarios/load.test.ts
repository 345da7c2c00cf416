import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { restSeconds } from "./compile.ts";
import { topologyOf, type TierNumbers } from "./fixtures/topology.ts";
import { BUNDLED, loadScenarios, MORE } from "./load.ts";
import { loadEndUs, type Plan } from "./plan.ts";
import { arrivals } from "./traffic.ts";

const folder = mkdtempSync(join(tmpdir(), "limpet-scenarios-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ours = topologyOf();

async function problemsOf(yaml: string): Promise<readonly string[]> {
  const file = join(folder, "mine.yaml");
  writeFileSync(file, yaml);
  try {
    await loadScenarios([file], ours);
  } catch (error) {
    if (error instanceof InputError)
      return error.problems.map((problem) => problem.replace(file, "mine.yaml"));
    throw error;
  }
  return [];
}

const limitsOf = (plan: Plan): Record<string, Record<string, number>> =>
  Object.fromEntries(plan.checks.map(({ check, name, numbers }) => [name ?? check, { ...numbers }]));

/** Topology seconds of traffic. */
const trafficSeconds = (plan: Plan): number =>
  plan.steps.reduce((sum, { loads }) => sum + Math.max(...loads.map(loadEndUs)) / 1e6, 0);

describe("the bundled scenarios on our topology", async () => {
  const { plans, notApplicable } = await loadScenarios([], ours);

  test("are the six of the results table, in its order", () => {
    expect(plans.map(({ name }) => name)).toEqual([
      "scale from zero",
      "tenant affinity",
      "scale to zero",
      "multi-tenant scaling",
      "consistent hashing",
      "tiers scale independently",
    ]);
    expect(notApplicable).toEqual([]);
  });

  const [fromZero, affinity, toZero, multi, hashing, tiers] = plans.map(limitsOf);

  test("have the design's limits", () => {
    expect(fromZero).toMatchObject({ firstResponse: { below: 30 }, requestsLost: { atMost: 0 } });
    expect(affinity).toMatchObject({ hitRate: { above: 95 }, podsReached: { pods: 2 } });
    expect(toZero).toMatchObject({ toZero: { from: 110, to: 140 }, cooldown: { from: 59, to: 71 } });
    expect(multi).toMatchObject({
      "pods, at the maximum": { pods: 5 },
      "pods, below the maximum": { pods: 3 },
      "pods, beyond the maximum": { pods: 5, wanted: 7 },
      partialScaleIn: { from: 135, to: 175, pods: 1 },
    });
    expect(hashing).toMatchObject({
      onePodEach: { atLeast: 100, tenants: 40, requestsEach: 100 },
      podsUsed: { atLeast: 3 },
      sameOwner: { tenants: 40 },
    });
    expect(tiers).toMatchObject({
      "pods of the first tier, alone": { pods: 3 },
      "pods of the second tier": { pods: 2 },
    });
  });

  test("have 10, 6 and 14 tenants, each from zero", () => {
    const { steps } = plans[3]!;
    const tenants = steps.map(({ loads }) => loads.reduce((sum, load) => sum + load.tenants, 0));
    expect(tenants).toEqual([10, 6, 14]);
    expect(steps.every(({ from }) => from === "minimum")).toBe(true);
  });

  test("need at most 2,400 s of topology time, waits for rest included", () => {
    const rests = plans.flatMap(({ steps }) => steps.filter(({ from }) => from !== null)).length - 1;
    const traffic = plans.reduce((sum, plan) => sum + trafficSeconds(plan), 0);
    const first = restSeconds(ours, ours.tiers[0]!);
    expect(traffic + rests * first).toBeLessThanOrEqual(2_400);
  });

  test("offer at most 20 requests a second at once", () => {
    for (const plan of plans) {
      for (const { name, loads } of plan.steps) {
        const rate = loads.reduce((sum, load) => sum + load.rate * load.tenants, 0);
        expect(rate, `${plan.name}, ${name}`).toBeLessThanOrEqual(20.000_001);
      }
    }
  });

  test("give each of 40 tenants its 100 requests", () => {
    const counts = new Map<string, number>();
    const measure = plans[4]!.steps[1]!;
    const first = measure.loads.filter(({ gateway }) => gateway === 0);
    for (const { tenant } of arrivals("hashing", first, 7, 0))
      counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    expect(counts.size).toBe(40);
    expect(new Set(counts.values())).toEqual(new Set([100]));
  });
});

test("further scenarios are found by name, and work out", async () => {
  const { plans } = await loadScenarios([...MORE], ours);
  expect(plans.map(({ name }) => name)).toEqual([
    "burst",
    "kill a pod",
    "kill a sidecar",
    "kill a gateway",
    "come and go",
  ]);
  expect(plans[0]!.steps[0]!.loads[0]).toMatchObject({ tenants: 1000, requests: 1, durationUs: 1e6 });
  expect(plans[1]!.steps[0]!.faults).toEqual([
    { atUs: 75e6, fault: { kind: "killPod", tier: "small", tenant: "reader-1" } },
  ]);
});

describe("what a topology cannot meet is not applicable, with the reason", () => {
  const rows: readonly (readonly [string, Readonly<Record<string, TierNumbers>>, string, string])[] = [
    [
      "two pods at most",
      { a: { max: 2 }, b: {} },
      "consistent hashing",
      "needs 3 ready pods, the topology's maxReplicaCount is 2 (tier a)",
    ],
    ["one tier", { a: {} }, "tiers scale independently", "needs 2 tiers, the topology has 1"],
    [
      "one metric",
      { a: { query: "sum(x)" }, b: { query: "sum(x)" } },
      "tiers scale independently",
      "both tiers are scaled by one metric",
    ],
    [
      "never zero",
      { a: { min: 1 }, b: {} },
      "scale to zero",
      "needs a tier that scales to zero, minReplicaCount of tier a is 1",
    ],
    [
      "idle above zero",
      { a: { min: 3, idle: 1 }, b: {} },
      "scale to zero",
      "needs a tier that scales to zero, idleReplicaCount of tier a is 1",
    ],
    [
      "scaled by the clock alone",
      { a: { trigger: "cron" }, b: {} },
      "scale from zero",
      "tier a is scaled by cron, and only Prometheus triggers are acted on",
    ],
    [
      "nothing scales it",
      { a: { scaledObject: false } },
      "scale from zero",
      "nothing scales tier a: it has no ScaledObject",
    ],
  ];
  test.each(rows)("%s", async (_, tiers, scenario, reason) => {
    const { plans, notApplicable } = await loadScenarios([], topologyOf(tiers));
    expect(notApplicable).toContainEqual({ scenario, reason });
    expect(plans.map(({ name }) => name)).not.toContain(scenario);
  });
});

test("idleReplicaCount 0 is a way to zero, and what a test waits for", async () => {
  const { plans, notApplicable } = await loadScenarios([], topologyOf({ a: { min: 2, idle: 0 }, b: {} }));
  expect(notApplicable).toEqual([]);
  for (const { tiers } of plans) expect(tiers.find(({ tier }) => tier === "a")?.restReplicas).toBe(0);
});

test.each([
  ["a mistyped trigger", { trigger: "promethius" }],
  ["a threshold that KEDA cannot use", { threshold: 0 }],
])("%s is run, and fails there", async (_, numbers) => {
  const { plans } = await loadScenarios([], topologyOf({ a: numbers, b: {} }));
  expect(plans).toHaveLength(6);
});

test("a cooldown of nothing gives limits that are numbers", async () => {
  const topology = topologyOf();
  const hasty = { ...topology.tiers[0]!.scaledObject!, cooldownPeriodSeconds: 0 };
  const tiers = [{ ...topology.tiers[0]!, scaledObject: hasty }, ...topology.tiers.slice(1)];
  const { plans } = await loadScenarios(["scale to zero"], { ...topology, tiers });
  expect(limitsOf(plans[0]!)).toMatchObject({ cooldown: { from: 0, to: 11 } });
});

test("another topology's numbers give other loads and limits", async () => {
  const topology = topologyOf({ checkout: { threshold: 5, max: 4 }, search: { threshold: 5, max: 4 } });
  const { plans, notApplicable } = await loadScenarios([], topology);
  expect(notApplicable).toEqual([]);
  expect(limitsOf(plans[3]!)).toMatchObject({
    "pods, at the maximum": { pods: 4 },
    "pods, below the maximum": { pods: 3 },
    "pods, beyond the maximum": { pods: 4, wanted: 6 },
  });
});

const MINE = `name: mine
proves: something
steps:
  - name: one
    loads:
      - name: few
        tenants: threshold
        prefix: few
        durationSeconds: 10
checks:
  - check: requestsLost
    load: few
`;

describe("a scenario of the user's own", () => {
  test("is read by its path", async () => {
    expect(await problemsOf(MINE)).toEqual([]);
  });

  const rows: readonly (readonly [string, string, string, string])[] = [
    [
      "an unknown field",
      "tenants: threshold",
      "tenants: threshold\n        requestRate: 2",
      'mine.yaml:8:9  unknown field "requestRate"; did you mean "rate"?',
    ],
    [
      "an unknown name in an expression",
      "tenants: threshold",
      "tenants: 2 * treshold",
      'mine.yaml:7:18  "2 * treshold": unknown name "treshold"; did you mean "threshold"?',
    ],
    ["an unknown check", "check: requestsLost", "check: requestLost", 'did you mean "requestsLost"?'],
    [
      "a field of another check",
      "load: few\n",
      "load: few\n    below: 3\n",
      'mine.yaml:13:5  unknown field "below"',
    ],
    [
      "a check's load that is not there",
      "load: few\n",
      "load: fev\n",
      'mine.yaml:12:11  there is no load "fev"; did you mean "few"?',
    ],
    [
      "a tier that is not there",
      "prefix: few",
      "prefix: few\n        tier: smal",
      'there is no tier "smal"; did you mean "small"?',
    ],
    ["nothing where something must be", "        prefix: few\n", "", 'the field "prefix" is missing'],
    [
      "neither duration nor requests",
      "        durationSeconds: 10\n",
      "",
      'load "few" needs durationSeconds or requests',
    ],
    ["no tenants", "tenants: threshold", "tenants: 0", "must be at least 1, is 0"],
    ["a wrong type", "tenants: threshold", "tenants: [1]", "wanted number or string, found [1]"],
    ["broken YAML", "name: mine", "name: [mine", "mine.yaml:"],
  ];
  test.each(rows)("with %s is refused with the place and what to do", async (_, from, to, message) => {
    expect(MINE).toContain(from);
    const problems = await problemsOf(MINE.replace(from, to));
    expect(problems.join("\n")).toContain(message);
  });

  test("names everything that is wrong at once", async () => {
    const problems = await problemsOf(MINE.replace("threshold", "x + 1").replace("load: few", "load: no"));
    expect(problems).toHaveLength(2);
  });

  test("that is not there is said with a suggestion", async () => {
    await expect(loadScenarios(["scale-from-zer0"], ours)).rejects.toThrow(/did you mean "scale-from-zero"/);
    expect(BUNDLED).toHaveLength(6);
  });
});
