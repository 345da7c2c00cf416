/**
 * `npm run bench -- lint`: linting many documents, beside parsing their YAML and nothing more. Reading a stream waits for
 * schemas to load, so it is measured here and not in the harness for plain functions.
 */
import { parseAllDocuments } from "yaml";
import { columns } from "../src/cli/columns.ts";
import { lintTopology } from "../src/lint/lint.ts";
import { loadLintInput } from "../src/lint/lint-input.ts";
import { duration, median } from "./harness.ts";

const SIZES = [250, 500, 1000, 2000, 4000] as const;
const ROUNDS = 5;

export type LintRow = {
  readonly documents: number;
  readonly bytes: number;
  readonly workNs: number;
  readonly bareNs: number;
  /** Of the same round. */
  readonly ratio: number;
};

/** Five documents of about a kilobyte each: a workload, its Service, its route, its rule, its scaler. */
function application(index: number): string {
  const name = `tenants-${index}`;
  const namespace = `team-${index % 20}`;
  const host = `${name}.${namespace}.svc.cluster.local`;
  const metadata = `metadata:
  name: ${name}
  namespace: ${namespace}
  labels:
    app.kubernetes.io/name: ${name}
    app.kubernetes.io/instance: ${name}-production
    app.kubernetes.io/version: "1.27.${index % 10}"
    app.kubernetes.io/component: api
    app.kubernetes.io/part-of: storefront
    app.kubernetes.io/managed-by: Helm
    helm.sh/chart: storefront-0.43.${index % 7}
  annotations:
    meta.helm.sh/release-name: ${name}-production
    meta.helm.sh/release-namespace: ${namespace}
    example.com/owner: "group-${index % 9}@example.com"
    example.com/runbook: https://runbooks.example.com/storefront/${name}
    example.com/description: Serves the tenants of group ${index} and keeps their sessions warm in memory
`;
  return `---
# Source: storefront/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
${metadata}spec:
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      containers:
      - name: api
        image: registry.example.com/storefront/api:1.27.${index % 10}
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: UPSTREAM_URL
          value: http://tenants-${Math.max(0, index - 20)}.${namespace}.svc.cluster.local:80
        readinessProbe:
          httpGet:
            path: /ready
            port: http
        resources:
          requests: {cpu: 100m, memory: 128Mi}
          limits: {memory: 256Mi}
---
# Source: storefront/templates/service.yaml
apiVersion: v1
kind: Service
${metadata}spec:
  selector:
    app: ${name}
  ports:
  - name: http
    port: 80
    targetPort: http
---
# Source: storefront/templates/virtualservice.yaml
apiVersion: networking.istio.io/v1
kind: VirtualService
${metadata}spec:
  hosts:
  - ${host}
  http:
  - route:
    - destination:
        host: ${host}
        port:
          number: 80
    timeout: 10s
    retries:
      attempts: 2
      retryOn: connect-failure,refused-stream
---
# Source: storefront/templates/destinationrule.yaml
apiVersion: networking.istio.io/v1
kind: DestinationRule
${metadata}spec:
  host: ${host}
  trafficPolicy:
    loadBalancer:
      consistentHash:
        httpHeaderName: x-tenant-id
    connectionPool:
      tcp:
        maxConnections: 1024
        connectTimeout: 1s
      http:
        http2MaxRequests: 1024
---
# Source: storefront/templates/scaledobject.yaml
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
${metadata}spec:
  scaleTargetRef:
    kind: Deployment
    name: ${name}
  pollingInterval: 10
  cooldownPeriod: 60
  maxReplicaCount: 5
  triggers:
  - type: prometheus
    metadata:
      serverAddress: http://prometheus.monitoring.svc.cluster.local:9090
      threshold: "2"
      query: max(active_tenants{service="${name}"})
      ignoreNullValues: "false"
`;
}

const stream = (documents: number): string =>
  Array.from({ length: documents / 5 }, (_, index) => application(index)).join("");

/** CPU time, so that others on the machine do not count. */
async function cpuNs(run: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

export async function lintRows(): Promise<LintRow[]> {
  const rows: LintRow[] = [];
  const lint = async (text: string) => lintTopology(await loadLintInput({ paths: ["-"], stdin: text }));
  // The compiler warms up on both.
  const warm = stream(250);
  for (let round = 0; round < 4; round++) {
    await lint(warm);
    parseAllDocuments(warm);
  }
  for (const documents of SIZES) {
    const text = stream(documents);
    const rounds: { work: number; bare: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const bareFirst = round % 2 === 0 ? await cpuNs(() => parseAllDocuments(text)) : null;
      const work = await cpuNs(() => lint(text));
      const bare = bareFirst ?? (await cpuNs(() => parseAllDocuments(text)));
      rounds.push({ work, bare });
    }
    rows.push({
      documents,
      bytes: text.length,
      workNs: median(rounds.map(({ work }) => work)),
      bareNs: median(rounds.map(({ bare }) => bare)),
      ratio: median(rounds.map(({ work, bare }) => work / bare)),
    });
  }
  return rows;
}

export function lintTable(rows: readonly LintRow[]): string {
  const body = rows.map(({ documents, bytes, workNs, bareNs, ratio }) => [
    `lint ${documents} documents`,
    `${(bytes / documents / 1024).toFixed(2)} KiB each`,
    duration(workNs),
    `${duration(workNs / documents)} a document`,
    duration(bareNs),
    `× ${ratio.toPrecision(3)}`,
  ]);
  const head = ["what", "size", "takes", "", "parsing alone", "ratio"];
  return `${columns([head, ...body])}\n\nMedians of CPU time over ${ROUNDS} rounds; the ratio is that of the same round.\n`;
}
