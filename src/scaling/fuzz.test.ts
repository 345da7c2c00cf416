/** Thousands of random courses of events, each pass held against what the reference says it may and must not do. */
import { beforeAll, describe, expect, test } from "vitest";
import { Observer } from "./judge/observer.ts";
import { traceOf, watch, watchTraces, type Watched } from "./judge/watch.ts";
import { replay, type PassRow } from "./replay.ts";
import { defaultSpec } from "./testing.ts";
import type { TraceLine } from "./trace.ts";

const SEED = 7;
const TRACES = 5000;

describe(`${TRACES} random traces`, () => {
  let watched: Watched;
  beforeAll(() => {
    watched = watchTraces(SEED, TRACES);
  }, 300_000);

  test("no pass breaks a rule", () => {
    expect(watched.broken.slice(0, 10)).toEqual([]);
  });

  test("every rule came up, and often", () => {
    expect(watched.passes).toBeGreaterThan(300_000);
    expect(Object.entries(watched.checked).filter(([, count]) => count < 50)).toEqual([]);
    expect(Object.keys(watched.checked)).toHaveLength(21);
  });

  test("the same trace again is the same rows", () => {
    for (let index = 0; index < TRACES; index += 100)
      expect([...replay(traceOf(SEED, index))]).toEqual([...replay(traceOf(SEED, index))]);
  });
});

describe("rows that must come out", () => {
  const behavior = { advanced: { horizontalPodAutoscalerConfig: { behavior: {} } } };
  const at = (second: number, more: Omit<TraceLine, "tUs" | "source">): TraceLine => ({
    tUs: second * 1e6,
    source: `${second}`,
    ...more,
  });
  const replicasOf = (lines: readonly TraceLine[]): number[] =>
    [...replay(lines)].map(({ replicas }) => replicas);
  const rising = (more: object): TraceLine[] => [
    at(0, { scaledObject: { ...defaultSpec, ...more }, replicas: 1, metrics: [10], pass: "hpa" }),
    at(15, { pass: "hpa" }),
    at(30, { pass: "hpa" }),
  ];
  const returning = (more: object): TraceLine[] => [
    at(0, { scaledObject: { ...defaultSpec, ...more }, replicas: 5, metrics: [10], pass: "hpa" }),
    at(20, { replicas: 1, metrics: [1], pass: "hpa" }),
    at(35, { pass: "hpa" }),
    at(290, { pass: "hpa" }),
    at(301, { pass: "hpa" }),
  ];

  test.each([
    ["the legacy path from 1 to 5: 4 first", rising({}), [4, 5, 5]],
    ["with any behavior: 5 at once", rising(behavior), [5, 5, 5]],
    ["the legacy path lifts one tenant's pod to an old peak", returning({}), [5, 4, 5, 5, 1]],
    ["with any behavior it does not", returning(behavior), [5, 1, 1, 1, 1]],
  ])("%s", (_, lines, wanted) => {
    expect(replicasOf(lines)).toEqual(wanted);
  });
});

describe("the observer sees what is wrong", () => {
  const lines: TraceLine[] = [
    { tUs: 0, source: "0", scaledObject: defaultSpec, replicas: 5, metrics: [10] },
    { tUs: 70e6, source: "1", metrics: [0] },
    { tUs: 300e6, source: "end" },
  ];
  const rows = [...replay(lines)];
  const changed = (change: (row: PassRow) => PassRow): string[] =>
    watch(lines, new Observer(), rows.map(change));

  test("nothing in what was replayed", () => {
    expect(changed((row) => row)).toEqual([]);
  });
  test.each([
    [
      "KEDA too early",
      (row: PassRow) => (row.t === 100.02 ? { ...row, replicas: 0, desired: 0 } : row),
      "to zero in one write",
    ],
    [
      "the HPA to zero",
      (row: PassRow) => (row.by === "hpa" && row.t > 80 ? { ...row, replicas: 0, desired: 0 } : row),
      "only KEDA goes to zero",
    ],
    [
      "a step down inside the window",
      (row: PassRow) =>
        row.by === "hpa" && row.t > 80 && row.t < 100 ? { ...row, replicas: 1, desired: 1 } : row,
      "the highest of 300 s",
    ],
    [
      "above max",
      (row: PassRow) => (row.by === "hpa" ? { ...row, replicas: 6, desired: 6 } : row),
      "never outside min to max",
    ],
  ])("%s", (_, change, rule) => {
    expect(changed(change).join("\n")).toContain(rule);
  });
});
