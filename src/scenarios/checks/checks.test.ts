import { describe, expect, test } from "vitest";
import type { CheckResult, RunEvent } from "../../events/types.ts";
import type { Given } from "../fixtures/check-rows.ts";
import { evidence, load, plan, request, S } from "../fixtures/events.ts";
import { REQUEST_ROWS } from "../fixtures/request-rows.ts";
import { SCALING_ROWS } from "../fixtures/scaling-rows.ts";
import { judge } from "../verdict.ts";
import { CHECKS } from "./index.ts";

const TABLE = { ...REQUEST_ROWS, ...SCALING_ROWS };

function resultOf(check: string, events: readonly RunEvent[], given: Given): CheckResult {
  const { verdict } = judge({
    plan: plan(check, given.numbers, [...(given.loads ?? [load()])]),
    evidence: evidence(events, 300, given.topology),
    attempt: 1,
    speed: 20,
    atUs: 300 * S,
  });
  return verdict.checks[0]!;
}

test("every check has its table", () => {
  expect(Object.keys(TABLE).sort()).toEqual(CHECKS.map(({ kind }) => kind).sort());
});

describe.each(Object.entries(TABLE))("%s", (check, { given, rows }) => {
  const named = rows.map(([name, events, expected, changes]) => ({ name, events, expected, changes }));
  test.each(named)("$name", ({ events, expected, changes }) => {
    const result = resultOf(check, events, { ...given, ...changes });
    const { reason, ...rest } = expected;
    expect(result).toMatchObject(rest);
    expect(result.reason).toContain(reason ?? "");
    expect(result.limit).not.toBe("");
  });
});

test("a log that holds only a sample of the requests leaves checks that need rows undecided, and others exact", () => {
  const window = {
    type: "requests.window" as const,
    fromUs: 0,
    atUs: 5 * S,
    scenario: "scenario",
    load: "load",
    tier: "small",
    gateway: 0,
    pod: "p-0",
    outcome: "answer" as const,
    affinity: "hit" as const,
    count: 1_000,
    latency: {},
    latencyUsSum: 0,
    latencyUsMax: 0,
    scheduledAtUsMin: S,
    firstAtUs: 2 * S,
    lastAtUs: 4 * S,
  };
  const events = [window, request(2)];
  const given = { numbers: { atLeast: 100, tenants: 1, requestsEach: 1 } };
  expect(resultOf("onePodEach", events, given)).toMatchObject({
    verdict: "undecided",
    reason: "the log holds only a sample of the requests",
  });
  expect(resultOf("hitRate", events, { numbers: { above: 95, atLeastSamples: 20 } })).toMatchObject({
    verdict: "pass",
    samples: 1_000,
  });
  expect(resultOf("firstResponse", events, { numbers: { below: 30 } })).toMatchObject({
    verdict: "pass",
    measured: 1,
  });
});
