/**
 * False alarms and misses: manifests as people publish them, drawn from one seed, each with what it is meant to do. The
 * routes that the engine would use and runs of the simulated engine say whether it does; where it does no finding is an
 * error, and where a fault was put in one is.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { RULES } from "../lint/rules.ts";
import { lintText } from "../lint/test-kit.ts";
import { loadLintInput } from "../lint/lint-input.ts";
import { resolveRoutes } from "../routing/resolve-route.ts";
import { objectAt } from "../topology/json.ts";
import type { Json, JsonObject } from "../topology/types.ts";
import { runShown } from "./show/run-shown.ts";

const HASHES = {
  header: { httpHeaderName: "x-user-id" },
  cookie: { httpCookie: { name: "session", ttl: "0s" } },
  query: { httpQueryParameterName: "tenant" },
  maglev: { httpHeaderName: "x-user-id", maglev: { tableSize: 65537 } },
} as const;

/** What the route's hash policy is, by the key that was asked for. */
const KIND = { header: "header", cookie: "cookie", query: "query_parameter", maglev: "header" } as const;

const ROUTING_FAULTS = [
  "headless",
  "tcp port",
  "host of the headless Service",
  "host with one dot",
  "no key",
  "port level without a balancer",
  "not exported",
  "subset that no route names",
  "route overwrites the key",
  "passthrough for the port",
] as const;
const SCALING_FAULTS = [
  "kind left out",
  "kind of another",
  "threshold no number",
  "query no PromQL",
  "query a scalar",
  "minimum above maximum",
  "no query",
] as const;

const shape = fc.record({
  name: fc.constantFrom("cart", "catalog", "reviews", "podinfo", "checkout-api", "tenants", "httpbin"),
  namespace: fc.constantFrom("default", "prod", "team-a", "bookinfo"),
  kind: fc.constantFrom("Deployment", "StatefulSet"),
  hash: fc.constantFrom(null, "header", "cookie", "query", "maglev"),
  port: fc.constantFrom(80, 8080, 9090),
  portName: fc.constantFrom("http", "http-web", "http2", "grpc-api"),
  appProtocol: fc.boolean(),
  host: fc.constantFrom("full", "short", "wildcard"),
  istio: fc.constantFrom("v1", "v1beta1", "v1alpha3"),
  place: fc.constantFrom("top", "port level", "both"),
  route: fc.constantFrom("none", "plain", "prefix", "subset"),
  outlier: fc.boolean(),
  scaled: fc.constantFrom(null, "prometheus", "cron too"),
  min: fc.constantFrom(0, 0, 1, 2),
  kindGiven: fc.boolean(),
  threshold: fc.constantFrom("5", "100", "0.5"),
  query: fc.constantFrom(
    "sum(http_requests_in_flight)",
    'max(active_sessions{service="edge"})',
    "sum(active_sessions) or vector(0)",
    "avg(queue_depth)",
  ),
  fallback: fc.boolean(),
  extras: fc.constantFrom("none", "ingress", "budget", "config"),
  style: fc.constantFrom("block", "flow", "json", "list", "crlf"),
  routingFault: fc.option(fc.constantFrom(...ROUTING_FAULTS), { freq: 2 }),
  scalingFault: fc.option(fc.constantFrom(...SCALING_FAULTS), { freq: 2 }),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

const fqdn = (name: string, { namespace }: Shape): string => `${name}.${namespace}.svc.cluster.local`;

const workload = (kind: string, name: string, one: Shape, container: JsonObject = {}): JsonObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name, namespace: one.namespace, labels: { app: name } },
  spec: {
    ...(kind === "StatefulSet" ? { serviceName: `${name}-headless` } : {}),
    selector: { matchLabels: { app: name } },
    template: {
      metadata: {
        labels: { app: name, version: "v1" },
        annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
      },
      spec: {
        containers: [
          {
            name: "app",
            image: `ghcr.io/example/${name}:1.2.3`,
            ports: [{ name: "web", containerPort: 8080 }],
            readinessProbe: { httpGet: { path: "/ready", port: "web" }, periodSeconds: 1 },
            ...container,
          },
        ],
      },
    },
  },
});

const serviceOf = (name: string, app: string, one: Shape, spec: JsonObject): JsonObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: one.namespace },
  spec: { ...spec, selector: { app } },
});

function destinationRule(one: Shape): JsonObject {
  const { name, namespace, hash, port, place, routingFault: fault } = one;
  const consistentHash: JsonObject =
    fault === "no key" ? { ringHash: { minimumRingSize: 2048 } } : HASHES[hash ?? "header"];
  const balanced = { loadBalancer: { consistentHash } };
  const atPort = { port: { number: port }, ...balanced };
  const policy: JsonObject =
    fault === "port level without a balancer"
      ? {
          ...balanced,
          portLevelSettings: [{ port: { number: port }, connectionPool: { tcp: { maxConnections: 900 } } }],
        }
      : fault === "passthrough for the port"
        ? {
            ...balanced,
            portLevelSettings: [{ port: { number: port }, loadBalancer: { simple: "PASSTHROUGH" } }],
          }
        : fault === "subset that no route names"
          ? { connectionPool: { tcp: { maxConnections: 900 } } }
          : place === "top"
            ? balanced
            : { ...(place === "both" ? balanced : {}), portLevelSettings: [atPort] };
  const host =
    fault === "host of the headless Service"
      ? fqdn(`${name}-headless`, one)
      : fault === "host with one dot"
        ? `${name}.${namespace}`
        : { full: fqdn(name, one), short: name, wildcard: `*.${namespace}.svc.cluster.local` }[one.host];
  const outlier = one.outlier
    ? { outlierDetection: { consecutive5xxErrors: 5, maxEjectionPercent: 50 } }
    : {};
  return {
    apiVersion: `networking.istio.io/${one.istio}`,
    kind: "DestinationRule",
    metadata: { name: `${name}-affinity`, namespace },
    spec: {
      host,
      trafficPolicy: { ...policy, ...outlier },
      ...(fault === "not exported" ? { exportTo: ["elsewhere"] } : {}),
      ...(one.route === "subset" || fault === "subset that no route names"
        ? {
            subsets: [
              {
                name: "v1",
                labels: { version: "v1" },
                ...(fault === "subset that no route names" ? { trafficPolicy: balanced } : {}),
              },
            ],
          }
        : {}),
    },
  };
}

function virtualService(one: Shape): JsonObject {
  const { name, namespace, port, routingFault: fault } = one;
  const route = fault === "subset that no route names" ? "plain" : one.route === "none" ? "plain" : one.route;
  const destination = {
    host: fqdn(name, one),
    port: { number: port },
    ...(route === "subset" ? { subset: "v1" } : {}),
  };
  const set = { request: { set: { "x-user-id": "all" } } };
  return {
    apiVersion: `networking.istio.io/${one.istio}`,
    kind: "VirtualService",
    metadata: { name, namespace },
    spec: {
      hosts: [fqdn(name, one)],
      http: [
        {
          ...(route === "prefix" ? { match: [{ uri: { prefix: "/" } }] } : {}),
          route: [{ destination }],
          timeout: "5s",
          retries: { attempts: 1, retryOn: "connect-failure" },
          ...(fault === "route overwrites the key" ? { headers: set } : {}),
        },
      ],
    },
  };
}

const QUERIES: Readonly<Record<string, string>> = {
  "query no PromQL": 'sum(active_sessions{service="edge"}',
  "query a scalar": 'scalar(sum(active_sessions{service="edge"}))',
};

function scaledObject(one: Shape): JsonObject {
  const { name, kind, scalingFault: fault } = one;
  const other = kind === "Deployment" ? "StatefulSet" : "Deployment";
  const given = fault === "kind of another" ? other : fault === "kind left out" ? null : kind;
  const isLeftOut = given === null || (kind === "Deployment" && !one.kindGiven && fault === null);
  const query = QUERIES[fault ?? ""] ?? one.query;
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: { name: `${name}-scaler`, namespace: one.namespace },
    spec: {
      scaleTargetRef: { name, ...(isLeftOut ? {} : { apiVersion: "apps/v1", kind: given }) },
      pollingInterval: 10,
      ...(fault === "minimum above maximum"
        ? { minReplicaCount: 9 }
        : one.min > 0
          ? { minReplicaCount: one.min }
          : {}),
      maxReplicaCount: 5,
      ...(one.fallback ? { fallback: { failureThreshold: 3, replicas: 2 } } : {}),
      triggers: [
        {
          type: "prometheus",
          metadata: {
            serverAddress: "http://prometheus.monitoring.svc:9090",
            threshold: fault === "threshold no number" ? "five" : one.threshold,
            ...(fault === "no query" ? {} : { query }),
          },
        },
        ...(one.scaled === "cron too" && fault === null
          ? [
              {
                type: "cron",
                metadata: {
                  timezone: "Etc/UTC",
                  start: "0 8 * * *",
                  end: "0 18 * * *",
                  desiredReplicas: "2",
                },
              },
            ]
          : []),
      ],
    },
  };
}

const EXTRAS: Readonly<Record<string, (one: Shape) => JsonObject[]>> = {
  none: () => [],
  config: ({ namespace }) => [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "settings", namespace },
      data: { LEVEL: "info" },
    },
  ],
  budget: ({ name, namespace }) => [
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name, namespace },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: name } } },
    },
  ],
  ingress: ({ namespace }) => [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "edge", namespace },
      spec: { defaultBackend: { service: { name: "edge", port: { number: 80 } } } },
    },
  ],
};

/** A rule for a host with a pattern has no exact host to be wrong about, and a fault needs what it spoils. */
function settled(drawn: Shape): Shape {
  const routingFault = drawn.hash === null ? null : drawn.routingFault;
  const scalingFault =
    drawn.scaled === null || (drawn.kind === "Deployment" && drawn.scalingFault === "kind left out")
      ? null
      : drawn.scalingFault;
  const needsRoute =
    routingFault === "route overwrites the key" || routingFault === "subset that no route names";
  return {
    ...drawn,
    routingFault,
    scalingFault,
    ...(routingFault === null ? {} : { host: "full" }),
    ...(routingFault === "route overwrites the key" ? { hash: "header" } : {}),
    ...(needsRoute || (drawn.hash === null && drawn.route === "subset") ? { route: "plain" } : {}),
    // Only a route that names the port takes a port's hash.
    ...(drawn.route === "none" && drawn.place === "port level" && routingFault === null
      ? { place: "top" }
      : {}),
    ...(["headless", "tcp port", "not exported", "no key", "host with one dot"].includes(routingFault ?? "")
      ? { place: "top" }
      : {}),
  };
}

function objects(one: Shape): JsonObject[] {
  const { name, kind, port, routingFault: fault } = one;
  const address = `http://${fqdn(name, one)}:${port}`;
  const ports = [
    {
      name: fault === "tcp port" ? "tcp-api" : one.portName,
      port,
      targetPort: 8080,
      ...(one.appProtocol && fault !== "tcp port" ? { appProtocol: "http" } : {}),
    },
  ];
  return [
    workload("Deployment", "edge", one, { env: [{ name: "UPSTREAM_URL", value: address }] }),
    serviceOf("edge", "edge", one, { ports: [{ name: "http", port: 80, targetPort: 8080 }] }),
    workload(kind, name, one),
    serviceOf(name, name, one, { ports, ...(fault === "headless" ? { clusterIP: "None" } : {}) }),
    serviceOf(`${name}-headless`, name, one, { clusterIP: "None", ports }),
    ...(one.hash === null ? [] : [destinationRule(one)]),
    ...(one.route === "none" ? [] : [virtualService(one)]),
    ...(one.scaled === null ? [] : [scaledObject(one)]),
    ...(EXTRAS[one.extras]?.(one) ?? []),
  ];
}

const RENDERED: Readonly<Record<string, (all: readonly Json[]) => string>> = {
  block: (all) => all.map((one) => `# Source: chart/templates\n${stringify(one)}`).join("---\n"),
  flow: (all) => all.map((one) => stringify(one, { collectionStyle: "flow", lineWidth: 100 })).join("---\n"),
  json: (all) => JSON.stringify({ apiVersion: "v1", kind: "List", items: all }, null, 2),
  list: (all) => stringify({ apiVersion: "v1", kind: "List", items: [...all] }),
  crlf: (all) =>
    all
      .map((one) => stringify(one))
      .join("---\n")
      .replaceAll("\n", "\r\n"),
};

/** Whether requests of the entry go by the hash that is asked for, as the engine's own routes have it. */
async function hashesAsMeant(text: string, one: Shape): Promise<boolean> {
  const { services, manifests } = await loadLintInput({ paths: ["-"], stdin: text });
  const istio = (wanted: string) =>
    manifests
      .filter(({ kind }) => kind === wanted)
      .map(({ name, namespace, body }) => ({ name, namespace, spec: objectAt(body, "spec") }));
  const routes = resolveRoutes({
    services,
    virtualServices: istio("VirtualService"),
    destinationRules: istio("DestinationRule"),
    callerNamespace: one.namespace,
    callerLabels: { app: "edge", version: "v1" },
  });
  const route = routes.find(({ host, port }) => host === fqdn(one.name, one) && port === one.port)!;
  const [only, ...others] = route.destinations;
  if (only === undefined || others.length > 0) return false;
  const { cluster } = only;
  const isHashing =
    cluster.type === "EDS" && (cluster.lbPolicy === "RING_HASH" || cluster.lbPolicy === "MAGLEV");
  const isAsked = route.hashPolicies.some(({ kind }) => kind === KIND[one.hash!]);
  return isHashing && isAsked && route.requestHeaders === undefined && only.requestHeaders === undefined;
}

/** What the stand-in for the entry can export without a `limpet.yaml`. */
const SERVED = 'max(active_sessions{service="edge"})';
const COUNT = 300;
const drawn = fc.sample(shape, { numRuns: COUNT, seed: 2026 }).map(settled);
const errorsIn = async (text: string): Promise<string[]> =>
  (await lintText(text)).findings.filter(({ severity }) => severity === "error").map(({ code }) => code);

test(`${COUNT} manifests: no error where they do as they are meant to, one where they do not`, async () => {
  const seen = { right: 0, wrong: 0, styles: new Set<string>() };
  const codes = new Set<string>();
  for (const one of drawn) {
    const text = RENDERED[one.style]!(objects(one));
    const errors = await errorsIn(text);
    const isRight = one.routingFault === null && one.scalingFault === null;
    const label = `${JSON.stringify(one)}\n${text}`;
    if (one.hash !== null) {
      expect(await hashesAsMeant(text, one), label).toBe(one.routingFault === null);
    }
    if (isRight) expect(errors, label).toEqual([]);
    else {
      const wanted = [
        ...(one.routingFault === null ? [] : ["R"]),
        ...(one.scalingFault === null ? [] : ["K"]),
      ];
      for (const family of wanted)
        expect(
          errors.some((code) => code.startsWith(`LIMPET-${family}`)),
          `${family}: ${errors.join()} ${label}`,
        ).toBe(true);
    }
    for (const code of errors) codes.add(code);
    seen.styles.add(one.style);
    seen[isRight ? "right" : "wrong"]++;
  }
  expect(seen.right).toBeGreaterThan(60);
  expect(seen.wrong).toBeGreaterThan(60);
  expect(seen.styles.size).toBe(Object.keys(RENDERED).length);
  expect(codes.size).toBeGreaterThan(12);
  expect(RULES.filter(({ code }) => codes.has(code)).length).toBe(codes.size);
});

test("runs of the simulated engine: what is right wakes from zero, what is wrong does not", async () => {
  const chosen = drawn
    .filter(
      (one) =>
        one.scaled === "prometheus" &&
        one.min === 0 &&
        one.routingFault === null &&
        one.scalingFault !== "minimum above maximum",
    )
    .slice(0, 30);
  const seen = { woke: 0, slept: 0 };
  for (const one of chosen) {
    const text = RENDERED[one.style]!(objects({ ...one, threshold: "5", query: SERVED }));
    const { checks } = await runShown(text, { scenario: "wake" }, process.cwd(), null);
    // How soon depends on the default scrape of a minute; a figure is there only if it was answered.
    const woke = typeof checks.find(({ name }) => name === "first response")?.measured === "number";
    expect(woke, `${JSON.stringify(one)} ${JSON.stringify(checks)}`).toBe(one.scalingFault === null);
    seen[woke ? "woke" : "slept"]++;
  }
  expect(seen.woke).toBeGreaterThan(5);
  expect(seen.slept).toBeGreaterThan(5);
});
