import { describe, expect, test } from "vitest";
import type { RunEvent } from "../events/types.ts";
import { evidence, fault, late, plan, poll, request, S } from "./fixtures/events.ts";
import { judge, overall } from "./verdict.ts";

const attempt = (
  events: readonly RunEvent[],
  number: number,
  check = "cooldown",
  numbers = { from: 59, to: 71 },
) =>
  judge({
    plan: plan(check, numbers),
    evidence: evidence(events),
    attempt: number,
    speed: 20 / number,
    atUs: 300 * S,
  });

const inTime = [request(60), poll(120, 1), poll(180, 0, 1, 0)];
const tooLate = [request(60), poll(100, 1), poll(180, 0, 1, 0)];

describe("lateness", () => {
  const rows: readonly (readonly [string, readonly RunEvent[], boolean])[] = [
    ["none", inTime, false],
    ["within the margin", [...inTime, late(150, 1)], false],
    ["beyond the margin", [...inTime, late(150, 1.1)], true],
    ["beyond the margin, before what was measured", [...inTime, late(119, 9)], false],
    ["beyond the margin, begun before what was measured", [...inTime, late(125, 9)], true],
    ["beyond the margin, after what was measured", [...inTime, late(190, 9)], false],
    ["beyond the margin of a check that fails", [...tooLate, late(150, 1.1)], true],
  ];
  test.each(rows)("%s", (_, events, isLate) => {
    const first = attempt(events, 1);
    expect(first.late).toBe(isLate);
    expect(first.verdict.counts).toBe(!isLate);
    expect(first.verdict.verdict).not.toBe("undecided");
    const second = attempt(events, 2);
    expect(second.verdict.counts).toBe(true);
    expect(second.verdict.verdict === "undecided").toBe(isLate);
  });

  test("spoils a count only where it came out wrong", () => {
    const numbers = { atMost: 0 } as unknown as { from: number; to: number };
    const answered = [request(10), late(15, 6)];
    expect(attempt(answered, 2, "requestsLost", numbers).verdict.verdict).toBe("pass");
    const lost = [...answered, request(20, { outcome: "lost", pod: null })];
    expect(attempt(lost, 1, "requestsLost", numbers).late).toBe(true);
    expect(attempt(lost, 2, "requestsLost", numbers).verdict.verdict).toBe("undecided");
  });
});

describe("what could not be brought about", () => {
  const gaveUp: RunEvent = {
    type: "scenario",
    atUs: 180 * S,
    scenario: "scenario",
    attempt: 1,
    what: "gaveUp",
    on: "precondition",
    step: "step",
    tier: "small",
    detail: "tier small: 5 pods",
    values: { waitedSeconds: 180 },
  };

  test("a precondition that the topology prevents fails the first check with that cause", () => {
    const { verdict } = attempt([poll(170, 4, 2), gaveUp], 1);
    expect(verdict.checks[0]).toMatchObject({ verdict: "fail", limit: "59–71 s", measured: null });
    expect(verdict.checks[0]!.reason).toBe(
      'KEDA still finds it active: max(test_active_tenants{tier="small"}) = 4 (ScalerActive)\nthe precondition of "step" was not reached in 180 s: tier small: 5 pods',
    );
  });

  test("one that nothing in the log explains is void", () => {
    const { verdict } = attempt([poll(170, 0, 2), gaveUp], 1);
    expect(verdict.verdict).toBe("void");
    expect(verdict.checks[0]!.reason).toContain("nothing in the log says why");
  });

  test("a fault that was not effective is void", () => {
    const { verdict } = attempt([...inTime, fault(30, "killPod", false)], 1);
    expect(verdict.verdict).toBe("void");
  });
});

test.each([
  [["pass", "reported"], "pass"],
  [["pass", "undecided"], "undecided"],
  [["undecided", "void"], "void"],
  [["void", "fail", "pass"], "fail"],
] as const)("overall(%j) is %s", (verdicts, kind) => {
  expect(overall(verdicts.map((verdict) => ({ verdict })))).toBe(kind);
});
