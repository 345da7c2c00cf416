/** Traces as `limpet scale` takes them: the end-to-end rows of the reference, and what holds for the order of things. */
import { describe, expect, test } from "vitest";
import { replay, type PassRow, type ReplayOptions } from "./replay.ts";
import { defaultSpec } from "./testing.ts";
import { parseTrace } from "./trace.ts";

type Line = { readonly t: number; readonly [field: string]: unknown };

const STABILISE = {
  advanced: {
    horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 300 } } },
  },
};
const legacy = { scaledObject: defaultSpec };
const withBehavior = { scaledObject: { ...defaultSpec, ...STABILISE } };

const textOf = (lines: readonly Line[]): string => lines.map((line) => JSON.stringify(line)).join("\n");
const rowsOf = (lines: readonly Line[], options?: ReplayOptions): PassRow[] => [
  ...replay(parseTrace(textOf(lines), "trace"), options),
];

/** Passes at `first`, `first + period`, … up to `last`. */
const passes = (pass: "keda" | "hpa", first: number, period: number, last: number): Line[] =>
  Array.from({ length: Math.floor((last - first) / period + 1e-9) + 1 }, (_, index) => ({
    t: Math.round((first + period * index) * 1e6) / 1e6,
    pass,
  }));
const course = (...lines: readonly (Line | readonly Line[])[]): Line[] =>
  lines.flat().sort((a, b) => a.t - b.t);
const polls = passes("keda", 0.02, 10, 620);

/** `5 @ 22.01 hpa` for each pass after which there are other replicas than before. */
function changes(rows: readonly PassRow[], start: number): string[] {
  let before = start;
  return rows.flatMap(({ t, by, replicas }) => {
    if (replicas === before) return [];
    before = replicas;
    return [`${replicas} @ ${t.toFixed(2)} ${by}`];
  });
}
const saidAt = (rows: readonly PassRow[], t: number): (string | undefined)[] => {
  const row = rows.find((one) => one.by === "hpa" && Math.abs(one.t - t) < 0.001)!;
  return [row.reason, row.conditions["ScalingActive"]?.reason];
};

describe("scaling-semantics 9.9, each with its passes written out", () => {
  const e1 = (object: object): Line[] =>
    course(
      { t: 0, ...object, replicas: 0, metrics: [0] },
      { t: 3, metrics: [10] },
      passes("keda", 0.02, 10, 60),
      [
        { t: 7, pass: "hpa" },
        { t: 22.01, pass: "hpa" },
        { t: 37.02, pass: "hpa" },
      ],
    );
  test("E1 ten tenants from zero, no behavior", () => {
    expect(changes(rowsOf(e1(legacy)), 0)).toEqual(["1 @ 10.02 keda", "4 @ 22.01 hpa", "5 @ 37.02 hpa"]);
  });
  test("E2 the same with a behavior", () => {
    expect(changes(rowsOf(e1(withBehavior)), 0)).toEqual(["1 @ 10.02 keda", "5 @ 22.01 hpa"]);
  });

  const drain = (object: object, ...more: Line[]): Line[] =>
    course(
      { t: 0, ...object, replicas: 5, metrics: [10] },
      { t: 103, metrics: [0] },
      more,
      passes("keda", 0.02, 10, 450),
      passes("hpa", 7, 15.01, 450),
    );
  test("E3 everybody leaves", () => {
    const rows = rowsOf(drain(legacy));
    expect(changes(rows, 5)).toEqual(["0 @ 160.02 keda"]);
    for (const t of [112.07, 127.08, 142.09, 157.1])
      expect(saidAt(rows, t)).toEqual(["ScaleDownStabilized", "ValidMetricFound"]);
    expect(saidAt(rows, 172.11)).toEqual(["SucceededGetScale", "ScalingDisabled"]);
  });
  test("E4 one tenant comes back", () => {
    const back = { t: 171, metrics: [1] };
    expect(changes(rowsOf(drain(legacy, back)), 5)).toEqual([
      "0 @ 160.02 keda",
      "1 @ 180.02 keda",
      "4 @ 187.12 hpa",
      "5 @ 202.13 hpa",
      "1 @ 397.26 hpa",
    ]);
    expect(changes(rowsOf(drain(withBehavior, back)), 5)).toEqual(["0 @ 160.02 keda", "1 @ 180.02 keda"]);
  });
  test("E5 a partial drop", () => {
    const rows = rowsOf(
      course(
        { t: 0, ...legacy, replicas: 5, metrics: [10] },
        { t: 103, metrics: [2] },
        polls,
        passes("hpa", 6.94, 15.01, 450),
      ),
    );
    expect(changes(rows, 5)).toEqual(["1 @ 397.20 hpa"]);
  });
  test("E6 an outage", () => {
    const rows = rowsOf(
      course(
        { t: 0, ...legacy, replicas: 5, metrics: [10] },
        { t: 50, metrics: ["error"] },
        { t: 500, metrics: [0] },
        polls,
        passes("hpa", 7, 15.01, 620),
      ),
    );
    expect(changes(rows, 5)).toEqual(["0 @ 500.02 keda"]);
    expect(saidAt(rows, 67.04)).toEqual(["SucceededGetScale", "FailedGetExternalMetric"]);
  });
  test.each([
    ["legacy", legacy, ["1 @ 60.02 keda", "4 @ 67.04 hpa", "5 @ 82.05 hpa"]],
    ["with behavior", withBehavior, ["1 @ 60.02 keda", "5 @ 67.04 hpa"]],
  ])("E7 a manifest with replicas 0 is applied again, %s", (_, object, wanted) => {
    const rows = rowsOf(
      course(
        { t: 0, ...object, replicas: 5, metrics: [10] },
        { t: 55, replicas: 0 },
        passes("keda", 0.02, 10, 100),
        passes("hpa", 7, 15.01, 100),
      ),
    );
    // Nobody passes at 55; what was applied shows in the next pass, which finds zero and lifts it.
    expect(
      changes(
        rows.filter(({ t }) => t > 55),
        0,
      ),
    ).toEqual(wanted);
  });
  test.each([
    ["1.36: after 15 s", 15, ["1 @ 0.01 keda", "4 @ 15.00 hpa", "5 @ 30.00 hpa"]],
    ["1.37: at once, before KEDA's write", 0, ["1 @ 0.01 keda", "4 @ 15.00 hpa", "5 @ 30.00 hpa"]],
    ["1.37: at once, after it", 0.02, ["1 @ 0.01 keda", "4 @ 0.02 hpa", "5 @ 15.02 hpa"]],
  ])("E8 a new object with load, %s", (_, first, wanted) => {
    const rows = rowsOf(
      course(
        { t: 0, ...legacy, replicas: 0, metrics: [10] },
        passes("keda", 0.01, 10, 60),
        passes("hpa", first, 15, 60),
      ),
    );
    expect(changes(rows, 0)).toEqual(wanted);
  });
});

describe("without passes in the trace", () => {
  test("KEDA acts at 0.02 + k × pollingInterval, the HPA at 0.05 + k × 15.01, until the last line", () => {
    const rows = rowsOf([
      { t: 0, ...legacy, replicas: 0, metrics: [0] },
      { t: 3, metrics: [10] },
      { t: 30.07 },
    ]);
    expect(rows.map(({ t, by }) => `${t} ${by}`)).toEqual([
      "0.02 keda",
      "0.05 hpa",
      "10.02 keda",
      "15.06 hpa",
      "20.02 keda",
      "30.02 keda",
      "30.07 hpa",
    ]);
    expect(changes(rows, 0)).toEqual(["1 @ 10.02 keda", "4 @ 15.06 hpa", "5 @ 30.07 hpa"]);
  });

  test("an object that comes later starts its rhythm later, on the same beat", () => {
    const rows = rowsOf([{ t: 0, replicas: 0, metrics: [0] }, { t: 14, ...legacy }, { t: 31 }]);
    expect(rows.map(({ t, by }) => `${t} ${by}`)).toEqual([
      "15.06 hpa",
      "20.02 keda",
      "30.02 keda",
      "30.07 hpa",
    ]);
  });

  test("another pollingInterval counts from the edit on", () => {
    const edited = { scaledObject: { ...defaultSpec, pollingInterval: 4 } };
    const rows = rowsOf([{ t: 0, ...legacy, metrics: [1] }, { t: 11, ...edited }, { t: 20.02 }]);
    expect(rows.filter(({ by }) => by === "keda").map(({ t }) => t)).toEqual([
      0.02, 10.02, 12.02, 16.02, 20.02,
    ]);
  });
});

describe("what holds at an instant", () => {
  test("inputs at t hold for passes at t, whatever the order of the lines; KEDA goes first", () => {
    const rows = rowsOf([
      { t: 0, ...legacy, replicas: 0, metrics: [0] },
      { t: 10, pass: "hpa" },
      { t: 10, pass: "keda" },
      { t: 10, metrics: [6] },
    ]);
    expect(rows.map(({ by, replicas }) => [by, replicas])).toEqual([
      ["keda", 1],
      ["hpa", 3],
    ]);
  });

  test("statusReplicas follows replicas until it is given", () => {
    const hpa = {
      maxReplicas: 9,
      metrics: [
        {
          type: "External",
          external: { metric: { name: "m" }, target: { type: "AverageValue", averageValue: "2" } },
        },
      ],
    };
    const lines = (more: object): Line[] => [
      { t: 0, hpa, replicas: 5, metrics: [8.5], pass: "hpa" },
      { t: 400, replicas: 5, ...more, pass: "hpa" },
    ];
    // 8.5 of 2 × 5 is outside the tolerance and asks for 5; of 2 × 4 it is inside and answers 4.
    expect(rowsOf(lines({})).at(-1)?.replicas).toBe(5);
    expect(rowsOf(lines({ statusReplicas: 4 })).at(-1)?.replicas).toBe(4);
  });

  test("lastActiveTime and creationTimestamp are what the cooldown counts from", () => {
    const at = (t: number, more: object): number =>
      rowsOf([{ t, ...withInitial, replicas: 5, metrics: [0], pass: "keda", ...more }])[0]!.replicas;
    const withInitial = { scaledObject: { ...defaultSpec, initialCooldownPeriod: 100 } };
    expect(at(60.3, { lastActiveTime: 0.9 })).toBe(0);
    expect(at(60, { lastActiveTime: 0 })).toBe(5);
    expect(at(50, { lastActiveTime: -20 })).toBe(0);
    expect(at(50, { creationTimestamp: -49 })).toBe(5);
    expect(at(50, { creationTimestamp: -51 })).toBe(0);
    expect(at(60.3, { lastActiveTime: null })).toBe(5);
  });

  test("an edited spec holds from then on, and the HPA keeps its history", () => {
    const rows = rowsOf([
      { t: 0, ...legacy, replicas: 5, metrics: [10], pass: "hpa" },
      { t: 20, scaledObject: { ...defaultSpec, maxReplicaCount: 3 }, metrics: [2], pass: "hpa" },
      { t: 40, pass: "hpa" },
    ]);
    expect(rows.map(({ replicas, reason }) => [replicas, reason])).toEqual([
      [5, "ReadyForNewScale"],
      [3, "SucceededRescale"],
      [3, "ScaleDownStabilized"],
    ]);
  });

  test("a paused object has no HPA", () => {
    const scaledObject = {
      name: "api",
      spec: defaultSpec,
      annotations: { "autoscaling.keda.sh/paused": "true" },
    };
    const rows = rowsOf([{ t: 0, replicas: 3, metrics: [0] }, { t: 21 }], { scaledObject });
    expect(rows.map(({ by, replicas }) => [by, replicas])).toEqual([
      ["keda", 3],
      ["keda", 3],
      ["keda", 3],
    ]);
  });
});

describe("several triggers and errors", () => {
  const two = { ...defaultSpec, triggers: [defaultSpec.triggers![0], defaultSpec.triggers![0]] };
  test("a failing trigger holds the workload where the other would shrink it", () => {
    const rows = rowsOf([
      { t: 0, scaledObject: two, replicas: 3, metrics: [2, "error"], pass: "keda" },
      { t: 1, pass: "hpa" },
    ]);
    expect(rows).toEqual([
      {
        t: 0,
        by: "keda",
        replicas: 3,
        desired: 3,
        reason: "ScalerActive",
        conditions: {
          Ready: { status: "Unknown", reason: "PartialTriggerError" },
          Active: { status: "True", reason: "ScalerActive" },
          Fallback: { status: "Unknown", reason: "" },
          Paused: { status: "Unknown", reason: "" },
        },
      },
      {
        t: 1,
        by: "hpa",
        replicas: 3,
        desired: 0,
        reason: "SucceededGetScale",
        conditions: {
          AbleToScale: { status: "True", reason: "SucceededGetScale" },
          ScalingActive: { status: "False", reason: "FailedGetExternalMetric" },
        },
      },
    ]);
  });

  test.each([
    [[{ t: 0, replicas: 1, pass: "keda" }], "trace:1: KEDA passes, and no scaledObject was given"],
    [[{ t: 0, replicas: 1, pass: "hpa" }], "trace:1: the HPA passes, and no hpa or scaledObject was given"],
    [
      [
        { t: 0, scaledObject: two, metrics: [1] },
        { t: 1, pass: "keda" },
      ],
      "trace:2: metric 1 is looked at, and the trace gives only 1",
    ],
    [[{ t: 0, ...legacy, pass: "keda" }], "trace:1: metric 0 is looked at, and the trace gives none"],
  ])("%# what a pass lacks is said with the line", (lines, message) => {
    expect(() => rowsOf(lines)).toThrow(message);
  });

  test("at zero the HPA looks at no metric, so none need be there", () => {
    expect(rowsOf([{ t: 0, ...legacy, replicas: 0, pass: "hpa" }])).toHaveLength(1);
  });
});
