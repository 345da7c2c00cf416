import { describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { NO_CONFIG } from "../topology/config.ts";
import { topologyOf } from "../scenarios/fixtures/topology.ts";
import { refuseUndeclaredMetric } from "./undeclared-metric.ts";
import { activeTenantsMetricOf, answersAt } from "../engines/container-role.ts";

/** Nobody's manifests: no limpet.yaml, an entry whose image is none of ours. */
const stranger = (query: string) => {
  const topology = topologyOf({ small: { query } }, { config: NO_CONFIG });
  const container = { ...topology.entry.container, image: "example/edge:1" };
  return { ...topology, entry: { ...topology.entry, container } };
};

describe("the series that a stand-in exports where nothing is declared", () => {
  test.each<[string, string, unknown]>([
    [
      "labels as the query has them",
      'max(open{pool="small",env="prod"})',
      ["open", { pool: "small", env: "prod" }],
    ],
    ["no labels at all", "max(open)", ["open", {}]],
    ["the name among the labels", '{__name__="open",a="1"}', ["open", { a: "1" }]],
    ["of alternatives the tier's own", 'sum(open{pool=~"large|small"})', ["open", { pool: "small" }]],
    ["of other alternatives the first", 'sum(open{pool=~"x|y"})', ["open", { pool: "x" }]],
    ["a matcher that an absent label meets", 'sum(open{gone!="yes"})', ["open", {}]],
    ["a range", "sum(max_over_time(open[1m]))", ["open", {}]],
    ["several selectors", "a / b", null],
    ["a pattern without a word to take", 'sum(open{pool=~"[0-9]+"})', null],
    ["a query that cannot be read", "max(", null],
  ])("%s", (_, query, expected) => {
    const [found] = activeTenantsMetricOf(stranger(query), "small");
    expect(found === undefined ? null : [found.metric, found.labels]).toEqual(expected);
  });

  test("one for each trigger, the same only once", () => {
    const topology = stranger("max(open)");
    const [tier] = topology.tiers;
    const [trigger] = tier!.scaledObject!.triggers;
    const asking = (query: string) => ({ ...trigger!, metadata: { ...trigger!.metadata, query } });
    const triggers = [asking("max(open)"), asking("sum(open)"), asking('max(waiting{pool="small"})')];
    const scaledObject = { ...tier!.scaledObject!, triggers };
    const found = activeTenantsMetricOf({ ...topology, tiers: [{ ...tier!, scaledObject }] }, "small");
    expect(found.map(({ metric, labels }) => [metric, labels])).toEqual([
      ["open", {}],
      ["waiting", { pool: "small" }],
    ]);
  });
});

describe("a query of several series, and nothing that says which", () => {
  test("is refused with its place before anything starts", () => {
    const refuse = (): void => refuseUndeclaredMetric(stranger("a / b"));
    expect(refuse).toThrow(InputError);
    expect(refuse).toThrow(/^keda-scaler\.yaml:8: .* selects 2 series.*activeTenants: \{metric: NAME/);
  });

  test.each([
    ["one series", stranger("max(open)")],
    ["a query that KEDA will refuse by itself", stranger("max(")],
    ["a declaration", { ...stranger("a / b"), config: topologyOf().config }],
    ["our own gateway", topologyOf({ small: { query: "a / b" } }, { config: NO_CONFIG })],
  ])("%s: run", (_, topology) => expect(() => refuseUndeclaredMetric(topology)).not.toThrow());
});

describe("a port of a pod", () => {
  const { container } = topologyOf().entry;
  const ports = [8000, 9100].map((containerPort) => ({ name: null, containerPort }));
  test.each([
    ["the first", 8000, false, true],
    ["another that it declares, of a program of ours", 9100, false, false],
    ["another that it declares, of a stand-in", 9100, true, true],
    ["one that nobody declares", 81, true, false],
  ])("%s", (_, port, standIn, answers) => {
    expect(answersAt({ ...container, ports }, standIn, port)).toBe(answers);
  });
});
