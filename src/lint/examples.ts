/** Parts that the rules' examples are put together from: whole objects, as small as the API takes them. */

export const yaml = (...documents: readonly string[]): string =>
  `${documents.map((d) => d.trim()).join("\n---\n")}\n`;

const indent = (text: string, by: number): string =>
  text
    .trim()
    .split("\n")
    .map((line) => " ".repeat(by) + line)
    .join("\n");

const below = (text: string | undefined, by: number): string =>
  text === undefined ? "" : `\n${indent(text, by)}`;

export const HASH = "{httpHeaderName: x-tenant-id}";
export const HOST = "api.shop.svc.cluster.local";

/** Annotations by which the pods are scraped. */
export const SCRAPED = '{prometheus.io/scrape: "true", prometheus.io/port: "8080"}';

type ServiceParts = { name?: string; labels?: string; ports?: string; app?: string; spec?: string };

export const service = (parts: ServiceParts = {}): string => `
apiVersion: v1
kind: Service
metadata: {name: ${parts.name ?? "api"}, namespace: shop${parts.labels === undefined ? "" : `, labels: ${parts.labels}`}}
spec:${below(parts.spec, 2)}
  selector: {app: ${parts.app ?? "api"}}
  ports: ${parts.ports ?? "[{name: http, port: 80, targetPort: 8080}]"}`;

type RuleParts = {
  name?: string;
  host?: string;
  hash?: string;
  policy?: string;
  spec?: string;
  metadata?: string;
};

/** `policy`: further fields of the traffic policy; `spec`: of the whole. */
export const destinationRule = (parts: RuleParts = {}): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${parts.name ?? "api"}, namespace: ${parts.metadata ?? "shop"}}
spec:
  host: ${parts.host ?? HOST}
  trafficPolicy:
    loadBalancer:
      consistentHash: ${parts.hash ?? HASH}${below(parts.policy, 4)}${below(parts.spec, 2)}`;

export const ROUTE = `
route: [{destination: {host: ${HOST}, port: {number: 80}}}]
timeout: 10s
retries: {attempts: 2, retryOn: "connect-failure,refused-stream"}`;

type VirtualServiceParts = { name?: string; hosts?: string; http?: string; spec?: string };

/** `http`: the fields of its one route. */
export const virtualService = (parts: VirtualServiceParts = {}): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${parts.name ?? "api"}, namespace: shop}
spec:
  hosts: [${parts.hosts ?? HOST}]${below(parts.spec, 2)}
  http:
  - ${indent(parts.http ?? ROUTE, 4).trim()}`;

type WorkloadParts = {
  kind?: "Deployment" | "StatefulSet";
  name?: string;
  /** Further fields of the workload's spec, the pod's, the container's. */
  spec?: string;
  pod?: string;
  container?: string;
  image?: string;
  labels?: string;
  annotations?: string;
};

export const workload = (parts: WorkloadParts = {}): string => {
  const name = parts.name ?? "api";
  const kind = parts.kind ?? "Deployment";
  const serviceName = kind === "StatefulSet" ? `\n  serviceName: ${name}` : "";
  const annotations = parts.annotations === undefined ? "" : `\n      annotations: ${parts.annotations}`;
  return `
apiVersion: apps/v1
kind: ${kind}
metadata: {name: ${name}, namespace: shop}
spec:${serviceName}${below(parts.spec, 2)}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: ${parts.labels ?? `{app: ${name}}`}${annotations}
    spec:${below(parts.pod, 6)}
      containers:
      - name: main
        image: ${parts.image ?? "example/api:1.4"}${below(parts.container, 8)}`;
};

/** A workload that calls the API, so that its sidecar's view of it is the one looked at. */
export const caller = (parts: WorkloadParts = {}): string =>
  workload({ name: "edge", container: `env: [{name: API_URL, value: "http://${HOST}"}]`, ...parts });

export const namespace = (labels: string): string => `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: ${labels}}`;

type ScalerParts = {
  name?: string;
  target?: string;
  /** Further fields of the spec. */
  spec?: string;
  /** Metadata of the Prometheus trigger beside its address. */
  metadata?: string;
  trigger?: string;
  annotations?: string;
};

export const QUERY = `
threshold: "2"
query: max(active_tenants{tier="small"})
ignoreNullValues: "false"`;

export const scaledObject = (parts: ScalerParts = {}): string => `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: ${parts.name ?? "api"}, namespace: shop${parts.annotations === undefined ? "" : `, annotations: ${parts.annotations}`}}
spec:
  scaleTargetRef: ${parts.target ?? "{kind: Deployment, name: api}"}${below(parts.spec, 2)}
  triggers:
  - type: prometheus${below(parts.trigger, 4)}
    metadata:
      serverAddress: http://prometheus.monitoring:9090${below(parts.metadata ?? QUERY, 6)}`;
