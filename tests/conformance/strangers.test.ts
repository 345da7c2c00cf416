/** Every bundled scenario on each topology that is not ours, with its settings and without them. */
import { describe, expect, test } from "vitest";
import { fixture } from "../kit.ts";
import { copyOf, STRANGERS, testStranger } from "../strangers.ts";

const BUNDLED = [
  "scale from zero",
  "tenant affinity",
  "scale to zero",
  "multi-tenant scaling",
  "consistent hashing",
  "tiers scale independently",
];

describe.each(STRANGERS)("$name", ({ name, notApplicable }) => {
  const applicable = BUNDLED.filter((scenario) => !notApplicable.some((not) => not.name === scenario));

  test("with limpet.yaml every applicable scenario passes", async () => {
    const { code, result, said } = await testStranger(fixture(name), name, ["--seed", "6"]);
    expect(
      result.scenarios.map((scenario) => [scenario.name, scenario.verdict]),
      said,
    ).toEqual(applicable.map((scenario) => [scenario, "pass"]));
    expect(result.notApplicable).toEqual(notApplicable);
    expect(code).toBe(0);
  });

  test("without it only the metric's checks are undecided", async () => {
    const folder = copyOf(name, { settings: false });
    const { code, result, said } = await testStranger(folder, name, ["--seed", "6"]);
    const wrong = result.scenarios.flatMap(({ checks }) =>
      checks.filter(({ verdict }) => verdict !== "pass" && verdict !== "reported"),
    );
    expect(new Set(wrong.map((check) => `${check.name}: ${check.verdict}`)), said).toEqual(
      new Set(["active tenants that KEDA saw: undecided"]),
    );
    for (const { reason } of wrong) expect(reason).toContain("limpet.yaml declares no metric");
    expect(result.notApplicable).toEqual(notApplicable);
    expect(code).toBe(1);
  });
});
