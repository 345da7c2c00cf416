/** Values in the place of the manifests' own: what each name changes, and what is refused. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { InputError } from "../../errors.ts";
import { loadTopology } from "../load.ts";
import type { Topology } from "../types.ts";
import { SHORT_NAMES } from "./names.ts";
import { fieldOf, parsePath } from "./path.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const PATH = join(root, "k8s", "test-topology");
const ORIGINAL = join(root, "tests", "fixtures", "original-mended");

const withSetting = (path: string, value: string, topology = PATH): Promise<Topology> =>
  loadTopology({ path: topology, settings: [{ path, value }] });

const small = (topology: Topology) => topology.tiers[0]!;
const clusterOf = (topology: Topology) =>
  topology.routes.find(({ host }) => host === small(topology).routingService.fqdn)!.destinations[0]!.cluster;
const hpaOf = (topology: Topology) =>
  (
    small(topology).scaledObject!.spec["advanced"] as {
      horizontalPodAutoscalerConfig: { behavior?: unknown };
    }
  ).horizontalPodAutoscalerConfig.behavior;

describe("short names", () => {
  const rows: readonly (readonly [string, string, (topology: Topology) => unknown, unknown])[] = [
    ["cooldownPeriod", "30", (t) => small(t).scaledObject!.cooldownPeriodSeconds, 30],
    ["pollingInterval", "7", (t) => small(t).scaledObject!.pollingIntervalSeconds, 7],
    ["minReplicaCount", "1", (t) => small(t).scaledObject!.minReplicaCount, 1],
    ["maxReplicaCount", "9", (t) => small(t).scaledObject!.maxReplicaCount, 9],
    ["threshold", "4", (t) => small(t).threshold, 4],
    [
      "activationThreshold",
      "1",
      (t) => small(t).scaledObject!.triggers[0]!.metadata["activationThreshold"],
      "1",
    ],
    ["stabilizationWindowSeconds", "45", (t) => small(t).scaledObject!.scaleDownStabilizationSeconds, 45],
    ["behavior", "absent", hpaOf, undefined],
    [
      "behavior",
      '{"scaleUp": {"stabilizationWindowSeconds": 5}}',
      hpaOf,
      { scaleUp: { stabilizationWindowSeconds: 5 } },
    ],
    [
      "minimumRingSize",
      "64",
      (t) => [clusterOf(t).lbPolicy, clusterOf(t).minimumRingSize],
      ["RING_HASH", 64],
    ],
    ["tableSize", "251", (t) => [clusterOf(t).lbPolicy, clusterOf(t).tableSize], ["MAGLEV", 251]],
    ["algorithm", "maglev", (t) => [clusterOf(t).lbPolicy, clusterOf(t).tableSize], ["MAGLEV", 65_537]],
    ["algorithm", "ring-hash", (t) => clusterOf(t).lbPolicy, "RING_HASH"],
    ["podManagementPolicy", "OrderedReady", (t) => small(t).workload.podManagementPolicy, "OrderedReady"],
    ["scrapeInterval", "1m", (t) => t.scrape.scrapeIntervalSeconds, 60],
    ["scrapeInterval", "2", (t) => [t.scrape.scrapeIntervalSeconds, t.scrape.scrapeTimeoutSeconds], [2, 2]],
    ["TENANT_IDLE_SECONDS", "120", (t) => t.config.tenantIdleSeconds, 120],
    ["GAUGE_INTERVAL_SECONDS", "0", (t) => t.config.gaugeIntervalSeconds, 0],
    ["WORK_MS", "5", (t) => t.config.workMs, 5],
  ];

  test.each(rows)("%s=%s", async (path, value, look, expected) => {
    expect(look(await withSetting(path, value))).toEqual(expected);
  });

  test("each of them is tried here", () => {
    const tried = new Set(rows.map(([path]) => path));
    expect(Object.keys(SHORT_NAMES).filter((name) => !tried.has(name))).toEqual([]);
  });

  test("all tiers get them, and the manifests stay as they were", async () => {
    const changed = await withSetting("cooldownPeriod", "30");
    const before = await loadTopology({ path: PATH });
    expect(changed.scaledObjects.map((one) => one.cooldownPeriodSeconds)).toEqual([30, 30, 30]);
    expect(before.scaledObjects.map((one) => one.cooldownPeriodSeconds)).toEqual([60, 60, 60]);
  });

  test("a field that the manifests leave out is made", async () => {
    const topology = await withSetting("podManagementPolicy", "Parallel", ORIGINAL);
    expect(small(topology).workload.podManagementPolicy).toBe("Parallel");
  });
});

describe("paths", () => {
  test.each([
    [
      "ScaledObject/test-api-medium-scaler:spec.cooldownPeriod",
      "9",
      (t: Topology) => t.scaledObjects.map((s) => s.cooldownPeriodSeconds),
      [60, 9, 60],
    ],
    [
      "StatefulSet:spec.template.spec.containers[0].readinessProbe.periodSeconds",
      "4",
      (t: Topology) => small(t).workload.container.readinessProbe!.periodSeconds,
      4,
    ],
    [
      "StatefulSet:spec.template.spec.containers[api].readinessProbe.periodSeconds",
      "4",
      (t: Topology) => small(t).workload.container.readinessProbe!.periodSeconds,
      4,
    ],
    [
      "Deployment/test-gateway:spec.template.spec.containers[*].env[TENANT_IDLE_SECONDS].value",
      "90",
      (t: Topology) => t.entry.container.env.find(({ name }) => name === "TENANT_IDLE_SECONDS"),
      { name: "TENANT_IDLE_SECONDS", value: "90" },
    ],
    [
      'StatefulSet:spec.template.metadata.annotations["prometheus.io/path"]',
      "/other",
      (t: Topology) => small(t).workload.podAnnotations["prometheus.io/path"],
      "/other",
    ],
  ] as const)("%s", async (path, value, look, expected) => {
    expect(look(await withSetting(path, value))).toEqual(expected);
  });

  test.each([
    ["spec.a[0].b", "spec.a.b"],
    ["spec.a[*].b[name-1].c", "spec.a.b.c"],
    ['metadata.annotations["a.b/c"]', "metadata.annotations.a.b/c"],
    [".spec", null],
    ["spec..a", null],
    ["spec.a[", null],
    ["", null],
  ])("parsePath(%j)", (text, field) => {
    const steps = parsePath(text);
    expect(steps && fieldOf(steps)).toBe(field);
  });
});

describe("what is refused, and the words", () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ["cooldownPerod", "1", /--set cooldownPerod=1: unknown field; did you mean "cooldownPeriod"\?/],
    [
      "ScaledObject:spec.coldownPeriod",
      "1",
      /does not act on spec\.coldownPeriod of a ScaledObject.*did you mean spec\.cooldownPeriod\?/,
    ],
    [
      "Scaledobject:spec.cooldownPeriod",
      "1",
      /the topology has no Scaledobject; did you mean ScaledObject\?/,
    ],
    [
      "ScaledObject/test-api-smal-scaler:spec.cooldownPeriod",
      "1",
      /no ScaledObject is named .*did you mean test-api-small-scaler\?/,
    ],
    ["NetworkPolicy:spec.podSelector", "{}", /does not act on a NetworkPolicy/],
    ["StatefulSet:spec.template.spec.containers[0].resources.limits.cpu", "1", /does not act on .*resources/],
    [
      "StatefulSet:spec.template.spec.containers[7].readinessProbe.periodSeconds",
      "1",
      /an item of a list on the way is missing/,
    ],
    [
      "cooldownPeriod",
      "soon",
      /--set cooldownPeriod=soon: ScaledObject test-api-small-scaler: spec\.cooldownPeriod must be integer, found "soon"/,
    ],
    ["podManagementPolicy", "Paralel", /allowed: OrderedReady, Parallel/],
    ["scrapeInterval", "often", /a duration like 5s/],
    ["TENANT_IDLE_SECONDS", "0", /a number from 1 to 86400/],
    ["tableSize", "100", /tableSize must be a prime of at most 5000011, found 100/],
    ["algorithm", "maglv", /one of ring-hash, maglev/],
  ];
  test.each(rows)("%s=%s", async (path, value, words) => {
    const refused = await withSetting(path, value).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InputError);
    expect((refused as InputError).problems.join("\n")).toMatch(words);
  });
});
