import { expect, test } from "vitest";
import type { LocatedMap } from "./located.ts";
import { parseYaml } from "./parse-yaml.ts";
import { newBudget, Problems } from "./problems.ts";
import { DEFAULT_SCRAPE, isPrometheusImage, prometheusDurationSeconds, readScrape } from "./scrape.ts";

test.each([
  ["5s", 5],
  ["1m30s", 90],
  ["500ms", 0.5],
  ["1h", 3600],
  ["2m1ms", 120.001],
  ["0", 0],
  ["", null],
  ["5", null],
  ["5s1m", null],
])("%j is %s s", (text, seconds) => {
  expect(prometheusDurationSeconds(text)).toBe(seconds);
});

test.each([
  ["prom/prometheus:v3", true],
  ["host:5000/x/prometheus@sha256:0", true],
  ["prometheus", true],
  ["prom/prometheus-pushgateway", false],
  ["my-prometheus", false],
])("%s is Prometheus: %s", (image, wanted) => {
  expect(isPrometheusImage(image)).toBe(wanted);
});

const workload = (image: string): string =>
  `{kind: Deployment, metadata: {name: p}, spec: {template: {spec: {containers: [{image: ${image}}], volumes: [{configMap: {name: c}}]}}}}`;

const scrape = (config: string, image = "prom/prometheus") => {
  const problems = new Problems("");
  const indented = config.replaceAll(/^/gm, "    ");
  const text = `${workload(image)}\n---\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  prometheus.yml: |\n${indented}`;
  const nodes = parseYaml(text, "f", problems, newBudget()) as LocatedMap[];
  const found = readScrape(nodes, problems, newBudget());
  problems.throwIfAny();
  return found;
};

test.each([
  [
    "the global interval",
    "global: {scrape_interval: 15s}\nscrape_configs: [{job_name: a}]",
    "a",
    15,
    10,
    "f:7",
  ],
  [
    "a job's own",
    "global: {scrape_interval: 15s}\nscrape_configs:\n- job_name: a\n  scrape_interval: 5s",
    "a",
    5,
    5,
    "f:10",
  ],
  [
    "the job that finds pods",
    "scrape_configs:\n- job_name: a\n- job_name: b\n  scrape_interval: 30s\n  kubernetes_sd_configs: [{role: pod}]",
    "b",
    30,
    10,
    "f:10",
  ],
  ["no interval at all", "scrape_configs: [{job_name: a}]", "a", 60, 10, "Prometheus's own default"],
  ["a time-out", "global: {scrape_interval: 5s, scrape_timeout: 2s}", "pods", 5, 2, "f:7"],
])("%s", (_, config, name, scrapeIntervalSeconds, scrapeTimeoutSeconds, source) => {
  expect(scrape(config)).toEqual({ name, scrapeIntervalSeconds, scrapeTimeoutSeconds, source });
});

test("a ConfigMap that no Prometheus mounts is not read", () => {
  expect(scrape("global: {scrape_interval: 5s}", "other")).toEqual(DEFAULT_SCRAPE);
});

test("a duration that is none is told with its place", () => {
  expect(() => scrape("global:\n  scrape_interval: often")).toThrow(
    "f:8:24: scrape_interval must be a duration",
  );
});
