import { describe, expect, test } from "vitest";
import { Registry, Counter, Gauge, Histogram } from "prom-client";
import { instantQuery } from "../promql/query.ts";
import { ExpositionError, parseExposition, parseSeries } from "./exposition.ts";
import { loadSamples } from "./load-samples.ts";

type Row = { readonly labels: Record<string, string>; readonly value: number; readonly tMs: number | null };

function read(page: string): Row[] {
  const rows: Row[] = [];
  parseExposition(page, {
    sample: (series, value, tMs, line) => rows.push({ labels: { ...parseSeries(series, line) }, value, tMs }),
  });
  return rows;
}

describe("samples", () => {
  test.each<[string, Record<string, string>, number, number | null]>([
    ["up 1", { __name__: "up" }, 1, null],
    ["  up\t1.5e3  1700000000000 ", { __name__: "up" }, 1500, 1_700_000_000_000],
    ['a{b="c"} +Inf', { __name__: "a", b: "c" }, Infinity, null],
    ['a{b="c",} -Inf -5', { __name__: "a", b: "c" }, -Infinity, -5],
    ['a { b = "c" , d="e" } NaN', { __name__: "a", b: "c", d: "e" }, NaN, null],
    ['a{b="}{ \\"x\\" \\\\ \\n y"}1', { __name__: "a", b: '}{ "x" \\ \n y' }, 1, null],
    ["a{} 1", { __name__: "a" }, 1, null],
    ['{"odd.name",b="c"} 1', { __name__: "odd.name", b: "c" }, 1, null],
    ['a{"odd label"="c"} 1', { __name__: "a", "odd label": "c" }, 1, null],
    ["job:rate:sum 0.25", { __name__: "job:rate:sum" }, 0.25, null],
  ])("%s", (page, labels, value, tMs) => {
    expect(read(page)).toEqual([{ labels, value, tMs }]);
  });

  test("comments and empty lines are passed over; the last line needs no end", () => {
    expect(read("# a comment\n\n#HELP\n  \nup 1\nup2 2")).toHaveLength(2);
  });
});

test("types and help texts", () => {
  const told: string[] = [];
  parseExposition("# HELP a Says \\\\ and\\nmore\n# TYPE a counter\n# TYPE b  histogram \n", {
    sample: () => undefined,
    type: (metric, type) => told.push(`${metric}: ${type}`),
    help: (metric, help) => told.push(`${metric}: ${help}`),
  });
  expect(told).toEqual(["a: Says \\ and\nmore", "a: counter", "b: histogram"]);
});

test.each([
  ["up 1\nup", 'line 2: expected value after metric, got the end of the line in "up"'],
  ["up one", 'line 1: expected a number as value, got "one" in "up one"'],
  ["up 0x1p4", 'line 1: expected a number as value, got "0x1p4" in "up 0x1p4"'],
  [
    "up 1 soon",
    'line 1: expected a timestamp in milliseconds or the end of the line, got "soon" in "up 1 soon"',
  ],
  [
    "up 1 2 3",
    'line 1: expected a timestamp in milliseconds or the end of the line, got "2 3" in "up 1 2 3"',
  ],
  ['up{a="b" 1', 'line 1: expected "}" after the labels in "up{a=\\"b\\" 1"'],
  ["up{a=b} 1", 'line 1: expected name="value", got "a=b" in "up{a=b}"'],
  ['up{a="1",a="2"} 1', 'line 1: label name "a" is not unique in "up{a=\\"1\\",a=\\"2\\"}"'],
  ['{a="1"} 1', 'line 1: metric name not set in "{a=\\"1\\"}"'],
  ["1up 1", 'line 1: "1up" is not a valid metric name'],
  ["# TYPE a thing", 'line 1: invalid metric type "thing"'],
])("%j is refused with its line", (page, message) => {
  expect(() => read(page)).toThrow(
    new ExpositionError(Number(/\d+/.exec(message)?.[0]), message.replace(/^line \d+: /, "")),
  );
});

test("reads what prom-client writes", async () => {
  const registry = new Registry();
  const counter = new Counter({ name: "hits_total", help: "x", labelNames: ["tier"], registers: [registry] });
  counter.inc({ tier: 'sm"all\n' }, 3);
  new Gauge({ name: "level", help: "x", registers: [registry] }).set(-2.5);
  new Histogram({ name: "took", help: "x", buckets: [1, 2], registers: [registry] }).observe(1.5);
  const rows = read(await registry.metrics());
  expect(rows.map(({ labels, value }) => [labels.__name__, labels.tier ?? labels.le ?? "", value])).toEqual([
    ["hits_total", 'sm"all\n', 3],
    ["level", "", -2.5],
    ["took_bucket", "1", 0],
    ["took_bucket", "2", 1],
    ["took_bucket", "+Inf", 1],
    ["took_sum", "", 1.5],
    ["took_count", "", 1],
  ]);
});

test("a text with timestamps can be asked, in whatever order its samples stand", () => {
  const tsdb = loadSamples("m 3 3000\nm 1 1000\nm 2 2000\nn 7\n", 2500);
  const result = instantQuery(tsdb, "sum_over_time(m[2s]) + on() n", 3000);
  expect(result).toMatchObject({ samples: [{ value: 12 }] });
});
