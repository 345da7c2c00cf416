import { describe, expect, test } from "vitest";
import { querySamples } from "./query-samples.ts";

const TEXT = 'hits_total{pod="a"} 0 0\nhits_total{pod="a"} 30 60000\nlevel 7\n';
const ask = (promql: string, more: { text?: string; tMs?: number } = {}) =>
  querySamples({ promql, text: more.text ?? TEXT, tMs: more.tMs ?? null, nowMs: 5000 });
const dataOf = (promql: string, more = {}): unknown =>
  (JSON.parse(ask(promql, more).body) as { data: unknown }).data;

describe("answers as the HTTP API does", () => {
  test.each([
    [
      "rate(hits_total[2m])",
      { resultType: "vector", result: [{ metric: { pod: "a" }, value: [60, "0.25"] }] },
    ],
    ["level", { resultType: "vector", result: [{ metric: { __name__: "level" }, value: [60, "7"] }] }],
    ["1 + 1", { resultType: "scalar", result: [60, "2"] }],
    ["nothing", { resultType: "vector", result: [] }],
    [
      "hits_total[1m]",
      {
        resultType: "matrix",
        result: [{ metric: { __name__: "hits_total", pod: "a" }, values: [[60, "30"]] }],
      },
    ],
  ])("%s", (promql, data) => {
    expect(dataOf(promql)).toEqual(data);
  });

  test("errors in Prometheus' words", () => {
    expect(JSON.parse(ask("sum(").body)).toEqual({
      status: "error",
      errorType: "bad_data",
      error: 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
    });
  });
});

describe("when it is asked", () => {
  test.each([
    ["the time given", { tMs: 61_500 }, 61_500],
    ["else the newest timestamp", {}, 60_000],
    ["else now", { text: "m 1\n" }, 5000],
  ])("%s", (_, more, tMs) => {
    expect(ask("time()", more)).toMatchObject({ tMs, result: { value: tMs / 1000 } });
  });
});

test.each([
  ["m 1\nm{ 2\n", "line 2: "],
  ["m 1 1000\nm 2 1000\n", "line 2: a second value for m at 1000 ms"],
  ['m{a="1",a="2"} 1\n', "line 1: "],
])("%j cannot be read, and the line is named", (text, message) => {
  expect(() => ask("m", { text })).toThrow(message);
});

test("the same sample twice is one", () => {
  expect(ask("count_over_time(m[1m])", { text: "m 1 1000\nm 1 1000\n" })).toMatchObject({
    result: { samples: [{ value: 1 }] },
  });
});
