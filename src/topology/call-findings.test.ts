import { describe, expect, test } from "vitest";
import type { JsonObject, Manifest, Service, Workload } from "./types.ts";
import { callFindings } from "./call-findings.ts";
import { readService } from "./read-objects.ts";

const manifest = (name: string, body: JsonObject, file = `${name}.yaml`): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  name,
  namespace: "shop",
  labels: {},
  annotations: {},
  body,
  at: (...path) => ({ file, line: path.includes("env") ? 30 : 9, column: 1 }),
});

const service = (name: string, spec: JsonObject): Service => readService(manifest(name, { spec }));
const API = service("api", { selector: { app: "api" }, ports: [{ port: 8000 }] });
const PEERS = service("api-peers", { clusterIP: "None", selector: { app: "api" }, ports: [{ port: 8000 }] });
const EMPTY = service("search", { selector: { app: "serach" }, ports: [{ port: 80 }] });
const OUTSIDE = service("db", { ports: [{ port: 5432 }] });

const workload = (name: string, env: Readonly<Record<string, string>> = {}): Workload => ({
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
    env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
    ports: [],
    readinessProbe: null,
    startupProbe: null,
    livenessProbe: null,
    preStopSleepSeconds: 0,
  },
  manifest: manifest(name, {}),
});

const found = (address: string): string[] => {
  const edge = workload("edge", { API: address, AGAIN: `first=${address}` });
  const objects = { workloads: [edge, workload("api")], services: [API, PEERS, EMPTY, OUTSIDE] };
  const entry = { workload: edge, service: API, container: edge.container };
  return callFindings(entry, objects).map(
    ({ file, line, message, remedy }) => `${file}:${line}: ${message}; ${remedy}`,
  );
};

describe("what the entry calls", () => {
  test.each([
    ["is there", "http://api:8000/x"],
    ["is there by its full name", "http://api.shop.svc.cluster.local:8000"],
    ["is headless, where the port is the pod's", "http://api-peers:9"],
    ["is elsewhere", "https://audit.example.com"],
    ["is in another namespace", "http://api.other:8000"],
    ["has endpoints of its own, no selector", "postgres://u:p@db:5432/x"],
    ["is no address", "api"],
  ])("%s: nothing to find", (_, address) => expect(found(address)).toEqual([]));

  test.each([
    [
      "a port that the Service lacks",
      "http://api.shop:8001",
      "edge.yaml:30: API names port 8001 of Service api, which has 8000; use port 8000",
    ],
    ["the scheme's port", "http://api/", "API names port 80 of Service api, which has 8000"],
    [
      "a slip of the pen",
      "http://apii.shop.svc:8000",
      "API names apii.shop.svc, and there is no Service apii in namespace shop; did you mean api?",
    ],
    [
      "a Service without pods",
      "http://search",
      "search.yaml:9: Service search, which the entry calls, selects no pods: no workload in namespace shop has app=serach",
    ],
  ])("%s", (_, address, said) => {
    expect(found(address)[0]).toContain(said);
  });

  test("one Service without pods is told once, however often it is named", () => {
    expect(found("http://search")).toHaveLength(1);
  });
});
