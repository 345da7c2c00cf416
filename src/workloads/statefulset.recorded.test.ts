/** What the real StatefulSet controller created and deleted over 100 random courses of events. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type RecordedStatefulSet, statefulSetDifferences } from "./judge/recorded-statefulset.ts";

const folder = new URL("./fixtures/", import.meta.url);
const traces = readdirSync(folder)
  .filter((name) => /^statefulset.*\.jsonl$/.test(name))
  .flatMap((name) => readFileSync(new URL(name, folder), "utf8").trim().split("\n"))
  .map((line) => JSON.parse(line) as RecordedStatefulSet);

describe("statefulset.jsonl: creations, deletions, pods and status as recorded", () => {
  test.each(traces.map((trace) => [trace.id, trace] as const))("%s", (_, trace) => {
    expect(statefulSetDifferences(trace)).toEqual([]);
  });
});

describe("what was not so is found", () => {
  const trace = traces.find(({ acts }) => acts.length > 1)!;
  test("an action at another time", () => {
    const [[ms, act], ...rest] = trace.acts as [[number, string], ...[number, string][]];
    expect(statefulSetDifferences({ ...trace, acts: [[ms + 1, act], ...rest] })).toHaveLength(1);
  });
  test("a pod in another state", () => {
    const [[ms, pods, status], ...rest] = trace.after as [
      [number, string, string],
      ...[number, string, string][],
    ];
    expect(statefulSetDifferences({ ...trace, after: [[ms, `${pods} 9R`, status], ...rest] })).toHaveLength(
      1,
    );
  });
});
