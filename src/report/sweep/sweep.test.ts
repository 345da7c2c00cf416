/** What a row says, from events written by hand; which rows no other beats; where a bisection ends. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../events/types.ts";
import type { RunOutcome } from "../runs.ts";
import { bisect, parseRange } from "./bisect.ts";
import { FiguresFold, type RunFigures } from "./figures.ts";
import { renderSweep, sweepCsv } from "./render.ts";
import { markPareto, rowOf, type VariantRun } from "./rows.ts";

const HOST = "api.ns.svc.cluster.local";
const us = (seconds: number): number => seconds * 1e6;

const ready = (seconds: number, ...pods: string[]): RunEvent => ({
  type: "endpoints",
  atUs: us(seconds),
  service: HOST,
  tier: "small",
  version: 1,
  ready: pods.map((pod) => ({ pod, address: `${pod}:8000` })),
});
const answer = (seconds: number, tenant: string, pod: string, latencySeconds = 0.1): RunEvent =>
  ({
    type: "request",
    atUs: us(seconds),
    scheduledAtUs: us(seconds - latencySeconds),
    latencyUs: us(latencySeconds),
    tier: "small",
    tenant,
    pod,
    outcome: "answer",
  }) as RunEvent;
const window = (over: object): RunEvent =>
  ({ type: "requests.window", atUs: us(900), outcome: "answer", count: 1, ...over }) as RunEvent;
const pod = (seconds: number, what: string, uid: string, tier: string | null = "small"): RunEvent =>
  ({ type: "pod", atUs: us(seconds), what, uid, tier }) as RunEvent;

function figuresOf(...events: readonly RunEvent[]): RunFigures {
  const fold = new FiguresFold();
  fold.add({ type: "route", atUs: 0, tier: "small", host: HOST } as RunEvent);
  for (const event of events) fold.add(event);
  return fold.figures();
}

describe("FiguresFold", () => {
  test("pod-seconds: from creation to the end, or to the end of the run; the entry's pods are nobody's cost", () => {
    const { podSeconds } = figuresOf(
      pod(0, "created", "gateway", null),
      pod(10, "created", "a"),
      pod(12, "created", "b"),
      pod(40, "deleted", "a"),
      ready(112),
    );
    expect(podSeconds).toBe(30 + 100);
  });

  test("cold: due while no pod was ready, however it went on", () => {
    const figures = figuresOf(
      ready(0),
      ready(10, "a-0"),
      answer(11, "t-1", "a-0", 8.5),
      answer(12, "t-1", "a-0"),
      { ...answer(13, "t-2", "a-0", 5), outcome: "lost", pod: null } as RunEvent,
    );
    expect(figures).toMatchObject({ rows: 3, cold: 2, coldLatencies: [[850, 1]] });
  });

  test.each([
    // A pod comes: four tenants, two pods, two have to move at best. It goes again: whoever is on it.
    [
      "one comes",
      ["a-0"],
      ["a-0", "a-1"],
      [
        ["a-0", "a-0"],
        ["a-0", "a-1"],
        ["a-0", "a-1"],
        ["a-0", "a-1"],
      ],
      2,
      1,
    ],
    [
      "one goes",
      ["a-0", "a-1"],
      ["a-0"],
      [
        ["a-0", "a-0"],
        ["a-1", "a-0"],
        ["a-1", "a-0"],
        ["a-0", "a-0"],
      ],
      2,
      1,
    ],
    [
      "one is replaced by another",
      ["a-0"],
      ["b-0"],
      [
        ["a-0", "b-0"],
        ["a-0", "b-0"],
      ],
      2,
      1,
    ],
    ["nothing changes", ["a-0"], ["a-0"], [["a-0", "a-0"]], 0, 0],
  ] as const)("least moves: %s", (_, before, after, tenants, least, steps) => {
    const figures = figuresOf(
      ready(0, ...before),
      ...tenants.map(([first], index) => answer(5, `t-${index}`, first)),
      ready(10, ...after),
      ...tenants.map(([, second], index) => answer(20, `t-${index}`, second)),
    );
    expect(figures).toMatchObject({ leastMoves: least, scaleSteps: steps });
  });

  test("over zero nothing is a step, and nobody has to move", () => {
    const figures = figuresOf(
      ready(0, "a-0"),
      answer(5, "t", "a-0"),
      ready(10),
      ready(20, "b-0", "b-1"),
      answer(30, "t", "b-1"),
    );
    expect(figures).toMatchObject({ leastMoves: 0, scaleSteps: 0 });
  });

  test("moves, hits, misses and losses are those of the exact windows", () => {
    const figures = figuresOf(
      window({ affinity: "hit", count: 90 }),
      window({ affinity: "miss", count: 10 }),
      window({ affinity: "moved-scale-out", count: 4 }),
      window({ affinity: "moved-over-zero", count: 7 }),
      window({ outcome: "lost", count: 3 }),
      window({ outcome: "refused", count: 2 }),
    );
    expect(figures).toMatchObject({ offered: 116, hits: 90, misses: 10, moves: 4, lost: 5 });
  });
});

const outcome = (seed: number, verdict: "pass" | "fail"): RunOutcome => ({
  seed,
  digest: "d",
  topologyUs: 0,
  scenarios: [
    {
      name: "s",
      verdict,
      checks: [{ name: "c", measured: 1, limit: "< 1", unit: "s", verdict, reason: "why\nmore" }],
    },
  ],
});
const FIGURES: RunFigures = {
  podSeconds: 3600,
  offered: 1000,
  rows: 1000,
  lost: 0,
  cold: 100,
  coldLatencies: [
    [100, 94],
    [700, 4],
    [900, 2],
  ],
  hits: 500,
  misses: 0,
  moves: 30,
  leastMoves: 20,
  scaleSteps: 10,
};
const run = (over: Partial<RunFigures> = {}, verdict: "pass" | "fail" = "pass"): VariantRun => ({
  outcome: outcome(1, verdict),
  figures: { ...FIGURES, ...over },
});

describe("rowOf()", () => {
  test("means a run, pools requests, counts passes", () => {
    const row = rowOf([["cooldownPeriod", "60"]], [run(), run({ podSeconds: 7200, lost: 5 }, "fail")], []);
    expect(row).toMatchObject({
      runs: 2,
      passes: 1,
      podHours: 1.5,
      coldPercent: 10,
      coldP95Seconds: 7,
      movesPerStep: 3,
      leastMovesPerStep: 2,
      hitPercent: 100,
      lost: 5,
      offered: 2000,
    });
    expect(row.failures).toHaveLength(1);
  });

  test("what was never there is no number", () => {
    const none = { cold: 0, coldLatencies: [], scaleSteps: 0, moves: 0, leastMoves: 0, hits: 0 };
    expect(rowOf([], [run(none)], [])).toMatchObject({
      coldP95Seconds: null,
      movesPerStep: null,
      leastMovesPerStep: null,
      hitPercent: null,
    });
  });
});

describe("markPareto()", () => {
  const row = (name: string, over: Partial<RunFigures>) => rowOf([["x", name]], [run(over)], []);
  const marked = (...rows: Parameters<typeof markPareto>[0]): string[] =>
    markPareto(rows).flatMap(({ pareto, settings }) => (pareto ? [settings[0]![1]] : []));

  test("cheaper against warmer: both; worse in both: not", () => {
    const cheap = row("cheap", { podSeconds: 3600, cold: 200 });
    const warm = row("warm", { podSeconds: 7200, cold: 50 });
    const poor = row("poor", { podSeconds: 7200, cold: 200 });
    expect(marked(cheap, warm, poor)).toEqual(["cheap", "warm"]);
  });
  test("cold and never answered is not a short wait", () => {
    const silent = row("silent", { coldLatencies: [], lost: 100 });
    expect(marked(silent, row("slow", {}))).toEqual(["slow"]);
  });
  test("equal rows are both kept", () => {
    expect(marked(row("a", {}), row("b", {}))).toEqual(["a", "b"]);
  });
  test("a row that was not run has no figures to win by", () => {
    expect(marked(row("a", {}), rowOf([["x", "none"]], [], ["s: needs 2 tiers"]))).toEqual(["a"]);
  });
  test("some row is always marked, and none that another beats", () => {
    const pods = fc.integer({ min: 1, max: 20 }).map((hours) => hours * 3600);
    fc.assert(
      fc.property(
        fc.array(fc.record({ podSeconds: pods, lost: fc.nat(3) }), { minLength: 1, maxLength: 8 }),
        (all) => {
          const rows = markPareto(all.map((over, index) => row(String(index), over)));
          const best = rows.filter(({ pareto }) => pareto);
          expect(best.length).toBeGreaterThan(0);
          for (const a of best)
            for (const b of rows) expect(b.podHours < a.podHours && b.lost < a.lost).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
  });
});

test("the table and the CSV have the same rows; a value with a comma is quoted", () => {
  const rows = markPareto([rowOf([["behavior", '{"a":1,"b":2}']], [run(), run({}, "fail")], ["other: no"])]);
  expect(sweepCsv(rows).split("\r\n")).toEqual([
    "behavior,pod_hours,cold_start_percent,cold_start_p95_seconds,moves_per_step,least_moves_per_step,hit_percent,lost_requests,offered_requests,runs,passes,pareto",
    '"{""a"":1,""b"":2}",1,10,7,3,2,100,0,2000,2,1,true',
    "",
  ]);
  const text = renderSweep(rows, { color: false });
  expect(text).toMatch(/1\.00 +10 % +7 s +3 +2 +100 % +0 of 2000 +1 of 2 +\*/);
  expect(text).toContain("seed 1: s · c fail: why");
  expect(text).toContain("not applicable: other: no");
});

describe("bisect()", () => {
  test.each([
    ["1..60", { lo: 1, hi: 60, decimals: 0, unit: "" }],
    ["0.5..2", { lo: 0.5, hi: 2, decimals: 1, unit: "" }],
    ["5s..60s", { lo: 5, hi: 60, decimals: 0, unit: "s" }],
    ["-1..1", { lo: -1, hi: 1, decimals: 0, unit: "" }],
    ["60..1", null],
    ["5s..60", null],
    ["1-60", null],
    ["..", null],
  ])("parseRange(%j)", (text, range) => expect(parseRange(text)).toEqual(range));

  test("finds the two neighbours, whichever side holds, in about log₂ questions", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 999 }), fc.boolean(), async (edge, lowHolds) => {
        const asked: string[] = [];
        const result = await bisect({ lo: 0, hi: 1000, decimals: 0, unit: "s" }, (value) => {
          asked.push(value);
          return Promise.resolve({ holds: Number.parseInt(value, 10) < edge === lowHolds, found: value });
        });
        const [below, above] = [`${edge - 1}s`, `${edge}s`];
        expect(result).toMatchObject({
          kind: "edge",
          holding: { value: lowHolds ? below : above },
          failing: { value: lowHolds ? above : below },
        });
        expect(asked.length).toBeLessThanOrEqual(12);
      }),
      { numRuns: 50 },
    );
  });

  test("steps of a tenth", async () => {
    const result = await bisect({ lo: 0.5, hi: 2, decimals: 1, unit: "" }, (value) =>
      Promise.resolve({ holds: Number(value) < 1.25, found: null }),
    );
    expect(result).toMatchObject({ holding: { value: "1.2" }, failing: { value: "1.3" } });
  });

  test("the same at both ends: nothing is looked for between", async () => {
    const asked: string[] = [];
    const result = await bisect({ lo: 1, hi: 9, decimals: 0, unit: "" }, (value) => {
      asked.push(value);
      return Promise.resolve({ holds: true, found: null });
    });
    expect(result.kind).toBe("same");
    expect(asked).toEqual(["1", "9"]);
  });
});
