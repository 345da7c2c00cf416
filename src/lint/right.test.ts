/** What is right and looks wrong: no error on any of these. Each has been a false alarm somewhere. */
import { expect, test } from "vitest";
import {
  caller,
  destinationRule,
  HASH,
  HOST,
  namespace,
  ROUTE,
  scaledObject,
  service,
  virtualService,
  workload,
  yaml,
} from "./examples.ts";
import { lintText } from "./test-kit.ts";

const headless = service({ spec: "clusterIP: None" });
const istiod = workload({
  name: "istiod",
  container: 'env: [{name: PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES, value: "true"}]',
});
const rollout =
  "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: api, namespace: shop}\nspec: {workloadRef: {kind: Deployment, name: api}}";

test.each([
  [
    "a headless Service that only an ingress gateway routes to",
    yaml(
      headless,
      destinationRule(),
      virtualService({ hosts: "shop.example.com", spec: "gateways: [edge]" }),
    ),
  ],
  ["a headless Service where istiod makes them EDS", yaml(istiod, headless, destinationRule(), caller())],
  [
    "calls to the headless name that a VirtualService sends to a ClusterIP Service",
    yaml(
      headless,
      service({ name: "api-lb" }),
      destinationRule({ host: "api-lb.shop.svc.cluster.local" }),
      virtualService({ http: ROUTE.replace(HOST, "api-lb.shop.svc.cluster.local") }),
      caller(),
    ),
  ],
  [
    "the header set by Envoy from the request",
    yaml(
      service(),
      destinationRule(),
      virtualService({ http: `${ROUTE}\nheaders: {request: {set: {x-tenant-id: "%REQ(x-user)%"}}}` }),
    ),
  ],
  [
    "the header set on a route for one tenant",
    yaml(
      service(),
      destinationRule(),
      virtualService({
        http: `match: [{uri: {prefix: /acme}}]\n${ROUTE.trim()}\nheaders: {request: {set: {x-tenant-id: acme}}}`,
      }),
    ),
  ],
  [
    "a TCP port hashed by source address",
    yaml(service({ ports: "[{name: tcp, port: 80}]" }), destinationRule({ hash: "{useSourceIp: true}" })),
  ],
  [
    "a TCP port beside the hashed one",
    yaml(service({ ports: "[{name: http, port: 80}, {name: tcp-raw, port: 81}]" }), destinationRule()),
  ],
  [
    "PASSTHROUGH without a hash",
    yaml(service(), destinationRule().replace(`consistentHash: ${HASH}`, "simple: PASSTHROUGH")),
  ],
  [
    "a wildcard rule that also covers headless Services",
    yaml(
      service(),
      service({ name: "db", app: "db", spec: "clusterIP: None" }),
      destinationRule({ host: '"*.shop.svc.cluster.local"' }),
      caller(),
    ),
  ],
  ["a rule by its short name", yaml(service(), destinationRule({ host: "api" }), caller())],
  [
    "a rule with Maglev",
    yaml(service(), destinationRule({ hash: "{httpHeaderName: x-tenant-id, maglev: {tableSize: 65537}}" })),
  ],
  ["a cookie as key", yaml(service(), destinationRule({ hash: "{httpCookie: {name: tenant, ttl: 0s}}" }))],
  [
    "the governing Service beside the routing one",
    yaml(
      service(),
      service({ name: "api-headless", spec: "clusterIP: None\npublishNotReadyAddresses: true" }),
      destinationRule(),
      workload({ kind: "StatefulSet" }),
      caller(),
    ),
  ],
  ["no kind, and a Deployment", yaml(workload(), scaledObject({ target: "{name: api}" }))],
  [
    "a target that is elsewhere",
    yaml(scaledObject({ target: "{kind: StatefulSet, name: api}" }), workload({ name: "other" })),
  ],
  [
    "a target whose name another workload's name begins",
    yaml(
      workload({ spec: "replicas: 2" }),
      scaledObject({ name: "api-worker", target: "{name: api-worker}" }),
    ),
  ],
  [
    "a Rollout beside the Deployment that it takes its pods from",
    yaml(
      workload({ spec: "replicas: 0" }),
      rollout,
      scaledObject({ target: "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: api}" }),
    ),
  ],
  [
    "a ScaledObject that takes over an HPA",
    yaml(
      workload(),
      "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: api, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}, maxReplicas: 4}",
      scaledObject({
        annotations: '{scaledobject.keda.sh/transfer-hpa-ownership: "true"}',
        spec: "advanced: {horizontalPodAutoscalerConfig: {name: api}}",
      }),
    ),
  ],
  [
    "an explicit 0 with idle mode",
    yaml(workload(), scaledObject({ spec: "minReplicaCount: 2\nidleReplicaCount: 0" })),
  ],
  [
    "a query with a comparison inside an aggregation",
    yaml(
      workload(),
      scaledObject({
        metadata: 'threshold: "2"\nquery: count(active_tenants > 0) or vector(0)\nignoreNullValues: "false"',
      }),
    ),
  ],
  [
    "a threshold given as a number",
    yaml(workload(), scaledObject({ metadata: 'threshold: "0.5"\nquery: sum(rate(requests_total[2m]))' })),
  ],
  [
    "a probe by number as text",
    yaml(workload({ container: 'readinessProbe: {httpGet: {path: /, port: "8080"}}' })),
  ],
  [
    "a Service without a selector",
    yaml(service().replace("  selector: {app: api}\n", ""), destinationRule()),
  ],
  [
    "an ambient namespace without any hash",
    yaml(namespace("{istio.io/dataplane-mode: ambient}"), service(), workload(), caller()),
  ],
  [
    "another group's Service",
    "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: {template: {spec: {containers: [{image: x}]}}}\n",
  ],
])("%s", async (_what, text) => {
  const { findings } = await lintText(text);
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
});

test("two callers, or two ports, that lead to one line are one finding", async () => {
  const { findings } = await lintText(
    yaml(
      service({ spec: "clusterIP: None", ports: "[{name: http, port: 80}, {name: http-b, port: 81}]" }),
      destinationRule(),
      caller(),
      caller({ name: "other" }),
    ),
  );
  expect(findings.filter(({ code }) => code === "LIMPET-R101")).toHaveLength(1);
});
