/** Whole topologies: the original document's with every mistake that the audit names, ours, and ours with one fault. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lintPath } from "./test-kit.ts";

const ORIGINAL = "tests/fixtures/original";

/** The audit's number, the code, the object, and what stands on the line that is named. */
const audit = [
  ["S1", "K101", "ScaledObject percolate-test/test-api-small-scaler", "keda-scaler.yaml", "scaleTargetRef:"],
  [
    "S2",
    "K103",
    "ScaledObject percolate-test/test-api-small-scaler",
    "keda-scaler.yaml",
    "metricName: test_active_tenants",
  ],
  ["S3", "K105", "ScaledObject percolate-test/test-api-small-scaler", "keda-scaler.yaml", "metadata:"],
  ["S4", "K106", "ScaledObject percolate-test/test-api-small-scaler", "keda-scaler.yaml", "spec:"],
  [
    "S6",
    "K111",
    "ScaledObject percolate-test/test-api-small-scaler",
    "keda-scaler.yaml",
    "cooldownPeriod: 60",
  ],
  ["S7", "K107", "StatefulSet percolate-test/test-api-small", "test-api.yaml", "replicas: 0"],
  ["S9", "W102", "StatefulSet percolate-test/test-api-small", "test-api.yaml", "spec:"],
  ["R1", "R101", "DestinationRule percolate-test/test-api-affinity", "istio-routing.yaml", "consistentHash:"],
  ["R8, retries", "R119", "VirtualService percolate-test/test-api-routing", "istio-routing.yaml", "- route:"],
  ["R8, timeout", "T111", "VirtualService percolate-test/test-api-routing", "istio-routing.yaml", "- route:"],
  [
    "R9",
    "R133",
    "DestinationRule percolate-test/test-api-affinity",
    "istio-routing.yaml",
    "http2MaxRequests: 100",
  ],
  ["R10", "W101", "StatefulSet percolate-test/test-api-small", "test-api.yaml", "- name: api"],
  [
    "P1",
    "L104",
    "Kustomization tests/fixtures/original/kustomization.yaml",
    "kustomization.yaml",
    "- prometheus.yaml",
  ],
  ["P4, API", "M101", "StatefulSet percolate-test/test-api-small", "test-api.yaml", "prometheus.io/scrape:"],
  [
    "P4, gateway",
    "M101",
    "Deployment percolate-test/test-gateway",
    "test-gateway.yaml",
    "prometheus.io/scrape:",
  ],
  ["K2", "W101", "Deployment percolate-test/test-gateway", "test-gateway.yaml", "- name: gateway"],
  ["K3", "W103", "Service percolate-test/test-gateway", "test-gateway.yaml", "type: LoadBalancer"],
  [
    "K7, security context",
    "S103",
    "StatefulSet percolate-test/test-api-small",
    "test-api.yaml",
    "- name: api",
  ],
  [
    "K7, network policy",
    "S104",
    "StatefulSet percolate-test/test-api-small",
    "test-api.yaml",
    "name: test-api-small",
  ],
  [
    "K7, disruption budget",
    "W104",
    "Deployment percolate-test/test-gateway",
    "test-gateway.yaml",
    "name: test-gateway",
  ],
  ["K7, service account", "S106", "Deployment percolate-test/test-gateway", "test-gateway.yaml", "spec:"],
] as const;

test.each(audit)("the original: %s is LIMPET-%s", async (_audit, code, object, file, text) => {
  const { findings } = await lintPath(ORIGINAL);
  const found = findings.find((one) => one.code === `LIMPET-${code}` && one.object === object);
  expect(found).toMatchObject({ file: `${ORIGINAL}/${file}` });
  const line = readFileSync(found!.file, "utf8").split("\n")[found!.line - 1]!;
  expect(line).toContain(text);
});

test("the original: the errors are the three that stop it, and nothing else is one", async () => {
  const { findings, failed } = await lintPath(ORIGINAL);
  const errors = findings.filter(({ severity }) => severity === "error");
  expect(errors.map(({ code }) => code)).toEqual(["LIMPET-R101", "LIMPET-K101", "LIMPET-L104"]);
  expect(failed).toBe(true);
});

test("ours: nothing is found, at any level, and nothing was left unchecked", async () => {
  const result = await lintPath("k8s/test-topology");
  expect(result.findings).toEqual([]);
  expect(result.notChecked).toEqual([]);
  expect(result.suppressed).toEqual([]);
});

test.each([
  ["node-port", 2],
  ["one-tier", 0],
  ["other-namespace", 0],
  ["without-istio", 0],
])("our overlay %s: nothing is found; %i accepted, with a reason", async (overlay, suppressed) => {
  const result = await lintPath(`k8s/overlays/${overlay}`);
  expect(result.findings).toEqual([]);
  expect(result.notChecked).toEqual([]);
  expect(result.suppressed).toHaveLength(suppressed);
});

test.each([
  ["no-kind", "LIMPET-K101", "k8s/test-topology/keda-scaler.yaml", "scaleTargetRef:"],
  ["headless-routing-service", "LIMPET-R101", "k8s/test-topology/istio-routing.yaml", "consistentHash:"],
  [
    "rule-on-headless-host",
    "LIMPET-R104",
    "tests/fixtures/faults/rule-on-headless-host/kustomization.yaml",
    "value:",
  ],
  [
    "query-matches-nothing",
    "LIMPET-M108",
    "tests/fixtures/faults/query-matches-nothing/kustomization.yaml",
    "value:",
  ],
] as const)("ours with the fault %s: that one is found", async (fault, code, file, text) => {
  const { findings } = await lintPath(`tests/fixtures/faults/${fault}`);
  expect(findings).toMatchObject([{ code, file }]);
  expect(readFileSync(file, "utf8").split("\n")[findings[0]!.line - 1]).toContain(text);
});

test.each(["tests/fixtures/shop", "tests/fixtures/booking", "tests/fixtures/ledger/rendered.yaml"])(
  "%s hashes and scales as it is meant to: no error",
  async (path) => {
    const { findings } = await lintPath(path);
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
  },
);
