import { describe, expect, test } from "vitest";
import { quantile, type RunCheck, type RunOutcome, spreadOf, summarizeRuns } from "./runs.ts";
import { renderRuns } from "./runs-terminal.ts";

describe("a quantile is a value that was measured: nearest rank", () => {
  const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  test.each([
    [0.5, 5],
    [0.95, 10],
    [0.9, 9],
    [0, 1],
    [1, 10],
  ])("%d of 1 to 10 is %d", (share, value) => expect(quantile(ten, share)).toBe(value));

  test("of one value it is that value", () => expect(quantile([42], 0.99)).toBe(42));

  test("the order of the values does not matter; none gives none", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ samples: 3, min: 1, p50: 2, p95: 3, p99: 3, max: 3 });
    expect(spreadOf([])).toBeNull();
  });
});

const check = (more: Partial<RunCheck> = {}): RunCheck => ({
  name: "first response",
  measured: 10,
  limit: "< 30 s",
  unit: "s",
  verdict: "pass",
  reason: "",
  ...more,
});

const run = (seed: number, checks: readonly RunCheck[]): RunOutcome => ({
  seed,
  digest: String(seed),
  topologyUs: 60e6,
  scenarios: [
    {
      name: "scale from zero",
      verdict: checks.every(({ verdict }) => verdict === "pass" || verdict === "reported") ? "pass" : "fail",
      checks,
    },
  ],
});

describe("many runs", () => {
  const late = check({ measured: 31.5, verdict: "fail", reason: "a poll came too early\nmore" });
  const summary = summarizeRuns([
    run(1, [check({ measured: 8 }), check({ name: "moved", verdict: "reported", measured: 3 })]),
    run(2, [late, check({ name: "moved", verdict: "reported", measured: 5 })]),
    run(3, [check({ measured: "none" }), check({ name: "moved", verdict: "reported", measured: 4 })]),
  ]);

  test("count what passed, and spread what gave a number", () => {
    expect(summary).toMatchObject({ runs: 3, passes: 2, topologySeconds: 180 });
    expect(summary.scenarios[0]).toMatchObject({ runs: 3, passes: 2 });
    expect(summary.scenarios[0]!.checks[0]).toEqual({
      name: "first response",
      limit: "< 30 s",
      unit: "s",
      passes: 2,
      measured: { samples: 2, min: 8, p50: 8, p95: 31.5, p99: 31.5, max: 31.5 },
    });
  });

  test("a figure that is only reported passes nothing and fails nothing", () => {
    expect(summary.scenarios[0]!.checks[1]).toMatchObject({ passes: null, measured: { p50: 4 } });
  });

  test("name each failure with its seed", () => {
    expect(summary.failures).toEqual([
      {
        seed: 2,
        scenario: "scale from zero",
        check: "first response",
        verdict: "fail",
        measured: 31.5,
        unit: "s",
        reason: late.reason,
      },
    ]);
  });

  test("two checks of one name are two rows", () => {
    const twice = summarizeRuns([run(1, [check({ measured: 5 }), check({ measured: 3 })])]);
    expect(twice.scenarios[0]!.checks.map(({ measured }) => measured?.p50)).toEqual([5, 3]);
  });

  test("on the terminal: the spread, the share of passes, and how to see a failure again", () => {
    const text = renderRuns(summary, {
      color: false,
      digest: "abc",
      again: (seed) => `limpet test --seed ${seed}`,
    });
    expect(text).toMatch(
      /scale from zero +first response +< 30 s +8 s +8 s +31\.5 s +31\.5 s +31\.5 s +2 of 3/,
    );
    expect(text).toContain(" seed 2: scale from zero · first response 31.5 s\n   a poll came too early\n");
    expect(text).toContain("   again  limpet test --seed 2\n");
    expect(text).toContain(" 2 of 3 runs pass every test");
    expect(text).toContain(" digest     abc");
  });
});
