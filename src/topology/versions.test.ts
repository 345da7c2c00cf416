/** `versions` chooses what a topology is for; what a release does not read is a finding, with its place. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { loadTopology } from "./load.ts";
import { parseVersions } from "./versions.ts";

const folder = mkdtempSync(join(tmpdir(), "limpet-versions-"));
afterAll(() => rmSync(folder, { recursive: true }));

const MANIFESTS = `apiVersion: apps/v1
kind: Deployment
metadata: {name: edge, namespace: shop}
spec:
  selector: {matchLabels: {app: edge}}
  template:
    metadata: {labels: {app: edge}}
    spec: {containers: [{name: edge, image: edge:1, ports: [{containerPort: 8000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: shop}
spec: {selector: {app: edge}, ports: [{name: http, port: 80, targetPort: 8000}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: api, namespace: shop}
spec:
  serviceName: api
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: api, image: api:1, ports: [{containerPort: 8000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{name: http, port: 8000}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: api
  namespace: shop
  annotations: {autoscaling.keda.sh/paused-scale-in: "false"}
spec:
  scaleTargetRef: {kind: StatefulSet, name: api}
  initialCooldownPeriod: 60
  triggers:
    - type: prometheus
      metadata: {serverAddress: "http://p:9090", query: m, threshold: "2", timeout: 500ms}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api, namespace: shop}
spec: {host: api, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-tenant-id}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api, namespace: shop}
spec:
  hosts: [api]
  http:
    - retries: {attempts: 2, retryIgnorePreviousHosts: true}
      route: [{destination: {host: api}}]
`;

async function load(versions: string, manifests = MANIFESTS) {
  writeFileSync(join(folder, "all.yaml"), manifests);
  const config = join(folder, "limpet.yaml");
  writeFileSync(config, versions);
  return loadTopology({ path: join(folder, "all.yaml"), config });
}
const found = async (versions: string): Promise<string[]> =>
  (await load(versions)).findings
    .filter(({ message }) => message.includes("ignores"))
    .map(({ line, message }) => `${line} ${message}`);
const problems = async (versions: string): Promise<readonly string[]> => {
  const error = await load(versions).catch((thrown: unknown) => thrown);
  return (error as InputError).problems.map((problem) => problem.replace(/^.*?limpet\.yaml:/, ""));
};

describe("findings", () => {
  test("none for the newest", async () => {
    expect(await found("")).toEqual([]);
  });
  test("each with its place, and only what that release ignores", async () => {
    expect(await found("versions: {keda: 2.13}")).toEqual([
      "38 ScaledObject api: KEDA 2.13 ignores initialCooldownPeriod, which came with 2.14",
      "35 ScaledObject api: KEDA 2.13 ignores autoscaling.keda.sh/paused-scale-in, which came with 2.18",
      "41 ScaledObject api: KEDA 2.13 ignores triggers.0.metadata.timeout, which came with 2.17",
    ]);
    expect(await found("versions: {keda: 2.17}")).toHaveLength(1);
    expect(await found("versions: {istio: '1.25', keda: 2.18}")).toEqual([
      "54 VirtualService api: Istio 1.25 ignores retries.retryIgnorePreviousHosts, which came with 1.26",
    ]);
  });
});

describe("reading", () => {
  test("as written: 2.20 is not 2.2, v1.30.4 is 1.30, of Prometheus the 2 or the 3", async () => {
    const { config } = await load(
      "versions: {keda: 2.20, kubernetes: v1.30.4, prometheus: 2.42, istio: '1.24'}",
    );
    expect(config.versions).toEqual({ keda: "2.20", kubernetes: "1.30", prometheus: 2, istio: "1.24" });
    expect((await load("versions: {prometheus: 3}")).config.versions).toEqual({ prometheus: 3 });
  });
  test.each([
    ["keda: 2.9", "1:18: versions.keda: 2.9 is not known; 2.13 to 2.21 are known; left out it is 2.21"],
    [
      "kubernetes: latest",
      '1:24: versions.kubernetes: a release like 1.37 is wanted, found "latest"; 1.23 to 1.37 are known; left out it is 1.37',
    ],
    [
      "kubernets: 1.30",
      '1:23: unknown field "kubernets"; did you mean "kubernetes"? Fields of versions: kubernetes, keda, istio, prometheus',
    ],
  ])("%s is told", async (text, message) => {
    expect(await problems(`versions: {${text}}`)).toEqual([message]);
  });
  test("--versions", () => {
    expect(parseVersions("keda=2.17, prometheus=2")).toEqual({ keda: "2.17", prometheus: 2 });
    expect(() => parseVersions("kedda=2.17,istio=9")).toThrow(InputError);
  });
});

test.each([
  ["1.22", { codes: [503], previousHosts: true }],
  ["1.23", { codes: [503], previousHosts: false }],
  ["1.25", { codes: [], previousHosts: false }],
  ["1.26", { codes: [], previousHosts: true }],
])("Istio %s retries otherwise", async (istio, wanted) => {
  const { routes } = await load(`versions: {istio: '${istio}'}`);
  const { retryPolicy } = routes.find(({ host }) => host === "api.shop.svc.cluster.local")!;
  expect({
    codes: retryPolicy!.retriableStatusCodes,
    previousHosts: retryPolicy!.previousHosts,
  }).toEqual(wanted);
});
