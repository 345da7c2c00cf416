/** Every pass that the real controller made over 420 random courses of events, replayed row by row. */
import { describe, expect, test } from "vitest";
import { hpaDifferences, type RecordedHpa } from "./judge/recorded-hpa.ts";
import { readRecorded } from "./judge/recorded.ts";

for (const file of ["hpa-external", "hpa-value", "hpa-multi"]) {
  const traces = readRecorded<RecordedHpa>(new URL(`./fixtures/${file}.jsonl`, import.meta.url));
  describe(`${file}.jsonl: replicas, desired, conditions, averages and reasons as recorded`, () => {
    test.each(traces.map((trace) => [trace.id, trace] as const))("%s", (_, trace) => {
      expect(hpaDifferences(trace)).toEqual([]);
    });
  });
}

describe("a row that was not so is found", () => {
  const [trace] = readRecorded<RecordedHpa>(new URL("./fixtures/hpa-external.jsonl", import.meta.url));
  const changed = (change: (row: unknown[]) => void): string[] => {
    const rows = structuredClone(trace!.rows);
    change(rows[5] as unknown as unknown[]);
    return hpaDifferences({ ...trace!, rows });
  };

  test.each([
    ["replicas", 4],
    ["desired", 5],
    ["conditions", 6],
  ])("%s", (_, column) => {
    expect(changed((row) => (row[column] = Number(row[column]) + 1))).toHaveLength(1);
  });
  test("the reason of a rescale", () => {
    const index = trace!.rows.findIndex(([, , , , , , , extra]) => extra?.why !== undefined);
    const rows = structuredClone(trace!.rows);
    Object.assign(rows[index]![7]!, { why: "max" });
    expect(hpaDifferences({ ...trace!, rows })).toHaveLength(1);
  });
});
