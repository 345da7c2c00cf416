import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldRows, latencyBucket, latencyBucketFloor, mergeWindows, WindowFold } from "./aggregate.ts";
import type { Affinity, RequestRow, RequestsWindow } from "./types.ts";

const row = (given: Partial<RequestRow>): RequestRow => ({
  type: "request",
  atUs: 0,
  scheduledAtUs: 0,
  sentAtUs: 0,
  id: "",
  scenario: "s",
  load: "l",
  tenant: "t",
  tier: "small",
  gateway: 0,
  method: "GET",
  idempotent: true,
  status: 200,
  outcome: "answer",
  pod: "p-0",
  latencyUs: 0,
  ...given,
});

describe("latencyBucket()", () => {
  test.each([
    [0, 0],
    [15, 15],
    [31, 31],
    [32, 32],
    [33, 32],
    [34, 33],
    [1_000_000, 270],
  ])("%i us is in bucket %i", (latencyUs, bucket) => expect(latencyBucket(latencyUs)).toBe(bucket));

  test("holds every latency within 1/16 of its lower end, in order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (latencyUs) => {
        const floor = latencyBucketFloor(latencyBucket(latencyUs));
        expect(floor).toBeLessThanOrEqual(latencyUs);
        expect(latencyUs).toBeLessThan(Math.max(floor + 1, floor * (1 + 1 / 16) + 1e-6));
        expect(latencyBucketFloor(latencyBucket(latencyUs) + 1)).toBeGreaterThan(latencyUs);
      }),
    );
  });
});

const rows = fc.array(
  fc
    .record({
      atUs: fc.nat({ max: 40_000_000 }),
      latencyUs: fc.nat({ max: 9_000_000 }),
      load: fc.constantFrom("a", "b"),
      pod: fc.constantFrom("p-0", "p-1"),
      affinity: fc.constantFrom<Affinity>("hit", "miss"),
    })
    .map(row),
  { maxLength: 200 },
);

describe("WindowFold", () => {
  test("comes to the fold of all rows, however late rows become known and whenever windows are handed out", () => {
    fc.assert(
      fc.property(rows, fc.array(fc.nat({ max: 50_000_000 }), { maxLength: 20 }), (all, moments) => {
        const windows: RequestsWindow[] = [];
        const fold = new WindowFold((window) => windows.push(window));
        for (const [index, one] of all.entries()) {
          fold.add(one);
          const moment = moments[index];
          if (moment !== undefined) fold.advance(moment);
        }
        fold.flush();
        expect(mergeWindows(windows)).toEqual(foldRows(all));
        expect(windows.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
      }),
    );
  });

  test("keeps a window open until it is over", () => {
    const windows: RequestsWindow[] = [];
    const fold = new WindowFold((window) => windows.push(window));
    fold.add(row({ atUs: 4_999_999 }));
    fold.add(row({ atUs: 5_000_000 }));
    fold.advance(4_999_999);
    expect(windows).toEqual([]);
    fold.advance(5_000_000);
    expect(windows.map(({ fromUs, atUs, count }) => [fromUs, atUs, count])).toEqual([[0, 5_000_000, 1]]);
  });

  test("keeps apart what differs in cause, and the exact ends of what does not", () => {
    const folded = foldRows([
      row({ atUs: 10, scheduledAtUs: 5, latencyUs: 5 }),
      row({ atUs: 30, scheduledAtUs: 2, latencyUs: 28 }),
      row({ atUs: 20, outcome: "lost", cause: "reset", pod: null }),
      row({ atUs: 20, outcome: "lost", cause: "timeout", pod: null }),
    ]);
    expect(folded.map(({ outcome, cause, count }) => [outcome, cause, count])).toEqual([
      ["lost", "reset", 1],
      ["lost", "timeout", 1],
      ["answer", undefined, 2],
    ]);
    expect(folded[2]).toMatchObject({
      scheduledAtUsMin: 2,
      firstAtUs: 10,
      lastAtUs: 30,
      latencyUsMax: 28,
      latencyUsSum: 33,
      latency: { 5: 1, 28: 1 },
    });
  });
});
