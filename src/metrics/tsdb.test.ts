import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matcher } from "../promql/matchers.ts";
import { Tsdb } from "./tsdb.ts";

const up = { __name__: "up", job: "api" };
const named = [matcher("__name__", "=", "up")];

/** Times of the selected samples, markers with a `!`. */
const times = (tsdb: Tsdb, startMs = -Infinity, endMs = Infinity): string[] =>
  tsdb
    .select(named, startMs, endMs)
    .flatMap(({ times, stale, from, to }) =>
      Array.from({ length: to - from }, (_, i) => `${times[from + i]}${stale[from + i] === 1 ? "!" : ""}`),
    );

describe("appending", () => {
  test.each([
    ["in order", [1, 2], ["appended", "appended"]],
    ["an older one", [2, 1], ["appended", "outOfOrder"]],
  ])("%s", (_, stamps, results) => {
    const tsdb = new Tsdb();
    expect(stamps.map((tMs) => tsdb.append(up, tMs, 0))).toEqual(results);
  });

  test("the same time: the same value again is nothing, another is refused", () => {
    const tsdb = new Tsdb();
    expect([1, 1, 2].map((value) => tsdb.append(up, 5, value))).toEqual([
      "appended",
      "appended",
      "duplicate",
    ]);
    expect(tsdb.append({ ...up, job: "b" }, 5, NaN)).toBe("appended");
    expect(tsdb.append({ ...up, job: "b" }, 5, NaN)).toBe("appended");
    // An ordinary NaN is not a staleness marker.
    expect(tsdb.appendStale({ ...up, job: "b" }, 5)).toBe("duplicate");
    expect(tsdb.stats()).toMatchObject({ series: 2, samples: 2 });
  });

  test("no more series than the cap; refusals are counted, known series go on", () => {
    const tsdb = new Tsdb({ maxSeries: 1 });
    expect(tsdb.append(up, 1, 1)).toBe("appended");
    expect(tsdb.append({ __name__: "other" }, 1, 1)).toBe("refused");
    expect(tsdb.append(up, 2, 1)).toBe("appended");
    expect(tsdb.stats()).toMatchObject({ series: 1, refused: 1 });
  });
});

test("what is older than the retention is forgotten, and empty series make room", () => {
  const tsdb = new Tsdb({ retentionMs: 100_000, maxSeries: 2 });
  const old = tsdb.series({ __name__: "old" });
  tsdb.append({ __name__: "old" }, 0, 1);
  for (let tMs = 0; tMs <= 300_000; tMs += 10_000) tsdb.append(up, tMs, tMs);
  expect(times(tsdb)[0]).toBe("200000");
  expect(tsdb.stats().series).toBe(1);
  expect(tsdb.append({ __name__: "new" }, 300_000, 1)).toBe("appended");
  // Who kept the forgotten series is refused when there is no room for it any more.
  if (old !== null) expect(tsdb.appendTo(old, 300_001, 1)).toBe("refused");
});

test("a range takes both its ends", () => {
  const tsdb = new Tsdb();
  for (const tMs of [10, 20, 30]) tsdb.append(up, tMs, 1);
  tsdb.appendStale(up, 40);
  expect(times(tsdb, 20, 40)).toEqual(["20", "30", "40!"]);
  expect(times(tsdb, 21, 29)).toEqual([]);
});

test("selects as a plain list would", () => {
  const sample = fc.record({ gap: fc.integer({ min: 1, max: 50 }), value: fc.double(), stale: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(sample, { maxLength: 200 }),
      fc.nat(4000),
      fc.nat(4000),
      fc.nat(4000),
      (samples, a, b, prune) => {
        const tsdb = new Tsdb();
        const plain: string[] = [];
        let tMs = 0;
        for (const { gap, value, stale } of samples) {
          tMs += gap;
          if (stale) tsdb.appendStale(up, tMs);
          else tsdb.append(up, tMs, value);
          if (tMs >= prune && tMs >= Math.min(a, b) && tMs <= Math.max(a, b))
            plain.push(`${tMs}${stale ? "!" : ""}`);
        }
        tsdb.prune(prune);
        expect(times(tsdb, Math.min(a, b), Math.max(a, b))).toEqual(plain);
      },
    ),
  );
});
