import { describe, expect, test } from "vitest";
import { Tsdb } from "../metrics/tsdb.ts";
import { formatFloat } from "./go-math.ts";
import { PromqlError } from "./errors.ts";
import { instantQuery, rangeQuery, type QueryOptions } from "./query.ts";

/** Seconds from 0, each with a value; "stale" is a staleness marker. */
type Samples = Readonly<Record<number, number | "stale">>;

function load(series: Readonly<Record<string, Samples>>): Tsdb {
  const tsdb = new Tsdb();
  for (const [text, samples] of Object.entries(series)) {
    const [, name = "", inner = ""] = /^(\w+)(?:\{(.*)\})?$/.exec(text) ?? [];
    const labels: Record<string, string> = { __name__: name };
    for (const [, label = "", value = ""] of inner.matchAll(/(\w+)="([^"]*)"/g)) labels[label] = value;
    for (const [seconds, value] of Object.entries(samples))
      if (value === "stale") tsdb.appendStale(labels, Number(seconds) * 1000);
      else tsdb.append(labels, Number(seconds) * 1000, value);
  }
  return tsdb;
}

/** `{a="b"} 1, …` of a vector; the value of a scalar. */
function ask(tsdb: Tsdb, query: string, atSeconds: number, options?: QueryOptions): string {
  const result = instantQuery(tsdb, query, atSeconds * 1000, options);
  switch (result.resultType) {
    case "vector":
      return result.samples
        .map(({ labels, value }) => `${labels.toString()} ${formatFloat(value)}`)
        .join(", ");
    case "matrix":
      return result.series
        .map(
          ({ labels, times, values }) =>
            `${labels.toString()} ${times.map((ms, i) => `${values[i]}@${ms / 1000}`).join(" ")}`,
        )
        .join(", ");
    default:
      return typeof result.value === "number" ? formatFloat(result.value) : JSON.stringify(result.value);
  }
}

const counter = { requests_total: { 10: 5, 20: 15, 30: 25, 40: 35, 50: 45, 60: 55 } };
const every15 = { g: { 0: 1, 15: 2, 30: 3, 45: 4, 60: 5 } };

describe("which samples a selector sees", () => {
  test.each([
    // query, at, Prometheus 3, Prometheus 2
    ["g", 60, '{__name__="g"} 5', '{__name__="g"} 5'],
    ["g", 59.999, '{__name__="g"} 4', '{__name__="g"} 4'],
    ["g", 359.999, '{__name__="g"} 5', '{__name__="g"} 5'],
    ["g", 360, "", '{__name__="g"} 5'],
    ["g", 360.001, "", ""],
    ["g offset 30s", 60, '{__name__="g"} 3', '{__name__="g"} 3'],
    ["g @ 20", 60, '{__name__="g"} 2', '{__name__="g"} 2'],
    ["g @ 20 offset 10s", 60, '{__name__="g"} 1', '{__name__="g"} 1'],
    ["g[30s]", 60, '{__name__="g"} 4@45 5@60', '{__name__="g"} 3@30 4@45 5@60'],
    ["count_over_time(g[15s])", 60, "{} 1", "{} 2"],
    ["count_over_time(g[1m:15s])", 60, "{} 4", "{} 5"],
    ["count_over_time(g[50s:20s])", 65, "{} 3", "{} 3"],
  ])("%s at %s", (query, at, three, two) => {
    expect(ask(load(every15), query, at)).toBe(three);
    expect(ask(load(every15), query, at, { version: 2 })).toBe(two);
  });

  test("a staleness marker ends a series at once, and is no sample of a window", () => {
    const tsdb = load({ g: { 0: 1, 15: "stale", 30: 3 } });
    expect([10, 15, 29, 30].map((at) => ask(tsdb, "g", at))).toEqual([
      '{__name__="g"} 1',
      "",
      "",
      '{__name__="g"} 3',
    ]);
    expect(ask(tsdb, "count_over_time(g[1m])", 40)).toBe("{} 2");
  });

  test("an ordinary NaN is a value, not a marker", () => {
    expect(ask(load({ g: { 0: NaN } }), "g", 5)).toBe('{__name__="g"} NaN');
  });

  test("the lookback can be set", () => {
    expect(ask(load(every15), "g", 71, { lookbackMs: 10_000 })).toBe("");
  });
});

describe("rate and its kin stretch to the ends of the window", () => {
  test.each([
    // All six samples lie in (0, 60]: 50 over 50 s, stretched over the 5 s back to where the counter was zero.
    ["increase(requests_total[1m])", 60, "{} 55.00000000000001"],
    // Five samples in (10, 60]; the first is 10 s after the start, within 1.1 intervals: 40 × 50 / 40.
    ["increase(requests_total[50s])", 60, "{} 50"],
    ["rate(requests_total[50s])", 60, "{} 1"],
    // Three samples in (30, 75], the end 15 s after the last: beyond 11 s, so only half an interval: 20 × (10 + 20 + 5) / 20.
    ["increase(requests_total[45s])", 75, "{} 35"],
    ["irate(requests_total[1m])", 60, "{} 1"],
    ["delta(requests_total[50s])", 60, "{} 50"],
    ["idelta(requests_total[1m])", 60, "{} 10"],
    ["rate(requests_total[5s])", 60, ""],
  ])("%s at %s", (query, at, expected) => {
    expect(ask(load(counter), query, at)).toBe(expected);
  });

  test("a reset of a counter is added back", () => {
    const tsdb = load({ c_total: { 10: 10, 20: 20, 30: 5, 40: 15 } });
    // 15 - 10 + 20 = 25 over 30 s, and 10 s back to the start of (0, 40].
    expect(Number(ask(tsdb, "increase(c_total[40s])", 40).slice(3))).toBeCloseTo((25 * 40) / 30, 12);
    expect(ask(tsdb, "resets(c_total[1m])", 40)).toBe("{} 1");
    expect(ask(tsdb, "irate(c_total[35s])", 30)).toBe("{} 0.5");
  });

  test("a name that is no counter's is remarked on", () => {
    const { infos } = instantQuery(load(every15), "1 + rate(g[1m])", 60_000);
    expect(infos).toEqual([
      'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "g" (1:10)',
    ]);
  });
});

describe("aggregations and operators", () => {
  const tsdb = load({
    'm{pod="a",tier="s"}': { 0: 1 },
    'm{pod="b",tier="s"}': { 0: 2 },
    'm{pod="c",tier="l"}': { 0: 4 },
    'limit{tier="s"}': { 0: 10 },
    'limit{tier="l"}': { 0: 20 },
    'h_bucket{le="1"}': { 0: 5 },
    'h_bucket{le="2"}': { 0: 15 },
    'h_bucket{le="+Inf"}': { 0: 20 },
  });
  test.each([
    ["sum(m)", "{} 7"],
    ["sum by (tier) (m)", '{tier="s"} 3, {tier="l"} 4'],
    ["avg without (pod) (m)", '{tier="s"} 1.5, {tier="l"} 4'],
    ["topk(2, m)", '{__name__="m", pod="c", tier="l"} 4, {__name__="m", pod="b", tier="s"} 2'],
    ["bottomk by (tier) (1, m)", '{__name__="m", pod="a", tier="s"} 1, {__name__="m", pod="c", tier="l"} 4'],
    ["quantile(0.5, m)", "{} 2"],
    ['count_values("v", m > bool 1)', '{v="0"} 1, {v="1"} 2'],
    [
      "m / on(tier) group_left limit",
      '{pod="a", tier="s"} 0.1, {pod="b", tier="s"} 0.2, {pod="c", tier="l"} 0.2',
    ],
    ["limit - on(tier) sum by (tier) (m)", '{tier="s"} 7, {tier="l"} 16'],
    ["m > 1", '{__name__="m", pod="b", tier="s"} 2, {__name__="m", pod="c", tier="l"} 4'],
    ["3 > m", '{__name__="m", pod="a", tier="s"} 1, {__name__="m", pod="b", tier="s"} 2'],
    ["m == bool 2", '{pod="a", tier="s"} 0, {pod="b", tier="s"} 1, {pod="c", tier="l"} 0'],
    ['m and on(tier) limit{tier="l"}', '{__name__="m", pod="c", tier="l"} 4'],
    [
      'm unless on(tier) limit{tier="l"}',
      '{__name__="m", pod="a", tier="s"} 1, {__name__="m", pod="b", tier="s"} 2',
    ],
    ["sum(nothing) or vector(0)", "{} 0"],
    ["sum(nothing)", ""],
    ["-m", '{pod="a", tier="s"} -1, {pod="b", tier="s"} -2, {pod="c", tier="l"} -4'],
    ["histogram_quantile(0.5, h_bucket)", "{} 1.5"],
    ["histogram_quantile(0.95, h_bucket)", "{} 2"],
    [
      'label_replace(limit, "t", "${1}x", "tier", "(.)")',
      '{__name__="limit", t="sx", tier="s"} 10, {__name__="limit", t="lx", tier="l"} 20',
    ],
    ['label_join(limit{tier="s"}, "t", "-", "tier", "tier")', '{__name__="limit", t="s-s", tier="s"} 10'],
    ['absent(nothing{a="b",c=~"d"})', '{a="b"} 1'],
    ["absent(m)", ""],
    ["clamp(sum(m), 0, 5)", "{} 5"],
    ["round(sum(m) / 3, 0.25)", "{} 2.25"],
    ["scalar(sum(m)) * 2", "14"],
    ["sort_desc(limit)", '{__name__="limit", tier="l"} 20, {__name__="limit", tier="s"} 10'],
    ["timestamp(limit) + time()", '{tier="s"} 10, {tier="l"} 10'],
    ["year(vector(1709210096))", "{} 2024"],
    ["days_in_month(vector(1709210096))", "{} 29"],
    ['"text"', '"text"'],
  ])("%s", (query, expected) => {
    expect(ask(tsdb, query, 10)).toBe(expected);
  });

  test.each([
    [
      "limit + on() group_left m",
      'found duplicate series for the match group {} on the right hand-side of the operation: [{__name__="m", pod="a", tier="s"}, {__name__="m", pod="b", tier="s"}];many-to-many matching not allowed: matching labels must be unique on one side',
    ],
    [
      "m + on(tier) limit",
      "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
    ],
    ['abs({__name__=~"m|limit",tier="s",pod=~"a|"} * 0)', null],
    ['label_replace(m, "pod", "", "", "")', "vector cannot contain metrics with the same labelset"],
    ["topk(NaN, m)", "Parameter value is NaN"],
    ['label_replace(m, "x", "", "pod", "(")', "invalid regular expression in label_replace(): ("],
  ])("%s is refused while it is evaluated", (query, message) => {
    if (message === null) return expect(() => instantQuery(tsdb, query, 10_000)).not.toThrow();
    expect(() => instantQuery(tsdb, query, 10_000)).toThrow(new PromqlError("execution", message));
  });

  test("large sums lose nothing", () => {
    const three = load({ 'x{a="1"}': { 0: 1e16 }, 'x{a="2"}': { 0: 1 }, 'x{a="3"}': { 0: -1e16 } });
    expect(ask(three, "sum(x)", 1)).toBe("{} 1");
    expect(ask(three, "sum(x)", 1, { version: 2 })).toBe("{} 0");
  });
});

describe("range queries", () => {
  const tsdb = load(every15);
  test("ask at each step, the last included", () => {
    const result = rangeQuery(tsdb, "g * 2", 0, 60_000, 20_000);
    expect(result).toMatchObject({
      resultType: "matrix",
      series: [{ times: [0, 20_000, 40_000, 60_000], values: [2, 4, 6, 10] }],
    });
  });

  test("@ start() and end() are those of the query", () => {
    const result = rangeQuery(tsdb, "g @ end() - g @ start()", 0, 60_000, 30_000);
    expect(result).toMatchObject({ series: [{ values: [4, 4, 4] }] });
  });

  test("a range vector cannot be asked for", () => {
    expect(() => rangeQuery(tsdb, "g[1m]", 0, 1, 1)).toThrow(
      'invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    );
  });

  test("more samples than allowed are refused", () => {
    expect(() => rangeQuery(tsdb, "g", 0, 60_000, 1000, { maxSamples: 10 })).toThrow(
      "query processing would load too many samples into memory in query execution",
    );
  });
});
