import { describe, expect, test } from "vitest";
import type { Container, JsonObject, Service, Workload } from "./types.ts";
import { readService } from "./read-objects.ts";
import { withServingPortsFirst } from "./serving-ports.ts";

const manifest = (name: string, body: JsonObject) => ({
  apiVersion: "v1",
  kind: "Service",
  name,
  namespace: "shop",
  labels: {},
  annotations: {},
  body,
  at: () => ({ file: "", line: 1, column: 1 }),
});
const service = (name: string, ports: JsonObject[]): Service =>
  readService(manifest(name, { spec: { selector: { app: "api" }, ports } }));

const workload = (name: string, ports: Container["ports"], env: string[] = []): Workload => ({
  kind: "Deployment",
  name,
  namespace: "shop",
  replicas: 1,
  podManagementPolicy: "Parallel",
  minReadySeconds: 0,
  terminationGracePeriodSeconds: 30,
  serviceName: null,
  podLabels: { app: name },
  podAnnotations: {},
  container: {
    name: "main",
    image: "x",
    env: env.map((value, i) => ({ name: `V${i}`, value })),
    ports,
    readinessProbe: null,
    startupProbe: null,
    livenessProbe: null,
    preStopSleepSeconds: 0,
  },
  manifest: manifest(name, {}),
});

const firstPorts = (ports: JsonObject[], containerPorts: Container["ports"], env: string[] = []) => {
  const objects = {
    services: [service("api", ports)],
    workloads: [workload("api", containerPorts), workload("edge", [], env)],
  };
  const { services, workloads } = withServingPortsFirst(objects);
  return [
    services[0]!.ports[0]!.port,
    workloads[0]!.container.ports.map(({ containerPort }) => containerPort),
  ];
};

const METRICS = { name: "http-metrics", port: 9100, targetPort: 9100 };

describe("where requests go", () => {
  test.each<[string, JsonObject[], number[], string[], unknown]>([
    ["one port", [{ name: "http", port: 80, targetPort: 8080 }], [8080], [], [80, [8080]]],
    [
      "metrics written first",
      [METRICS, { name: "http", port: 80, targetPort: 8080 }],
      [9100, 8080],
      [],
      [80, [8080, 9100]],
    ],
    [
      "a port by HTTP's name",
      [
        { name: "raw", port: 1 },
        { name: "http", port: 80 },
      ],
      [],
      [],
      [80, [80]],
    ],
    [
      "the port that somebody calls, whatever its name",
      [
        { name: "http", port: 80, targetPort: 8080 },
        { name: "admin", port: 81, targetPort: 8081 },
      ],
      [8080, 8081],
      ["http://api.shop:81/x"],
      [81, [8081, 8080]],
    ],
    [
      "a container that declares no port",
      [METRICS, { name: "web", port: 80, targetPort: 3000 }],
      [],
      [],
      [80, [3000]],
    ],
    [
      "a targetPort that is none of the declared: left as it is",
      [{ port: 80, targetPort: 8001 }],
      [8000],
      [],
      [80, [8000]],
    ],
  ])("%s", (_, ports, containerPorts, env, expected) => {
    const declared = containerPorts.map((containerPort) => ({ name: null, containerPort }));
    expect(firstPorts(ports, declared, env)).toEqual(expected);
  });
});
