/** What a real Prometheus is configured with, and which queries it may be asked at which speed. */
import { expect, test } from "vitest";
import { prometheusConfig, prometheusFlags, targetGroups } from "./config.ts";
import { timeBoundPart } from "./same-at-any-speed.ts";

const scrape = { name: "pods", scrapeIntervalSeconds: 5, scrapeTimeoutSeconds: 4 };

test.each([
  [1, "5000ms", "4000ms"],
  // Time-outs are a real second at the least, and never longer than the interval.
  [2, "2500ms", "2000ms"],
  [5, "1000ms", "1000ms"],
  [20, "250ms", "250ms"],
])("at speed %i it scrapes every %s and waits %s", (speed, interval, timeout) => {
  expect(prometheusConfig(scrape, speed, "/run/pods.json")).toEqual({
    global: { scrape_interval: interval, scrape_timeout: timeout },
    scrape_configs: [{ job_name: "pods", file_sd_configs: [{ files: ["/run/pods.json"] }] }],
  });
});

test("a target is scraped where it listens here, under the labels of the cluster", () => {
  const labels = { job: "pods", instance: "10.244.0.7:8000", namespace: "shop", kubernetes_pod: "api-0" };
  expect(targetGroups([{ address: "127.64.0.9:8000", path: "/metrics", labels }])).toEqual([
    {
      targets: ["127.64.0.9:8000"],
      labels: {
        instance: "10.244.0.7:8000",
        namespace: "shop",
        kubernetes_pod: "api-0",
        __metrics_path__: "/metrics",
      },
    },
  ]);
});

test("samples grow old in topology time", () => {
  const given = { configFile: "/run/p.json", dataFolder: "/run/data", port: 9090 };
  expect(prometheusFlags({ ...given, speed: 20 })).toContain("--query.lookback-delta=15000ms");
  expect(prometheusFlags({ ...given, speed: 1 }).join(" ")).not.toContain("lookback");
});

test.each([
  ['max by (tier) (test_active_tenants{tier="small"})', null],
  ["test_active_tenants", null],
  ["topk(3, (sum without (pod) (a)))", null],
  ['count_values("version", build)', null],
  ["quantile(0.9, a)", null],
  ["sum(rate(requests_total[5m]))", "rate()"],
  ["requests_total[5m]", "a range"],
  ["a offset 5m", "offset"],
  ["sum(a @ 1700000000)", "@"],
  ["a[10m:1m]", "a subquery"],
  ["max(a) or vector(0)", "the operator or"],
  ["-sum(a)", "the sign -"],
  ["vector(1)", "vector()"],
  ["topk(scalar(a), b)", "scalar()"],
  ["1", "a constant"],
  // Prometheus refuses it by itself, at any speed.
  ["sum(", null],
])("%s: %s", (query, part) => {
  expect(timeBoundPart(query)).toBe(part);
});
