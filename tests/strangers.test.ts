/**
 * Other people's topologies: other names, ports, tiers, a Deployment, two ScaledObjects, a plain stream. Two scenarios
 * each; all of them are the conformance suite's.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkNamed, fixture, limpetTest, onlyScenario } from "./kit.ts";
import { copyOf, plant, STRANGERS, testStranger } from "./strangers.ts";

const SCENARIOS = ["scale from zero", "consistent hashing"];
const SEED = ["--seed", "5"];

describe.each(STRANGERS)("$name", ({ name, fault }) => {
  test("passes as it is", async () => {
    const { code, result, said } = await testStranger(fixture(name), name, [...SCENARIOS, ...SEED]);
    expect(
      result.scenarios.map((scenario) => [scenario.name, scenario.verdict]),
      said,
    ).toEqual(SCENARIOS.map((scenario) => [scenario, "pass"]));
    expect(result.notApplicable).toEqual([]);
    expect(code).toBe(0);
  });

  test(`${fault.what}: the check "${fault.check}" fails`, async () => {
    const folder = copyOf(name, { settings: true });
    plant(folder, fault);
    const tested = await testStranger(folder, name, [fault.scenario, ...SEED]);
    expect(tested.code, tested.said).toBe(1);
    const check = checkNamed(onlyScenario(tested), fault.check);
    expect(check.verdict, tested.said).toBe("fail");
    expect(check.reason).toMatch(fault.reason);
  });
});

test("without limpet.yaml only the metric's checks are undecided", async () => {
  const folder = copyOf("ledger", { settings: false });
  const tested = await testStranger(folder, "ledger", ["multi-tenant scaling", ...SEED]);
  const scenario = onlyScenario(tested);
  expect(tested.code, tested.said).toBe(1);
  const wrong = scenario.checks.filter(({ verdict }) => verdict !== "pass" && verdict !== "reported");
  expect(
    wrong.map(({ name, verdict }) => [name, verdict]),
    tested.said,
  ).toEqual(Array.from({ length: 3 }, () => ["active tenants that KEDA saw", "undecided"]));
  for (const { reason } of wrong) expect(reason).toContain("limpet.yaml declares no metric");
  expect(tested.stderr).toContain("stood in for   ledger-front, ledger");
  expect(tested.stderr).toContain("limpet.yaml declares no activeTenants, so checks of it are undecided");
});

test("the settings of a stream may lie anywhere: --config names them", async () => {
  const stdin = readFileSync(fixture("ledger/rendered.yaml"), "utf8");
  const settings = fixture("ledger/limpet.yaml");
  const tested = await limpetTest(["scale from zero", ...SEED, "--topology", "-", "--config", settings], {
    stdin,
  });
  expect(tested.code, tested.said).toBe(0);
  expect(tested.stderr).toMatch(/settings of +\S*fixtures\/ledger\/limpet\.yaml/);
  expect(onlyScenario(tested).verdict).toBe("pass");
});
