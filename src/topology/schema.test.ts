import { expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { fromJson, type LocatedMap } from "./located.ts";
import { parseYaml } from "./parse-yaml.ts";
import { newBudget, Problems } from "./problems.ts";
import { validateAll, VALIDATED_KINDS } from "./schema.ts";

const POD = {
  metadata: { labels: { app: "a" } },
  spec: { containers: [{ name: "c", image: "i", ports: [{ containerPort: 80 }] }] },
};
const JOB_POD = { spec: { containers: [{ name: "c", image: "i" }], restartPolicy: "Never" } };
const WORKLOAD = { selector: { matchLabels: { app: "a" } }, template: POD };
const ROUTE = { hosts: ["a"], http: [{ route: [{ destination: { host: "a" } }], timeout: "5s" }] };
const RULE = {
  host: "a",
  trafficPolicy: {
    loadBalancer: { consistentHash: { httpHeaderName: "x" } },
    connectionPool: { tcp: { maxConnections: 1 } },
  },
};
const ROLE = { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] };
const BINDING = {
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
  subjects: [{ kind: "ServiceAccount", name: "s" }],
};

type Row = readonly [good: object, bad: object, complaint: RegExp];

/** One good and one bad object of each kind: the pinned validators must tell them apart on every Node. */
const ROWS: Readonly<Record<string, Row>> = {
  "v1/Namespace": [{}, { spec: { finalizers: "x" } }, /spec\.finalizers must be array, found "x"/],
  "v1/Service": [
    { spec: { ports: [{ port: 80 }] } },
    { spec: { ports: [{ port: "80" }] } },
    /spec\.ports\[0\]\.port must be integer, found "80"; take the quotes away/,
  ],
  "v1/ConfigMap": [
    { data: { a: "1" } },
    { data: { a: 1 } },
    /data\.a must be string, found 1; put it in quotes: "1"/,
  ],
  "v1/Secret": [{ stringData: { a: "b" } }, { stringData: { a: true } }, /stringData\.a must be string/],
  "v1/ServiceAccount": [
    { automountServiceAccountToken: false },
    { automountServiceAccountToken: "no" },
    /automountServiceAccountToken must be boolean/,
  ],
  "apps/v1/Deployment": [
    { spec: WORKLOAD },
    { spec: { ...WORKLOAD, replicas: "2" } },
    /spec\.replicas must be integer, found "2"; take the quotes away/,
  ],
  "apps/v1/StatefulSet": [
    { spec: { ...WORKLOAD, serviceName: "s" } },
    { spec: { template: POD, serviceName: "s" } },
    /spec needs selector, which is not given; add it/,
  ],
  "apps/v1/DaemonSet": [{ spec: WORKLOAD }, { spec: { template: POD } }, /spec needs selector/],
  "batch/v1/Job": [
    { spec: { template: JOB_POD } },
    { spec: { template: JOB_POD, parallelism: "1" } },
    /spec\.parallelism must be integer/,
  ],
  "batch/v1/CronJob": [
    { spec: { schedule: "* * * * *", jobTemplate: { spec: { template: JOB_POD } } } },
    { spec: { jobTemplate: { spec: { template: JOB_POD } } } },
    /spec needs schedule/,
  ],
  "autoscaling/v2/HorizontalPodAutoscaler": [
    { spec: { maxReplicas: 2, scaleTargetRef: { kind: "Deployment", name: "a" } } },
    { spec: { scaleTargetRef: { kind: "Deployment", name: "a" } } },
    /spec needs maxReplicas/,
  ],
  "policy/v1/PodDisruptionBudget": [
    { spec: { maxUnavailable: "50%" } },
    { spec: { selector: [] } },
    /spec\.selector must be object, found a list/,
  ],
  "networking.k8s.io/v1/NetworkPolicy": [
    { spec: { podSelector: {} } },
    { spec: { podSelector: {}, ingress: {} } },
    /spec\.ingress must be array, found a map/,
  ],
  "networking.k8s.io/v1/Ingress": [
    { spec: { rules: [{ host: "a" }] } },
    { spec: { rules: [{ host: 1 }] } },
    /spec\.rules\[0\]\.host must be string/,
  ],
  "rbac.authorization.k8s.io/v1/Role": [ROLE, { rules: [{ resources: ["pods"] }] }, /rules\[0\] needs verbs/],
  "rbac.authorization.k8s.io/v1/ClusterRole": [ROLE, { rules: [{}] }, /rules\[0\] needs verbs/],
  "rbac.authorization.k8s.io/v1/RoleBinding": [BINDING, { subjects: [] }, /it needs roleRef/],
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": [BINDING, {}, /it needs roleRef/],
  "keda.sh/v1alpha1/ScaledObject": [
    {
      spec: {
        scaleTargetRef: { name: "a" },
        triggers: [{ type: "prometheus", metadata: { threshold: "2" } }],
      },
    },
    {
      spec: { scaleTargetRef: { name: "a" }, triggers: [{ type: "prometheus", metadata: { threshold: 2 } }] },
    },
    /spec\.triggers\[0\]\.metadata\.threshold must be string, found 2; put it in quotes: "2"/,
  ],
  "keda.sh/v1alpha1/TriggerAuthentication": [
    { spec: { secretTargetRef: [{ parameter: "p", name: "n", key: "k" }] } },
    { spec: { secretTargetRef: [{ name: "n", key: "k" }] } },
    /spec\.secretTargetRef\[0\] needs parameter/,
  ],
  ...Object.fromEntries(
    ["v1", "v1beta1", "v1alpha3"].flatMap((version) => [
      [
        `networking.istio.io/${version}/VirtualService`,
        [
          { spec: ROUTE },
          { spec: { ...ROUTE, hosts: "a" } },
          /spec\.hosts must be array, found "a"/,
        ] as const,
      ],
      [
        `networking.istio.io/${version}/DestinationRule`,
        [
          { spec: RULE },
          { spec: { ...RULE, trafficPolicy: { connectionPool: { tcp: { maxConnections: "1" } } } } },
          /maxConnections must be integer, found "1"/,
        ] as const,
      ],
    ]),
  ),
  "networking.istio.io/v1beta1/Gateway": [
    { spec: { servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }] } },
    { spec: { servers: [{ port: { number: 80, name: "http", protocol: "HTTP" } }] } },
    /spec\.servers\[0\] needs hosts/,
  ],
  "security.istio.io/v1/PeerAuthentication": [
    { spec: { mtls: { mode: "STRICT" } } },
    { spec: { mtls: { mode: "ALWAYS" } } },
    /spec\.mtls\.mode .*found "ALWAYS"; allowed: .*STRICT/,
  ],
};

async function complaints(kind: string, body: object): Promise<readonly string[]> {
  const apiVersion = kind.slice(0, kind.lastIndexOf("/"));
  const object = {
    apiVersion,
    kind: kind.slice(kind.lastIndexOf("/") + 1),
    metadata: { name: "it" },
    ...body,
  };
  const problems = new Problems("");
  const node = fromJson(JSON.parse(JSON.stringify(object)), { file: "f.yaml", line: 1, column: 1 });
  await validateAll([node as LocatedMap], problems);
  try {
    problems.throwIfAny();
    return [];
  } catch (error) {
    return (error as InputError).problems;
  }
}

test("every kind that is validated has its two objects here", () => {
  expect(Object.keys(ROWS).sort()).toEqual([...VALIDATED_KINDS].sort());
});

test.each(VALIDATED_KINDS)("%s: a good one passes, a bad one is told", async (kind) => {
  const [good, bad, complaint] = ROWS[kind]!;
  expect(await complaints(kind, good)).toEqual([]);
  const told = await complaints(kind, bad);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(complaint);
});

test("a complaint has the place of the value", async () => {
  const problems = new Problems("deploy/");
  const text = [
    "apiVersion: apps/v1",
    "kind: StatefulSet",
    "metadata: {name: a}",
    "spec:",
    "  selector: {}",
    "  template:",
    "    spec:",
    "      containers:",
    "      - name: c",
    '        ports: [{containerPort: "80"}]',
  ].join("\n");
  const [node] = parseYaml(text, "a.yaml", problems, newBudget());
  await validateAll([node as LocatedMap], problems);
  expect(() => problems.throwIfAny()).toThrow(
    'deploy/a.yaml:10:33: StatefulSet a: spec.template.spec.containers[0].ports[0].containerPort must be integer, found "80"; take the quotes away',
  );
});

test("a word that YAML takes for a boolean is shown as it was written", async () => {
  const problems = new Problems("");
  const text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {debug: on}}";
  const [node] = parseYaml(text, "a.yaml", problems, newBudget());
  await validateAll([node as LocatedMap], problems);
  expect(() => problems.throwIfAny()).toThrow(
    'data.debug must be string, found on, which YAML reads as true; put it in quotes: "on"',
  );
});

test("a kind that nobody knows is let through", async () => {
  expect(await complaints("example.com/v1/Thing", { spec: 1 })).toEqual([]);
});
