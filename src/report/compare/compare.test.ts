/** Two small logs, one of them changed: what is a disagreement, and what is not. */
import { describe, expect, test } from "vitest";
import type { LogLine, RequestRow, RequestsWindow, VerdictKind } from "../../events/types.ts";
import { compareRuns, type ComparedRow } from "./compare.ts";
import { FactsFold } from "./facts.ts";
import { renderComparison } from "./terminal.ts";

const HOST = "api.ns.svc.cluster.local";
const VALUES = { scrape: 5, pollingInterval: 10, sync: 15, gaugeInterval: 0 };
const us = (seconds: number): number => Math.round(seconds * 1e6);

type Answer = {
  readonly at: number;
  readonly tenant: string;
  readonly pod: string;
  /** Default 0.1. */
  readonly tookSeconds?: number;
};
type Given = {
  readonly scenario?: string;
  readonly values?: Readonly<Record<string, number>>;
  /** `[seconds after the base, from, to]`; to or from 0 is KEDA's, the rest the HPA's. */
  readonly writes?: readonly (readonly [number, number, number])[];
  /** `[seconds after the base, pods]`; their addresses follow from their names. */
  readonly sets?: readonly (readonly [number, readonly string[]])[];
  readonly answers?: readonly Answer[];
  readonly firstAfter?: number | null;
  readonly hits?: number;
  readonly misses?: number;
  readonly endsAfter?: number;
  readonly verdict?: VerdictKind;
};

/** A run of one scenario of one step, whose base is at 100 s. */
function factsOf(given: Given = {}) {
  const { scenario = "wake", values = VALUES, endsAfter = 300, verdict = "pass" } = given;
  const {
    writes = [[8, 0, 1]],
    sets = [
      [0, []],
      [11, ["a-0"]],
    ],
    firstAfter = 11.2,
  } = given;
  const { answers = [{ at: 20, tenant: "t-1", pod: "a-0" }], hits = 100, misses = 0 } = given;
  const at = (seconds: number): number => us(100 + seconds);
  const row = (over: Partial<RequestRow>): RequestRow => ({
    type: "request",
    atUs: 0,
    scheduledAtUs: 0,
    sentAtUs: 0,
    id: "1",
    scenario,
    load: "all",
    tenant: "t-1",
    tier: "small",
    gateway: 0,
    method: "GET",
    idempotent: true,
    status: 200,
    outcome: "answer",
    pod: null,
    latencyUs: 0,
    ...over,
  });
  const window = (affinity: "hit" | "miss", count: number): LogLine =>
    ({ type: "requests.window", atUs: at(endsAfter), scenario, affinity, count }) as RequestsWindow;
  const timed: LogLine[] = [
    ...writes.map(
      ([seconds, from, to]) =>
        ({
          type: "decision",
          atUs: at(seconds),
          by: from === 0 || to === 0 ? "keda" : "hpa",
          tier: "small",
          from,
          to,
          wrote: true,
        }) as LogLine,
    ),
    ...sets.map(([seconds, pods], version): LogLine => ({
      type: "endpoints",
      atUs: at(seconds),
      service: HOST,
      tier: "small",
      version,
      ready: pods.map((pod) => ({ pod, address: `${pod}:8000` })),
    })),
    ...answers.map(({ at: seconds, tenant, pod, tookSeconds = 0.1 }) => {
      const sentAtUs = at(seconds - tookSeconds);
      return row({ atUs: at(seconds), scheduledAtUs: sentAtUs, sentAtUs, tenant, pod });
    }),
    row({
      atUs: at(firstAfter ?? 200),
      scheduledAtUs: at(0),
      sentAtUs: at(0),
      latencyUs: us(firstAfter ?? 200),
      ...(firstAfter === null ? { outcome: "lost" } : {}),
    }),
  ].sort((a, b) => ("atUs" in a ? a.atUs : 0) - ("atUs" in b ? b.atUs : 0));
  const scenarioEvent = (what: "started" | "step" | "offered" | "ended", seconds: number): LogLine => ({
    type: "scenario",
    atUs: at(seconds),
    scenario,
    attempt: 1,
    what,
    ...(what === "started" ? { values } : {}),
    ...(what === "step" ? { step: "one", values: { baseUs: at(0) } } : {}),
    ...(what === "offered" ? { step: "one" } : {}),
  });
  const lines: LogLine[] = [
    { type: "header", seed: 1, speed: 1, engine: "simulated", topology: "t" } as LogLine,
    { type: "route", atUs: 0, tier: "small", host: HOST } as LogLine,
    scenarioEvent("started", -2),
    scenarioEvent("step", -1),
    ...timed,
    window("hit", hits),
    window("miss", misses),
    scenarioEvent("offered", endsAfter),
    scenarioEvent("ended", endsAfter),
    { type: "verdict", atUs: at(endsAfter), scenario, verdict } as LogLine,
  ];
  const fold = new FactsFold();
  for (const line of lines) fold.add(line);
  return fold.facts()!;
}

const rowsOf = (a: Given, b: Given): readonly ComparedRow[] =>
  compareRuns(factsOf(a), factsOf(b)).scenarios[0]!.rows;
const differing = (a: Given, b: Given): string[] =>
  rowsOf(a, b)
    .filter(({ verdict }) => verdict === "differ")
    .map(({ measure }) => measure);

const OWNERS = "owners, where host sets are equal";
const MOVED = "tenants moved, at equal steps";
const two: Given["sets"] = [
  [0, ["a-0"]],
  [30, ["a-0", "a-1"]],
];
const moving = (pod: string): Given => ({
  sets: two,
  answers: [
    { at: 20, tenant: "t-1", pod: "a-0" },
    { at: 50, tenant: "t-1", pod },
  ],
});

describe("compareRuns()", () => {
  // What is changed in the second run, and what then differs.
  const rows: readonly (readonly [string, Given, Given, readonly string[]])[] = [
    ["the same twice", {}, {}, []],
    [
      "a wake-up later by scrape, poll and the whole second",
      {},
      { writes: [[24, 0, 1]], firstAfter: 27 },
      [],
    ],
    ["a wake-up later than that", {}, { writes: [[24.2, 0, 1]] }, ["small up to 1"]],
    ["a first response later than all that is waited for", {}, { firstAfter: 27.4 }, ["first response"]],
    ["no first response", {}, { firstAfter: null }, ["first response"]],
    ["no wake-up at all", {}, { writes: [] }, ["small up to 1"]],
    [
      "one write more on the way, as the HPA's rate limit makes",
      {
        writes: [
          [8, 0, 1],
          [10, 1, 5],
        ],
      },
      {
        writes: [
          [8, 0, 1],
          [10, 1, 4],
          [25, 4, 5],
        ],
      },
      [],
    ],
    [
      "fewer pods at the end",
      {
        writes: [
          [8, 0, 1],
          [10, 1, 5],
        ],
      },
      {
        writes: [
          [8, 0, 1],
          [10, 1, 4],
        ],
      },
      ["small up to 5"],
    ],
    [
      "a write just before the end, and one just after it",
      {
        writes: [
          [8, 0, 1],
          [295, 1, 2],
        ],
      },
      {
        writes: [
          [8, 0, 1],
          [302, 1, 2],
        ],
      },
      [],
    ],
    [
      "a scale-in later than a sync",
      { writes: [[200, 5, 1]] },
      { writes: [[222, 5, 1]] },
      ["small down to 1"],
    ],
    [
      "to zero, from the last answer on",
      { writes: [[140, 1, 0]] },
      { writes: [[157, 1, 0]] },
      ["small last answer to zero"],
    ],
    [
      "a longer poll in one topology allows more",
      {},
      { writes: [[30, 0, 1]], values: { ...VALUES, pollingInterval: 30 } },
      [],
    ],
    ["another owner under the same pods", {}, { answers: [{ at: 20, tenant: "t-1", pod: "a-9" }] }, [OWNERS]],
    [
      "other pods: owners are not compared",
      {},
      {
        sets: [
          [0, []],
          [11, ["b-0"]],
        ],
        answers: [{ at: 20, tenant: "t-1", pod: "b-0" }],
      },
      [],
    ],
    ["a move at an equal step", moving("a-0"), moving("a-1"), [OWNERS, MOVED]],
    ["a lower hit rate", {}, { hits: 98, misses: 2 }, ["hit rate"]],
    ["a hit rate one point lower", {}, { hits: 99, misses: 1 }, []],
    ["another verdict", {}, { verdict: "fail" }, ["verdict"]],
    ["no verdict, as the machine was too busy", {}, { verdict: "undecided" }, []],
  ];

  test.each(rows)("%s", (_, a, b, expected) => {
    expect(differing(a, b)).toEqual(expected);
    // Whoever comes first.
    expect(differing(b, a)).toEqual(expected);
  });

  test("a warm first response waits for no loop, so none is allowed for", () => {
    const warm: Given = { sets: [[-1, ["a-0"]]], writes: [] };
    expect(differing({ ...warm, firstAfter: 0.1 }, { ...warm, firstAfter: 1.0 })).toEqual([]);
    expect(differing({ ...warm, firstAfter: 0.1 }, { ...warm, firstAfter: 1.3 })).toEqual(["first response"]);
  });

  test("an answer while two sets may be in force belongs to neither", () => {
    const early: Given = { sets: two, answers: [{ at: 33, tenant: "t-1", pod: "a-0" }] };
    const late: Given = { sets: two, answers: [{ at: 33, tenant: "t-1", pod: "a-1" }] };
    expect(differing(early, late)).toEqual([]);
    expect(rowsOf(early, late).find(({ measure }) => measure === OWNERS)).toMatchObject({
      verdict: "reported",
    });
  });

  test("an answer that was sent under the set before belongs to neither, however long ago that was replaced", () => {
    // Sent at 29.9 s, before the second pod came at 30 s; answered at 50 s.
    const slow: Given = {
      sets: two,
      answers: [{ at: 50, tenant: "t-1", pod: "a-1", tookSeconds: 20.1 }],
    };
    expect(differing(moving("a-0"), slow)).toEqual([]);
    expect(differing(moving("a-0"), { ...slow, answers: [{ at: 50, tenant: "t-1", pod: "a-1" }] })).toEqual([
      OWNERS,
    ]);
  });

  test("scenarios of one run alone are named and not judged", () => {
    const comparison = compareRuns(factsOf({ scenario: "x" }), factsOf({ scenario: "y" }));
    expect(comparison).toMatchObject({ scenarios: [], onlyInA: ["x"], onlyInB: ["y"] });
  });

  test("the table says what differs, by how much, and what was allowed", () => {
    const comparison = compareRuns(factsOf(), factsOf({ writes: [[30, 0, 1]] }));
    const text = renderComparison(comparison, { color: false, heading: ["limpet compare"] });
    expect(text).toMatch(
      /small up to 1 +8 s +30 s +22 s +≤ 16 s +DIFFER +allowed: scrape 5 \+ whole second 1 \+ poll 10/,
    );
    expect(text).toContain("0 of 1 test agrees");
  });
});
