/** Demonstrations of the routing rules. */
import type { Code } from "../rule.ts";
import {
  BALANCER,
  DESTINATION,
  HASH,
  HOST,
  METADATA,
  OWN_POD,
  PORT_LEVEL,
  ROUTE,
  RULE,
  SCALER,
  SERVICE,
  UNPROBED,
  USED,
  hash,
  restart,
  unbalanced,
  wake,
} from "./parts.ts";
import type { Show } from "./show.ts";

export const ROUTING_SHOWS: Readonly<Record<Code, Show>> = {
  "LIMPET-R101": unbalanced({ object: SERVICE, at: ["spec", "clusterIP"], value: "None" }),
  "LIMPET-R102": unbalanced({ object: SERVICE, at: ["spec", "ports", 0, "name"], value: "tcp-api" }),
  "LIMPET-R104": hash(OWN_POD, {
    object: RULE,
    at: ["spec", "host"],
    value: "test-api-small-headless.percolate-test.svc.cluster.local",
  }),
  "LIMPET-R105": hash(OWN_POD, {
    object: RULE,
    at: PORT_LEVEL,
    value: [{ port: { number: 8000 }, connectionPool: { tcp: { maxConnections: 512 } } }],
  }),
  "LIMPET-R106": hash(
    OWN_POD,
    { object: RULE, at: BALANCER },
    {
      object: RULE,
      at: PORT_LEVEL,
      value: [
        { port: { number: 8000 }, loadBalancer: { consistentHash: { httpHeaderName: "x-tenant-id" } } },
      ],
    },
    { object: ROUTE, at: [...DESTINATION, "port"] },
  ),
  "LIMPET-R107": hash(
    OWN_POD,
    {
      object: RULE,
      at: ["spec", "subsets"],
      value: [
        {
          name: "all",
          labels: { tier: "small" },
          trafficPolicy: { loadBalancer: { simple: "RANDOM" } },
        },
      ],
    },
    { object: ROUTE, at: [...DESTINATION, "subset"], value: "all" },
  ),
  "LIMPET-R108": unbalanced({
    object: RULE,
    at: PORT_LEVEL,
    value: [{ port: { number: 8000 }, loadBalancer: { simple: "PASSTHROUGH" } }],
  }),
  "LIMPET-R109": {
    ...hash(OWN_POD, {
      object: ROUTE,
      at: ["spec", "http", 0, "route"],
      value: [
        { destination: { host: HOST, port: { number: 8000 } }, weight: 50 },
        {
          destination: { host: "test-api-small-b.percolate-test.svc.cluster.local", port: { number: 8000 } },
          weight: 50,
        },
      ],
    }),
    objects: `
apiVersion: v1
kind: Service
metadata: {name: test-api-small-b, namespace: percolate-test}
spec:
  selector: {app: test-api, tier: small}
  ports: [{name: http, port: 8000, targetPort: 8000}]
`,
  },
  "LIMPET-R110": hash(OWN_POD, { object: RULE, at: [...HASH, "httpHeaderName"], value: "x-user" }),
  "LIMPET-R111": hash(USED, {
    object: ROUTE,
    at: ["spec", "http", 0, "headers"],
    value: { request: { set: { "x-tenant-id": "shop" } } },
  }),
  "LIMPET-R117": restart({ object: SERVICE, at: ["spec", "publishNotReadyAddresses"], value: true }),
  "LIMPET-R120": {
    scenario: "home",
    check: OWN_POD,
    slow: true,
    changes: [
      { object: ROUTE, at: ["spec", "hosts"], value: ["elsewhere.percolate-test.svc.cluster.local"] },
    ],
    given: UNPROBED,
  },
  "LIMPET-R127": wake({ object: RULE, at: [...HASH, "httpHeaderName"], value: "" }),
  "LIMPET-R128": {
    scenario: "share",
    check: USED,
    changes: [{ object: SCALER, at: [...METADATA, "threshold"], value: "1" }],
    given: [{ object: SCALER, at: [...METADATA, "threshold"], value: "5" }],
  },
  "LIMPET-R129": wake(
    { object: SERVICE, at: ["spec", "clusterIP"], value: "None" },
    { object: SERVICE, at: ["spec", "ports", 0, "port"], value: 8000 },
    { object: SERVICE, at: ["spec", "ports", 0, "targetPort"], value: 8001 },
  ),
  "LIMPET-R130": hash(OWN_POD, { object: RULE, at: ["spec", "exportTo"], value: ["elsewhere"] }),
  "LIMPET-R131": wake({ object: ROUTE, at: [...DESTINATION, "port", "number"], value: 8080 }),
  "LIMPET-R132": hash(OWN_POD, {
    object: RULE,
    at: ["spec", "host"],
    value: "test-api-small.percolate-test",
  }),
  "LIMPET-R133": hash("requests answered", {
    object: RULE,
    at: ["spec", "trafficPolicy", "connectionPool"],
    value: { tcp: { maxConnections: 1 }, http: { http2MaxRequests: 1, http1MaxPendingRequests: 1 } },
  }),
  "LIMPET-R134": {
    ...wake(),
    objects: `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a-second, namespace: percolate-test}
spec:
  hosts: [${HOST}]
  http: [{route: [{destination: {host: nowhere.percolate-test.svc.cluster.local}}], timeout: 10s}]
`,
  },
  "LIMPET-R135": hash(OWN_POD, {
    object: RULE,
    at: ["spec", "host"],
    value: "test-api-smal.percolate-test.svc.cluster.local",
  }),
  "LIMPET-R136": hash(OWN_POD, { object: RULE, at: HASH, value: { maglev: { tableSize: 65537 } } }),
  "LIMPET-R137": hash(USED, { object: RULE, at: HASH, value: { useSourceIp: true } }),
  "LIMPET-R138": hash(
    OWN_POD,
    { object: RULE, at: BALANCER },
    {
      object: RULE,
      at: ["spec", "subsets"],
      value: [
        {
          name: "all",
          labels: { tier: "small" },
          trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: "x-tenant-id" } } },
        },
      ],
    },
  ),
};
