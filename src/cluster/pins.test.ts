/** docs/cluster.md, held against what the code pins and what the manifests ask for. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { at } from "../topology/json.ts";
import { loadTopology } from "../topology/load.ts";
import type { Json } from "../topology/types.ts";
import { KNOWN_BAD, MACHINE, PINS } from "./pins.ts";
import { requestsIn, requestsOfPod, requestsOfTiers, type Requests, sum } from "./requests.ts";
import { isOlder, TOOLS } from "./tools.ts";

const read = (path: string): string => readFileSync(path, "utf8");
const document = read("docs/cluster.md");
const [, versions = ""] = /\n## Versions\n([^]*?)\n## /.exec(document)!;
const topology = await loadTopology({ path: "k8s/test-topology" });

test("docs/cluster.md has the versions that the code pins", () => {
  const rows = new Map(
    [...versions.matchAll(/^\| (\S[^|]*?) +\| (\d\S*)/gm)].map((match) => [match[1], match[2]]),
  );
  const prometheus = topology.workloads.find(({ name }) => name === "prometheus")!.container.image;
  const node = /node:(\d+\.\d+\.\d+)-/.exec(read("k8s/test-topology/images/test-gateway/Dockerfile"))?.[1];
  expect(Object.fromEntries(rows)).toEqual({
    ...Object.fromEntries(
      TOOLS.map(({ name, atLeast }) => [
        { docker: "Docker", kind: "kind", kubectl: "kubectl", helm: "Helm" }[name],
        atLeast,
      ]),
    ),
    Kubernetes: PINS.kubernetes,
    Istio: PINS.istio,
    KEDA: PINS.keda,
    Prometheus: /:v(\S+)$/.exec(prometheus)?.[1],
    "Node in the images": node,
  });
});

test("what is pinned is not known to be bad, and fits together", () => {
  expect(KNOWN_BAD["istio"]).toContain("1.30.0");
  expect(KNOWN_BAD["istio"]).not.toContain(PINS.istio);
  expect(PINS.nodeImage).toMatch(new RegExp(`^kindest/node:v${PINS.kubernetes}@sha256:[0-9a-f]{64}$`));
  // Istio 1.31: 1.32 to 1.36. KEDA 2.21: 1.34 to 1.36. Another minor version of one of them needs another look at the table.
  expect([PINS.istio, PINS.keda].map((version) => version.replace(/\.\d+$/, ""))).toEqual(["1.31", "2.21"]);
  expect([isOlder(PINS.kubernetes, "1.34.0"), isOlder(PINS.kubernetes, "1.37.0")]).toEqual([false, true]);
});

test("both images stand on the same base", () => {
  const bases = ["test-gateway", "test-api"].map(
    (name) => /^ARG NODE_IMAGE=(.*)$/m.exec(read(`k8s/test-topology/images/${name}/Dockerfile`))?.[1],
  );
  expect(new Set(bases).size).toBe(1);
});

const MARKS = /(<!-- requests: begin -->\n)[^]*(<!-- requests: end -->)/;
/** Kind's one node: etcd, API server, controller manager, scheduler, CoreDNS twice, kindnet, as kubeadm and kind set them. */
const CONTROL_PLANE: Requests = { cpuMilli: 950, memoryMiB: 290 };

// `npx vitest run --project unit src/cluster/pins.test.ts -u` writes it anew.
test("docs/cluster.md has the sum of what everything asks for, and doctor wants what one tier needs", async () => {
  const values = (file: string): Json => parse(read(`k8s/cluster/${file}`)) as Json;
  const [istiod, keda] = [values("istiod-values.yaml"), values("keda-values.yaml")];
  const sidecar = requestsIn(at(istiod, "global", "proxy", "resources"));
  const prometheus = topology.workloads.find(({ name }) => name === "prometheus")!;
  const always: readonly (readonly [string, Requests])[] = [
    ["Kubernetes' own", CONTROL_PLANE],
    ["istiod", requestsIn(at(istiod, "resources"))],
    [
      "KEDA's three",
      sum(["operator", "metricServer", "webhooks"].map((name) => requestsIn(at(keda, "resources", name)))),
    ],
    ["Prometheus", requestsOfPod(prometheus.manifest)],
    ["gateway", sum([requestsOfPod(topology.entry.workload.manifest), sidecar])],
  ];
  const tiers = requestsOfTiers(topology, sidecar);
  const base = sum(always.map(([, requests]) => requests));
  const oneTier = sum([base, tiers[0]!.requests]);
  const rows: readonly (readonly [string, Requests])[] = [
    ...always,
    ...tiers.map(({ tier, pods, requests }) => [`${pods} pods of tier ${tier}`, requests] as const),
    [`**together, one tier (${tiers[0]!.tier}) at its maximum**`, oneTier],
    ["**together, all tiers at their maximum**", sum([base, ...tiers.map(({ requests }) => requests)])],
  ];
  const table = [
    "| what | CPU | memory |",
    "|---|---|---|",
    ...rows.map(([what, { cpuMilli, memoryMiB }]) => `| ${what} | ${cpuMilli / 1000} | ${memoryMiB} MiB |`),
    "",
  ].join("\n");
  expect(MACHINE.memoryGiB * 1024).toBeGreaterThan(oneTier.memoryMiB);
  expect(MACHINE.cpus * 1000).toBeGreaterThanOrEqual(oneTier.cpuMilli);
  await expect(document.replace(MARKS, (_, begin, end) => `${begin}${table}${end}`)).toMatchFileSnapshot(
    `${process.cwd()}/docs/cluster.md`,
  );
});
