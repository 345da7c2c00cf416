import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { loadTopology, type LoadOptions } from "./load.ts";
import { requestShape } from "./request-shape.ts";
import type { Tier, Topology } from "./types.ts";

const made: string[] = [];
afterAll(() => made.forEach((folder) => rmSync(folder, { recursive: true })));

/** A folder with these files. */
function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "limpet-topology-"));
  made.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** The problems that a load tells, with the folder's name taken off. */
async function problemsOf(options: LoadOptions): Promise<readonly string[]> {
  try {
    await loadTopology(options);
  } catch (error) {
    if (error instanceof InputError)
      return error.problems.map((line) => line.replaceAll(`${options.path}/`, ""));
    throw error;
  }
  throw new Error("the load went well");
}

const tier = (topology: Topology, name: string): Tier => topology.tiers.find((one) => one.name === name)!;

const said = (topology: Topology): string[] =>
  topology.findings.map(({ file, line, message }) => `${file}:${line}: ${message}`);

describe("our topology", async () => {
  const topology = await loadTopology({ path: "k8s/test-topology" });

  test("has three tiers, each with its parts", () => {
    const parts = topology.tiers.map((one) => [
      one.name,
      `${one.workload.kind} ${one.workload.name}`,
      one.routingService.name,
      one.headlessService?.name,
      one.scaledObject?.name,
      one.threshold,
    ]);
    expect(parts).toEqual(
      ["small", "medium", "large"].map((name) => [
        name,
        `StatefulSet test-api-${name}`,
        `test-api-${name}`,
        `test-api-${name}-headless`,
        `test-api-${name}-scaler`,
        2,
      ]),
    );
    expect(topology.entry).toMatchObject({
      workload: { name: "test-gateway" },
      service: { name: "test-gateway" },
    });
    expect(topology.findings).toEqual([]);
    expect(topology.namespace).toBe("percolate-test");
  });

  test("has the design's numbers", () => {
    expect(topology.scrape).toEqual({
      name: "pods",
      scrapeIntervalSeconds: 5,
      scrapeTimeoutSeconds: 4,
      source: expect.stringMatching(/^prometheus\.yaml:\d+$/),
    });
    for (const { workload, scaledObject, headlessService } of topology.tiers) {
      expect(scaledObject).toMatchObject({
        pollingIntervalSeconds: 10,
        cooldownPeriodSeconds: 60,
        scaleDownStabilizationSeconds: 90,
        minReplicaCount: 0,
        maxReplicaCount: 5,
        kindGiven: true,
        scaleTargetRef: { kind: "StatefulSet" },
        spec: { fallback: { failureThreshold: 3, replicas: 1, behavior: "currentReplicasIfHigher" } },
      });
      expect(scaledObject?.triggers[0]?.metadata).toMatchObject({
        ignoreNullValues: "false",
        query: expect.stringMatching(/^max by \(tier\) \(test_active_tenants\{tier="\w+"\}\)\n$/),
      });
      expect(workload).toMatchObject({
        replicas: null,
        podManagementPolicy: "Parallel",
        container: {
          readinessProbe: { path: "/ready", port: 8000, periodSeconds: 1 },
          preStopSleepSeconds: 3,
        },
      });
      expect(headlessService).toMatchObject({ headless: true, publishNotReadyAddresses: true });
    }
  });

  test("hashes the tenant on every tier's route, and only there", () => {
    const hashing = topology.routes.filter(
      (route) => route.destinations[0]?.cluster.lbPolicy === "RING_HASH" && route.hashPolicies.length > 0,
    );
    expect(hashing.map(({ host, port }) => `${host}:${port}`)).toEqual(
      topology.tiers.map(({ routingService }) => `${routingService.fqdn}:8000`),
    );
    for (const route of hashing)
      expect(route.hashPolicies).toEqual([{ kind: "header", headerName: "x-tenant-id" }]);
  });

  test("says once what is not acted on", () => {
    expect(topology.notActedOn).toContainEqual({ what: "PodDisruptionBudget", count: 4 });
    expect(topology.notActedOn).toContainEqual({
      what: "spec.template.spec.containers.resources",
      count: 4,
    });
    expect(topology.notActedOn.some(({ what }) => what.startsWith("spec.triggers"))).toBe(false);
  });

  test("its tiers differ only in name and resources", () => {
    const [small, ...others] = topology.tiers.map(({ name, workload, services, scaledObject }) => {
      const bodies = [workload, ...services, scaledObject!].map(({ manifest }) => manifest.body);
      const text = JSON.stringify(bodies, (key, value: unknown) => (key === "resources" ? null : value));
      return text.replaceAll(name, "TIER");
    });
    expect(others).toEqual([small, small]);
  });
});

describe("the original document's manifests", async () => {
  const topology = await loadTopology({ path: "tests/fixtures/original" });

  test("are loaded without the Prometheus that they name and do not give", () => {
    const text = readFileSync("tests/fixtures/original/kustomization.yaml", "utf8");
    const line = text.split("\n").indexOf("- prometheus.yaml") + 1;
    expect(said(topology)).toEqual([
      `kustomization.yaml:${line}: prometheus.yaml not found; built-in Prometheus used, scrape 60 s`,
      "keda-scaler.yaml:18: ScaledObject test-api-small-scaler: KEDA 2.21 ignores metricName, dropped with 2.12",
    ]);
    expect(topology.scrape).toMatchObject({
      scrapeIntervalSeconds: 60,
      scrapeTimeoutSeconds: 10,
      source: "Prometheus's own default",
    });
  });

  test("give the tier its ScaledObject, although that points at a Deployment that is not there", () => {
    const small = tier(topology, "small");
    expect(small).toMatchObject({
      workload: { kind: "StatefulSet", name: "test-api-small", replicas: 0 },
      scaledObject: {
        name: "test-api-small-scaler",
        kindGiven: false,
        scaleTargetRef: { kind: "Deployment" },
      },
      routingService: { name: "test-api-small", headless: true },
      headlessService: { name: "test-api-small" },
    });
    const { manifest } = small.scaledObject!;
    expect(manifest.at("spec", "scaleTargetRef", "kind")).toMatchObject({
      file: "keda-scaler.yaml",
      line: 8,
    });
    expect(topology.config).toMatchObject({ tenantIdleSeconds: 300, gaugeIntervalSeconds: 30 });
  });

  test("hash nothing: the Service is headless", () => {
    const route = topology.routes.find(({ host }) => host.startsWith("test-api-small."));
    expect(route?.destinations[0]?.cluster).toMatchObject({
      type: "ORIGINAL_DST",
      lbPolicy: "CLUSTER_PROVIDED",
    });
  });
});

describe("other people's topologies", () => {
  test("shop: an overlay, a Deployment and a StatefulSet as targets, two ScaledObjects", async () => {
    const topology = await loadTopology({ path: "tests/fixtures/shop" });
    expect(topology.tiers.map(({ name }) => name)).toEqual(["checkout", "search"]);
    expect(tier(topology, "checkout")).toMatchObject({
      workload: { kind: "Deployment", container: { image: "example/checkout:4.2" } },
      routingService: { name: "checkout" },
      headlessService: null,
      threshold: 3,
      scaledObject: { kindGiven: false, maxReplicaCount: 4, cooldownPeriodSeconds: 60 },
    });
    expect(tier(topology, "search")).toMatchObject({
      workload: { kind: "StatefulSet", container: { preStopSleepSeconds: 2 } },
      routingService: { name: "search" },
      headlessService: { name: "search-peers" },
      threshold: 4,
      scaledObject: { maxReplicaCount: 3 },
    });
    const { manifest } = tier(topology, "search").scaledObject!;
    const lineOf = (path: readonly (string | number)[]) => {
      const { file, line } = manifest.at(...path);
      return readFileSync(join("tests/fixtures/shop", file), "utf8").split("\n")[line - 1];
    };
    expect(lineOf(["spec", "triggers", 0, "metadata", "threshold"])).toBe('      value: "4"');
    expect(lineOf(["spec", "cooldownPeriod"])).toBe("  cooldownPeriod: 60");
    expect(manifest.at("spec", "cooldownPeriod").file).toBe("timing.yaml");
    expect(lineOf(["metadata", "namespace"])).toBe("namespace: shop");
    expect(topology.scrape).toMatchObject({
      scrapeIntervalSeconds: 5,
      scrapeTimeoutSeconds: 3,
      source: "prometheus.yml:5",
    });
    expect(topology.entry.workload).toMatchObject({ name: "edge", replicas: 1 });
    expect(topology.config.activeTenants).toEqual({
      metric: "shop_active_shops",
      labels: { pool: "{tier}" },
    });
    expect(topology.findings).toEqual([]);
  });

  test("booking: a plain folder, tiers and entry declared, a program for an image", async () => {
    const topology = await loadTopology({ path: "tests/fixtures/booking" });
    expect(topology.tiers).toHaveLength(1);
    expect(topology.tiers[0]).toMatchObject({
      name: "rooms",
      workload: { name: "room-keeper" },
      routingService: { name: "rooms" },
      headlessService: { name: "room-keeper-pods" },
    });
    expect(topology.entry.container.env).toContainEqual({
      name: "ROOMS",
      value: "http://rooms.booking.svc.cluster.local:3300",
    });
    expect(topology.config.programs).toEqual({
      "example/room-keeper:7": {
        command: ["node", "pod/room-keeper.js"],
        honoursSpeed: true,
        env: { GREETING: "welcome" },
      },
    });
    expect(topology.scrape).toMatchObject({ scrapeIntervalSeconds: 5, source: "3-prometheus.yaml:9" });
  });

  test("ledger: rendered YAML on standard input", async () => {
    const stdin = readFileSync("tests/fixtures/ledger/rendered.yaml", "utf8");
    const config = "tests/fixtures/ledger/limpet.yaml";
    const topology = await loadTopology({ path: "-", stdin, config });
    expect(topology.files).toEqual(["stdin"]);
    expect(topology.tiers).toHaveLength(1);
    expect(topology.tiers[0]).toMatchObject({
      name: "main",
      workload: { name: "ledger", container: { name: "ledger", image: "example/ledger:11" } },
      routingService: { name: "ledger" },
      headlessService: { name: "ledger-nodes" },
      threshold: 5,
    });
    expect(topology.scrape.scrapeIntervalSeconds).toBe(5);
    expect(requestShape(topology)).toMatchObject({ path: "/entries", tenantHeader: "X-Account-ID" });
    const bare = await loadTopology({ path: "-", stdin });
    expect(bare.config.file).toBeNull();
    expect(requestShape(bare)).toMatchObject({ path: "/request", tenantHeader: "x-account-id" });
  });

  test.each(["shop", "booking", "ledger"])("%s is the same topology without limpet.yaml", async (name) => {
    const path = name === "ledger" ? `tests/fixtures/ledger/rendered.yaml` : `tests/fixtures/${name}`;
    const empty = join(folder({ "limpet.yaml": "" }), "limpet.yaml");
    const bare = await loadTopology({ path, config: empty });
    const full = await loadTopology({ path });
    const names = (topology: Topology) => [
      topology.entry.workload.name,
      ...topology.tiers.map((one) => [one.name, one.workload.name, one.routingService.name]),
    ];
    expect(names(bare)).toEqual(names(full));
    expect(bare.config.request).toBeNull();
  });
});

describe("single faults put into ours", () => {
  const small = async (name: string) => {
    const topology = await loadTopology({ path: `tests/fixtures/faults/${name}` });
    expect(topology.tiers.map((one) => one.name)).toEqual(["small", "medium", "large"]);
    const route = topology.routes.find(
      ({ host }) => host === "test-api-small.percolate-test.svc.cluster.local",
    );
    return { ...tier(topology, "small"), cluster: route?.destinations[0]?.cluster };
  };

  test("ScaledObject without kind", async () => {
    const { scaledObject } = await small("no-kind");
    expect(scaledObject).toMatchObject({ kindGiven: false, scaleTargetRef: { kind: "Deployment" } });
  });

  test("the routing Service headless", async () => {
    const { routingService, cluster, headlessService } = await small("headless-routing-service");
    expect(routingService).toMatchObject({ name: "test-api-small", headless: true });
    expect(headlessService?.name).toBe("test-api-small-headless");
    expect(cluster).toMatchObject({ type: "ORIGINAL_DST" });
    expect(routingService.manifest.at("spec", "clusterIP")).toMatchObject({ file: "kustomization.yaml" });
  });

  test("the DestinationRule for the headless host", async () => {
    expect((await small("rule-on-headless-host")).cluster).toMatchObject({ lbPolicy: "LEAST_REQUEST" });
  });

  test("a query that matches nothing", async () => {
    const { scaledObject } = await small("query-matches-nothing");
    expect(scaledObject?.triggers[0]?.metadata.query).toContain('tier="smal"');
  });
});

describe("bad input is told at once, with its place", () => {
  const ns = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, readonly (string | RegExp)[]])[] =
    [
      ["an empty folder", {}, [/no kustomization\.yaml and no YAML files in it\.$/]],
      [
        "a folder above",
        { "overlays/prod/kustomization.yaml": "" },
        [/no YAML files in it\. Below it: .*overlays\/prod$/],
      ],
      [
        "broken YAML and a broken object",
        { "a.yaml": "a: [1\n", "b.yaml": "kind: X\nmetadata: {name: x}\n" },
        [
          /^a\.yaml:2:1: cannot read this as YAML/,
          "b.yaml:1:1: this X needs apiVersion; add it, or leave the file out",
        ],
      ],
      [
        "duplicates",
        { "a.yaml": ns, "b.yaml": ns },
        ["b.yaml:1:1: Namespace a is given twice; the first is at a.yaml:1:1. Remove one"],
      ],
      ["nothing to run", { "a.yaml": ns }, [/^no Deployment or StatefulSet in the manifests/]],
      [
        "other kustomize fields",
        { "kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\nhelmCharts: []\n", "a.yaml": ns },
        [
          "kustomization.yaml:2:13: kustomize's field namePrefix is not understood here; render it and pipe it: kubectl kustomize . | limpet … -",
          /^kustomization\.yaml:3:1: kustomize's field helmCharts/,
        ],
      ],
      [
        "a remote resource",
        { "kustomization.yaml": "resources:\n- https://example.com/a.yaml\n" },
        [/^kustomization\.yaml:2:3: https:\/\/example\.com\/a\.yaml is not on this machine; render it/],
      ],
      [
        "a file from outside",
        {
          "kustomization.yaml": "resources: [base]\n",
          "base/kustomization.yaml": "resources:\n- ../a.yaml\n",
          "a.yaml": ns,
        },
        [/^base\/kustomization\.yaml:2:3: \.\.\/a\.yaml lies outside its kustomization/],
      ],
      [
        "a kustomization that lists itself",
        { "kustomization.yaml": "resources: [b]\n", "b/kustomization.yaml": "resources: [..]\n" },
        [/lists itself/],
      ],
      [
        "a patch for nothing",
        {
          "kustomization.yaml":
            "resources: [a.yaml]\npatches:\n- patch: |-\n    apiVersion: v1\n    kind: Service\n    metadata: {name: b}\n",
          "a.yaml": ns,
        },
        [/^kustomization\.yaml:4:5: this patch is for Service b, which is not among the resources/],
      ],
      [
        "a wrong value set by a patch",
        {
          "kustomization.yaml":
            "resources: [a.yaml]\npatches:\n- target: {kind: Service}\n  patch: |-\n    - op: replace\n      path: /spec/ports/0/port\n      value: x\n",
          "a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 1}]}\n",
        },
        ['kustomization.yaml:7:14: Service a: spec.ports[0].port must be integer, found "x"'],
      ],
    ];

  test.each(rows)("%s", async (_, files, wanted) => {
    const problems = await problemsOf({ path: folder(files) });
    expect(problems).toHaveLength(wanted.length);
    for (const [i, line] of wanted.entries()) {
      if (typeof line === "string") expect(problems[i]).toBe(line);
      else expect(problems[i]).toMatch(line);
    }
  });

  test("a folder that is not there", async () => {
    expect(await problemsOf({ path: "no/such" })).toEqual([
      "no/such: no such file or folder; name a folder with a kustomization.yaml, a file, or -",
    ]);
  });

  test("an empty stream", async () => {
    expect(await problemsOf({ path: "-", stdin: " \n" })).toEqual([
      expect.stringContaining("nothing came on standard input"),
    ]);
  });

  test("a resource that is not Prometheus and not there is left out, with a finding", async () => {
    const text = readFileSync("k8s/test-topology/kustomization.yaml", "utf8");
    const path = folder({
      "kustomization.yaml": `resources:\n- gone.yaml\n- ${join(process.cwd(), "k8s/test-topology")}\n`,
    });
    expect(text).toContain("prometheus.yaml");
    const topology = await loadTopology({ path });
    expect(said(topology)).toEqual(["kustomization.yaml:2: gone.yaml not found; left out"]);
    expect(topology.tiers).toHaveLength(3);
  });

  test("a limit is told, not met by a crash", async () => {
    const path = folder({ "big.yaml": `a: "${"x".repeat(9 * 1024 * 1024)}"` });
    expect(await problemsOf({ path })).toEqual([expect.stringMatching(/big\.yaml has \d+ bytes; at most/)]);
  });
});
