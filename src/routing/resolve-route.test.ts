/** Each row is a way of writing the manifests and what the caller's sidecar makes of it. */
import { describe, expect, test } from "vitest";
import type { ResolveInput } from "./resolve-route.ts";
import {
  fqdn,
  service,
  rule,
  port,
  byHeader,
  hashing,
  to,
  via,
  resolve,
  brief,
  headless,
} from "./test-kit.ts";

type Row = readonly [
  name: string,
  input: Partial<ResolveInput>,
  expected: readonly string[],
  because: RegExp,
];

const rows: readonly Row[] = [
  ["nothing but a Service", {}, ["EDS", "LEAST_REQUEST", "", "other hosts"], /default LEAST_REQUEST/],
  [
    "consistentHash without a VirtualService: hashed, retries move on (R20)",
    { destinationRules: [hashing()] },
    ["EDS", "RING_HASH", "header", "other hosts"],
    /RING_HASH, minimum_ring_size 1024/,
  ],
  [
    "consistentHash and one destination: retries stay (R19)",
    { destinationRules: [hashing()], virtualServices: [via()] },
    ["EDS", "RING_HASH", "header", "same host"],
    /spec\.http\[0\] routes the calls/,
  ],
  [
    "headless: ORIGINAL_DST, the hash policy is there all the same (R1)",
    { services: headless, destinationRules: [hashing()], virtualServices: [via()] },
    ["ORIGINAL_DST", "CLUSTER_PROVIDED", "header", "same host"],
    /clusterIP None.*ORIGINAL_DST/,
  ],
  [
    "headless with PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES",
    { services: headless, destinationRules: [hashing()], edsForHeadless: true },
    ["EDS", "RING_HASH", "header", "other hosts"],
    /PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES/,
  ],
  [
    "a TCP-class port name: no header is seen (R2)",
    { services: [service("api", port("tcp-api"))], destinationRules: [hashing()] },
    ["EDS", "RING_HASH", "", "no retries"],
    /TCP class/,
  ],
  [
    "a TCP-class appProtocol beats the port's name",
    { services: [service("api", port("http", "redis"))], destinationRules: [hashing()] },
    ["EDS", "RING_HASH", "", "no retries"],
    /appProtocol redis/,
  ],
  [
    "source IP works on a TCP-class port",
    {
      services: [service("api", port("mysql"))],
      destinationRules: [
        rule({ host: "api", trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true } } } }),
      ],
    },
    ["EDS", "RING_HASH", "source_ip", "no retries"],
    /TCP class/,
  ],
  [
    "an unnamed port is sniffed (R3)",
    { services: [service("api", port(null))], destinationRules: [hashing()] },
    ["EDS", "RING_HASH", "header", "other hosts"],
    /not a known protocol/,
  ],
  [
    "the rule is on the called name, the route leads elsewhere (R4)",
    {
      services: [service("api", { headless: true }), service("api-lb")],
      destinationRules: [hashing("api")],
      virtualServices: [rule({ hosts: ["api"], http: [{ route: to("api-lb") }] })],
    },
    ["EDS", "LEAST_REQUEST", "", "other hosts"],
    /is for api\.shop\.svc\.cluster\.local, which no destination names/,
  ],
  [
    "the client's URL kept, the route leads to a Service with an address (2.6 B)",
    {
      services: [service("api", { headless: true }), service("api-lb")],
      destinationRules: [hashing("api-lb")],
      virtualServices: [rule({ hosts: ["api"], http: [{ route: to("api-lb") }] })],
    },
    ["EDS", "RING_HASH", "header", "same host"],
    /RING_HASH/,
  ],
  [
    "portLevelSettings without loadBalancer replace the cluster's policy, not the route's (R5)",
    { destinationRules: [hashing("api", { portLevelSettings: [{ port: { number: 8000 } }] })] },
    ["EDS", "LEAST_REQUEST", "header", "other hosts"],
    /the route has a hash policy, cluster .* is LEAST_REQUEST: nothing hashes/,
  ],
  [
    "a hash only at port level, a destination without a port number (R6)",
    {
      destinationRules: [
        rule({
          host: "api",
          trafficPolicy: { portLevelSettings: [{ port: { number: 8000 }, ...byHeader }] },
        }),
      ],
      virtualServices: [via({ route: [{ destination: { host: "api" } }] })],
    },
    ["EDS", "RING_HASH", "", "other hosts"],
    /the route has no hash policy: a random pod each time/,
  ],
  [
    "the same without a VirtualService hashes",
    {
      destinationRules: [
        rule({
          host: "api",
          trafficPolicy: { portLevelSettings: [{ port: { number: 8000 }, ...byHeader }] },
        }),
      ],
    },
    ["EDS", "RING_HASH", "header", "other hosts"],
    /RING_HASH/,
  ],
  [
    "a subset with its own simple balancer (R7)",
    {
      destinationRules: [
        rule({
          host: "api",
          trafficPolicy: byHeader,
          subsets: [{ name: "v1", trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } }],
        }),
      ],
      virtualServices: [via({ route: [{ destination: { host: "api", subset: "v1" } }] })],
    },
    ["EDS", "ROUND_ROBIN", "header", "same host"],
    /nothing hashes/,
  ],
  [
    "a subset that no rule defines",
    { virtualServices: [via({ route: [{ destination: { host: "api", subset: "v9" } }] })] },
    ["EDS", "LEAST_REQUEST", "", "other hosts"],
    /no such cluster \(503 NC\)/,
  ],
  [
    "simple PASSTHROUGH (R8)",
    { destinationRules: [rule({ host: "api", trafficPolicy: { loadBalancer: { simple: "PASSTHROUGH" } } })] },
    ["ORIGINAL_DST", "CLUSTER_PROVIDED", "", "other hosts"],
    /PASSTHROUGH/,
  ],
  [
    "two weighted destinations: both hashes, retries may move (R9)",
    {
      services: [service("api"), service("next")],
      destinationRules: [hashing("api"), hashing("next")],
      virtualServices: [
        via({
          route: [
            { ...to("api")[0], weight: 90 },
            { ...to("next")[0], weight: 10 },
          ],
        }),
      ],
    },
    ["EDS", "RING_HASH", "header,header", "other hosts"],
    /2 weighted destinations/,
  ],
  [
    "the route edits the hashed header (R11)",
    {
      destinationRules: [hashing()],
      virtualServices: [via({ headers: { request: { set: { "X-Tenant-Id": "fixed" } } } })],
    },
    ["EDS", "RING_HASH", "header", "same host"],
    /x-tenant-id is edited by the route before it is hashed/,
  ],
  [
    "an empty header name: the whole table is refused (R27)",
    {
      destinationRules: [
        rule({ host: "api", trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: "" } } } }),
      ],
    },
    ["none", "none", "", "no retries"],
    /404 NR/,
  ],
  [
    "a VirtualService for a gateway only (R30)",
    { destinationRules: [hashing()], virtualServices: [via({}, { gateways: ["edge"] })] },
    ["EDS", "RING_HASH", "header", "other hosts"],
    /without mesh: sidecars ignore it/,
  ],
  [
    "a VirtualService for a gateway and the mesh",
    { destinationRules: [hashing()], virtualServices: [via({}, { gateways: ["edge", "mesh"] })] },
    ["EDS", "RING_HASH", "header", "same host"],
    /routes the calls/,
  ],
  [
    "a VirtualService exported only to another namespace (R30)",
    { destinationRules: [hashing()], virtualServices: [via({}, { exportTo: ["other"] })] },
    ["EDS", "RING_HASH", "header", "other hosts"],
    /not exported to shop/,
  ],
  [
    "a DestinationRule exported only to another namespace (R30)",
    { destinationRules: [rule({ ...hashing().spec, exportTo: ["other"] })] },
    ["EDS", "LEAST_REQUEST", "", "other hosts"],
    /default LEAST_REQUEST/,
  ],
  [
    "a DestinationRule in a third namespace does not count (R30)",
    { destinationRules: [rule({ ...hashing(fqdn("api")).spec }, { namespace: "third" })] },
    ["EDS", "LEAST_REQUEST", "", "other hosts"],
    /default LEAST_REQUEST/,
  ],
  [
    "the caller's own DestinationRule beats the Service's",
    {
      callerNamespace: "web",
      destinationRules: [
        hashing(),
        rule(
          { host: fqdn("api"), trafficPolicy: { loadBalancer: { simple: "RANDOM" } } },
          { namespace: "web", name: "own" },
        ),
      ],
    },
    ["EDS", "RANDOM", "", "other hosts"],
    /web\/own/,
  ],
  [
    "an exact host beats a wildcard",
    {
      destinationRules: [
        rule({ host: "*.shop.svc.cluster.local", trafficPolicy: { loadBalancer: { simple: "RANDOM" } } }),
        hashing(),
      ],
    },
    ["EDS", "RING_HASH", "header", "other hosts"],
    /RING_HASH/,
  ],
  [
    "a host with one dot is no short name",
    { destinationRules: [hashing("api.shop")] },
    ["EDS", "LEAST_REQUEST", "", "other hosts"],
    /default LEAST_REQUEST/,
  ],
  [
    "a rule for api says nothing about api-headless",
    { services: [service("api-headless", { headless: true })], destinationRules: [hashing("api")] },
    ["ORIGINAL_DST", "CLUSTER_PROVIDED", "", "other hosts"],
    /Service api-headless has clusterIP None/,
  ],
  [
    "a destination that does not exist",
    { virtualServices: [via({ route: to("apu") })] },
    ["EDS", "LEAST_REQUEST", "", "other hosts"],
    /no Service apu\.shop\.svc\.cluster\.local/,
  ],
  [
    "Maglev",
    {
      destinationRules: [
        rule({
          host: "api",
          trafficPolicy: {
            loadBalancer: { consistentHash: { httpHeaderName: "a", maglev: { tableSize: "1021" } } },
          },
        }),
      ],
    },
    ["EDS", "MAGLEV", "header", "other hosts"],
    /table of 1021/,
  ],
  [
    "conditions on the request are not followed; the unconditional route is taken",
    {
      destinationRules: [hashing()],
      virtualServices: [
        rule({
          hosts: ["api"],
          http: [
            { match: [{ headers: { "x-canary": { exact: "1" } } }], route: to("next") },
            { match: [{ uri: { prefix: "/" } }], route: to("api") },
          ],
        }),
      ],
    },
    ["EDS", "RING_HASH", "header", "same host"],
    /spec\.http\[0\] matches only some requests/,
  ],
];

describe("resolveRoutes()", () => {
  test.each(rows)("%s", (_, input, expected, because) => {
    const route = resolve(input);
    expect(brief(route)).toEqual(expected);
    expect(route.because.join("\n")).toMatch(because);
  });
});
