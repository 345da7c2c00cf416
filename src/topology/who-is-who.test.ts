/** Tiers and entry, from small clusters written out as YAML. */
import { describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { loadTopology } from "./load.ts";

const service = (name: string, app: string, spec = ""): string =>
  `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: {selector: {app: ${app}}, ports: [{port: 80}]${spec}}}`;

const workload = (
  name: string,
  options: { kind?: string; labels?: string; env?: string; spec?: string } = {},
) =>
  `{apiVersion: apps/v1, kind: ${options.kind ?? "Deployment"}, metadata: {name: ${name}, labels: {${options.labels ?? ""}}},` +
  ` spec: {${options.spec ?? ""} selector: {matchLabels: {app: ${name}}}, ${options.kind === "StatefulSet" ? "serviceName: x," : ""}` +
  ` template: {metadata: {labels: {app: ${name}}}, spec: {containers: [{name: c, image: ${name}, env: [${options.env ?? ""}]}]}}}}`;

const scaled = (name: string, ref: string): string =>
  `{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: ${name}}, spec: {scaleTargetRef: {${ref}},` +
  ` triggers: [{type: prometheus, metadata: {threshold: "7", query: x, serverAddress: y}}]}}`;

const load = (...objects: readonly string[]) => loadTopology({ path: "-", stdin: objects.join("\n---\n") });

const EDGE = [workload("edge"), service("edge", "edge")];
const API = [workload("api"), service("api", "api")];

const problems = async (loading: Promise<unknown>): Promise<readonly string[]> => {
  const error = await loading.catch((thrown: unknown) => thrown);
  return error instanceof InputError ? error.problems : [];
};

describe("tiers", () => {
  test("a tier is named by its label tier, else by its workload", async () => {
    const topology = await load(
      ...EDGE,
      workload("a", { labels: "tier: gold" }),
      service("a", "a"),
      ...API,
      scaled("b", "name: api"),
      scaled("a", "name: a"),
    );
    expect(topology.tiers.map(({ name, workload }) => [name, workload.name])).toEqual([
      ["api", "api"],
      ["gold", "a"],
    ]);
  });

  test("two workloads with one label keep their own names", async () => {
    const both = ["a", "b"].flatMap((name) => [
      workload(name, { labels: "tier: backend" }),
      service(name, name),
      scaled(name, `name: ${name}`),
    ]);
    expect((await load(...EDGE, ...both)).tiers.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test.each([
    ["its kind is left out", "api-scaler", "name: api"],
    ["its name is wrong, its own begins with the workload's", "api-scaler", "kind: StatefulSet, name: apy"],
    ["it is right", "x", "kind: StatefulSet, name: api"],
  ])("a ScaledObject belongs to the tier that it is meant for: %s", async (_, name, ref) => {
    const topology = await load(
      ...EDGE,
      workload("api", { kind: "StatefulSet" }),
      service("api", "api"),
      scaled(name, ref),
    );
    expect(topology.tiers[0]).toMatchObject({ scaledObject: { name }, threshold: 7 });
    expect(topology.findings).toEqual([]);
  });

  test("a ScaledObject for nobody is a finding", async () => {
    const topology = await load(...EDGE, ...API, scaled("api", "name: api"), scaled("x", "name: nobody"));
    expect(topology.findings).toMatchObject([
      {
        file: "stdin",
        line: 11,
        message: "ScaledObject x scales Deployment nobody, which is not in the manifests",
      },
    ]);
  });

  test("two ScaledObjects for one target: the first counts, the second is a finding", async () => {
    const topology = await load(...EDGE, ...API, scaled("one", "name: api"), scaled("two", "name: api"));
    expect(topology.tiers[0]?.scaledObject?.name).toBe("one");
    expect(topology.findings[0]?.message).toBe(
      "Deployment api is already scaled by ScaledObject one; KEDA refuses two",
    );
  });

  test("a scale target without a Service is no tier and no entry", async () => {
    const topology = await load(
      ...EDGE,
      ...API,
      workload("worker"),
      scaled("api", "name: api"),
      scaled("w", "name: worker"),
    );
    expect(topology.tiers.map(({ name }) => name)).toEqual(["api"]);
    expect(topology.findings[0]?.message).toContain("no Service selects its pods, so it is no tier");
  });

  test("nothing scaled: says what there is", async () => {
    expect(await problems(load(...EDGE, ...API))).toEqual([
      expect.stringMatching(/^nothing in the manifests is scaled.*Deployment edge, Deployment api$/),
    ]);
  });
});

describe("the Service that requests go to", () => {
  const services = [
    service("plain", "api"),
    service("called", "api"),
    service("nodes", "api", ", clusterIP: None"),
  ];
  const routing = async (env: string, ...more: readonly string[]) => {
    const topology = await load(
      workload("edge", { env }),
      service("edge", "edge"),
      workload("api"),
      ...services,
      scaled("api", "name: api"),
      ...more,
    );
    return [topology.tiers[0]?.routingService.name, topology.tiers[0]?.headlessService?.name];
  };
  const route =
    "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [called], http: [{route: [{destination: {host: called}}]}]}}";

  test.each([
    ["a URL in the entry's environment", "{name: A, value: 'http://called:80/x'}"],
    ["host and port", "{name: A, value: called.default:80}"],
    ["a full name inside JSON", `{name: A, value: '{"a": "http://called.default.svc.cluster.local"}'}`],
    ["a bare name", "{name: A, value: called}"],
  ])("%s", async (_, env) => {
    expect(await routing(env)).toEqual(["called", "nodes"]);
  });

  test("a VirtualService, where the environment says nothing", async () => {
    expect(await routing("", route)).toEqual(["called", "nodes"]);
  });

  test("a headless one, where the environment calls it", async () => {
    expect(await routing("{name: A, value: 'http://nodes:80'}")).toEqual(["nodes", "nodes"]);
  });

  test("else the first with a ClusterIP; words that only look alike do not count", async () => {
    expect(await routing("{name: A, value: 'http://called-2:80 uncalled xcalled.default'}")).toEqual([
      "plain",
      "nodes",
    ]);
  });
});

describe("the entry", () => {
  test("two that could be it: both are named, with their places", async () => {
    const loading = load(
      ...EDGE,
      workload("other"),
      service("other", "other"),
      ...API,
      scaled("api", "name: api"),
    );
    expect(await problems(loading)).toEqual([
      "which workload do requests enter by? 2 could be it: Deployment edge (stdin:1), Deployment other (stdin:5). " +
        "Say in limpet.yaml: entry: NAME",
    ]);
  });

  test("none that could be it", async () => {
    expect(await problems(load(workload("edge"), ...API, scaled("api", "name: api")))).toEqual([
      expect.stringContaining("no workload to send requests to"),
    ]);
  });

  test("Prometheus is not it", async () => {
    const prometheus = workload("metrics").replace("image: metrics", "image: 'registry/prom/prometheus:v3'");
    const topology = await load(
      prometheus,
      service("metrics", "metrics"),
      ...EDGE,
      ...API,
      scaled("api", "name: api"),
    );
    expect(topology.entry.workload.name).toBe("edge");
  });
});

test("KEDA's and Kubernetes' defaults are filled in", async () => {
  const topology = await load(...EDGE, ...API, scaled("api", "name: api"));
  expect(topology.tiers[0]).toMatchObject({
    scaledObject: {
      kindGiven: false,
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment" },
      minReplicaCount: 0,
      maxReplicaCount: 100,
      pollingIntervalSeconds: 30,
      cooldownPeriodSeconds: 300,
      scaleDownStabilizationSeconds: 300,
      triggers: [{ type: "prometheus", metricType: "AverageValue", useCachedMetrics: false, name: null }],
    },
    workload: {
      replicas: null,
      podManagementPolicy: "OrderedReady",
      minReadySeconds: 0,
      terminationGracePeriodSeconds: 30,
      container: { readinessProbe: null, preStopSleepSeconds: 0 },
    },
    routingService: { ports: [{ port: 80, targetPort: 80, name: null, appProtocol: null }] },
  });
});

test("environment values come from ConfigMaps, Secrets and each other", async () => {
  const env = [
    "{name: A, valueFrom: {configMapKeyRef: {name: m, key: a}}}",
    "{name: B, valueFrom: {secretKeyRef: {name: s, key: b}}}",
    "{name: C, value: 'http://$(A):$(B)/$$(A)/$(NOT)'}",
    "{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}",
    "{name: GONE, valueFrom: {configMapKeyRef: {name: m, key: nothing}}}",
    "{name: EMPTY}",
  ].join(", ");
  const topology = await load(
    workload("edge", { env }),
    service("edge", "edge"),
    ...API,
    scaled("api", "name: api"),
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: host}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {b: ODA=}}",
  );
  expect(topology.entry.container.env).toEqual([
    { name: "A", value: "host" },
    { name: "B", value: "80" },
    { name: "C", value: "http://host:80/$(A)/$(NOT)" },
    { name: "IP", fieldPath: "status.podIP" },
    { name: "EMPTY", value: "" },
  ]);
});
