import { describe, expect, test } from "vitest";
import { formatFloat } from "../promql/go-math.ts";
import { instantQuery } from "../promql/query.ts";
import { ScrapeIngest, type ScrapeTarget } from "./scrape-ingest.ts";
import { Tsdb } from "./tsdb.ts";

const labels = { job: "api", instance: "10.244.0.7:8000" };

function setUp(target: Partial<ScrapeTarget> = {}) {
  const tsdb = new Tsdb();
  const ingest = new ScrapeIngest(tsdb, { labels, ...target });
  const page = (seconds: number, body: string) =>
    ingest.ingest(seconds * 1000, { ok: true, body, durationSeconds: 0.01 });
  const fail = (seconds: number) =>
    ingest.ingest(seconds * 1000, { ok: false, error: "connection refused", durationSeconds: 0.5 });
  const ask = (query: string, seconds: number): string => {
    const result = instantQuery(tsdb, query, seconds * 1000);
    if (result.resultType !== "vector") return result.resultType;
    return result.samples.map((one) => `${one.labels.toString()} ${formatFloat(one.value)}`).join(", ");
  };
  return { tsdb, ingest, page, fail, ask };
}

describe("labels", () => {
  const body = 'm{job="mine",exported_job="older",pod="p"} 1';
  test.each<[string, Partial<ScrapeTarget>, string]>([
    [
      "the target's win, exposed ones are renamed until they are free",
      {},
      '{__name__="m", exported_exported_job="mine", exported_job="older", instance="10.244.0.7:8000", job="api", pod="p"} 1',
    ],
    [
      "honor_labels: exposed ones win",
      { honorLabels: true },
      '{__name__="m", exported_job="older", instance="10.244.0.7:8000", job="mine", pod="p"} 1',
    ],
    [
      "metric relabelling comes last",
      {
        metricRelabel: ({ __name__ = "", job = "", instance = "" }) => ({
          __name__,
          job,
          instance,
          pod: "q",
        }),
      },
      '{__name__="m", instance="10.244.0.7:8000", job="api", pod="q"} 1',
    ],
    ["and may drop a series", { metricRelabel: () => null }, ""],
  ])("%s", (_, target, expected) => {
    const { page, ask } = setUp(target);
    page(10, body);
    expect(ask("m", 10)).toBe(expected);
  });

  test("honor_labels: an empty exposed label takes the target's away", () => {
    const { page, ask } = setUp({ honorLabels: true });
    page(10, 'm{job=""} 1');
    expect(ask("m", 10)).toBe('{__name__="m", instance="10.244.0.7:8000"} 1');
  });
});

test("each scrape reports on itself", () => {
  const { page, ask } = setUp();
  expect(page(10, "a 1\nb 2\n")).toEqual({
    up: true,
    error: null,
    samplesScraped: 2,
    samplesPostMetricRelabeling: 2,
    seriesAdded: 2,
    samplesRefused: 0,
  });
  expect(page(20, "a 1\nc 2\nd 3\n")).toMatchObject({ samplesScraped: 3, seriesAdded: 2 });
  expect(ask("up", 20)).toBe('{__name__="up", instance="10.244.0.7:8000", job="api"} 1');
  expect(ask("scrape_samples_scraped + scrape_samples_post_metric_relabeling", 20)).toContain(" 6");
  expect(ask("scrape_duration_seconds", 20)).toContain(" 0.01");
  expect(ask("scrape_series_added", 20)).toContain(" 2");
});

describe("what is no longer there goes stale", () => {
  test("a series missing from the page, at that scrape", () => {
    const { page, ask } = setUp();
    page(10, "a 1\nb 2");
    page(20, "b 3");
    expect(ask("a", 19.999)).not.toBe("");
    expect(ask("a", 20)).toBe("");
    expect(ask("b", 20)).not.toBe("");
    page(30, "a 1");
    expect(ask("a", 30)).not.toBe("");
  });

  test("all series of a scrape that failed; up says so", () => {
    const { page, fail, ask } = setUp();
    page(10, "a 1");
    expect(fail(20)).toMatchObject({ up: false, error: "connection refused", samplesScraped: 0 });
    expect(ask("a", 20)).toBe("");
    expect(ask("up", 20)).toContain(" 0");
  });

  test("all series of a page that cannot be read: none of it counts", () => {
    const { page, ask } = setUp();
    page(10, "a 1");
    expect(page(20, "a 2\nb 3\nbroken line here\n")).toMatchObject({
      up: false,
      error: 'line 3: expected a number as value, got "line" in "broken line here"',
      samplesScraped: 2,
    });
    expect(ask("a", 20)).toBe("");
    expect(ask("b", 20)).toBe("");
  });

  test("all series of a page with too many samples", () => {
    const { page, ask } = setUp({ sampleLimit: 1 });
    page(10, "a 1");
    expect(page(20, "a 1\nb 1")).toMatchObject({ up: false, error: "sample limit exceeded" });
    expect(ask("a", 20)).toBe("");
  });

  test("everything of a target that is removed, up too", () => {
    const { page, ingest, ask } = setUp();
    page(10, "a 1");
    ingest.remove(20_000);
    expect(ask('{job="api"}', 20)).toBe("");
  });

  test("but never a series with timestamps of its own", () => {
    const { page, ask } = setUp();
    page(10, "a 1 9500");
    page(20, "b 1");
    expect(ask("timestamp(a)", 20)).toContain(" 9.5");
  });

  test("unless those are not honoured", () => {
    const { page, ask } = setUp({ honorTimestamps: false });
    page(10, "a 1 9500");
    expect(ask("timestamp(a)", 10)).toContain(" 10");
    page(20, "b 1");
    expect(ask("a", 20)).toBe("");
  });
});

test("samples that the store has no room for are counted and asked for again", () => {
  const tsdb = new Tsdb({ maxSeries: 6 });
  const ingest = new ScrapeIngest(tsdb, { labels });
  const first = ingest.ingest(10_000, { ok: true, body: "a 1\nb 1", durationSeconds: 0 });
  // a and b came first; of the five reports one was left out.
  expect(first.samplesRefused).toBe(0);
  const second = ingest.ingest(20_000, { ok: true, body: "a 1\nb 1\nc 1", durationSeconds: 0 });
  expect(second).toMatchObject({ up: true, samplesRefused: 1, samplesScraped: 3 });
});

test("metadata of the page", () => {
  const { page, ingest } = setUp();
  page(10, "# HELP a Some help\n# TYPE a counter\n# TYPE b untyped\na 1\n");
  expect([...ingest.metadata()]).toEqual([
    ["a", { type: "counter", help: "Some help" }],
    ["b", { type: "unknown", help: "" }],
  ]);
});
