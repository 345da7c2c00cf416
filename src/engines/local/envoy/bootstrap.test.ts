/** What Envoy is configured with, for the shapes of routes and clusters that there are. */
import { expect, test } from "vitest";
import type { ResolvedCluster, ResolvedRoute } from "../../../routing/types.ts";
import { defaultRetryPolicy } from "../../../routing/virtual-service.ts";
import { loadTopology } from "../../../topology/load.ts";
import { envoyBootstrap } from "./bootstrap.ts";
import { clusterConfig, endpointsResponse } from "./cluster-config.ts";
import { filterChain } from "./route-config.ts";

const cluster = (over: Partial<ResolvedCluster> = {}): ResolvedCluster => ({
  name: "outbound|8000||api.shop.svc.cluster.local",
  service: "api.shop.svc.cluster.local",
  port: 8000,
  type: "EDS",
  lbPolicy: "RING_HASH",
  minimumRingSize: 1024,
  maximumRingSize: 8_388_608,
  tableSize: 65_537,
  circuitBreakers: {
    maxConnections: 100,
    maxPendingRequests: Infinity,
    maxRequests: Infinity,
    maxRetries: Infinity,
  },
  connectTimeoutMs: 10_000,
  ...over,
});
const route = (over: Partial<ResolvedRoute> = {}): ResolvedRoute => ({
  host: "api.shop.svc.cluster.local",
  port: 8000,
  destinations: [{ weight: 100, cluster: cluster() }],
  hashPolicies: [{ kind: "header", headerName: "x-tenant-id" }],
  retryPolicy: null,
  timeoutMs: 0,
  because: [],
  ...over,
});
const options = { endpointsFolder: "/run/eds", speed: 1 };

test.each([
  ["a ring", {}, { type: "EDS", lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: 1024 } }],
  [
    "a Maglev table",
    { lbPolicy: "MAGLEV", tableSize: 251 },
    { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 251 } },
  ],
  ["no hashing", { lbPolicy: "LEAST_REQUEST" }, { lb_policy: "LEAST_REQUEST" }],
  [
    "a headless Service",
    { type: "ORIGINAL_DST", lbPolicy: "CLUSTER_PROVIDED" },
    { type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED" },
  ],
  [
    "limits, those that nobody gave as Istio writes them",
    {},
    { circuit_breakers: { thresholds: [{ max_connections: 100, max_requests: 4_294_967_295 }] } },
  ],
  [
    "no panic: an unready pod gets nothing",
    {},
    { common_lb_config: { healthy_panic_threshold: { value: 0 } } },
  ],
] as const)("a cluster: %s", (_what, over, expected) => {
  expect(clusterConfig(cluster(over), options)).toMatchObject(expected);
});

test("the override replaces the balancer of hashing clusters alone", () => {
  const random = { ...options, overrideLbPolicy: "RANDOM" } as const;
  expect(clusterConfig(cluster(), random)).toMatchObject({ lb_policy: "RANDOM" });
  expect(clusterConfig(cluster({ lbPolicy: "ROUND_ROBIN" }), random)).toMatchObject({
    lb_policy: "ROUND_ROBIN",
  });
});

test.each([
  [1, "10s"],
  [5, "2s"],
  [20, "1s"],
])("at speed %i a connect time-out of 10 s is %s, a real second at the least", (speed, expected) => {
  expect(clusterConfig(cluster(), { ...options, speed })).toMatchObject({ connect_timeout: expected });
});

test("an endpoint is reached where it listens and hashed by its address in the cluster", () => {
  const endpoint = {
    address: "10.244.0.7:8000",
    pod: "api-0",
    bindAddress: "127.64.0.9",
    bindPort: 8000,
    weight: 3,
    ready: false,
  };
  expect(endpointsResponse("api.shop.svc.cluster.local", 7, [endpoint])).toMatchObject({
    version_info: "7",
    resources: [
      {
        cluster_name: "api.shop.svc.cluster.local",
        endpoints: [
          {
            lb_endpoints: [
              {
                endpoint: { address: { socket_address: { address: "127.64.0.9", port_value: 8000 } } },
                load_balancing_weight: 3,
                health_status: "UNHEALTHY",
                metadata: { filter_metadata: { "envoy.lb": { hash_key: "10.244.0.7:8000" } } },
              },
            ],
          },
        ],
      },
    ],
  });
});

type HttpFilter = {
  readonly typed_config: {
    readonly route_config: { readonly virtual_hosts: readonly [{ readonly routes: readonly unknown[] }] };
  };
};
const routesOf = (given: ResolvedRoute, speed = 1): readonly unknown[] => {
  const [filter] = filterChain(given, speed)["filters"] as unknown as readonly [HttpFilter];
  return filter.typed_config.route_config.virtual_hosts[0].routes;
};
const other = cluster({ name: "outbound|8000|b|api.shop.svc.cluster.local" });

test.each<readonly [string, Partial<ResolvedRoute>, object]>([
  [
    "one destination",
    {},
    {
      route: {
        cluster: "outbound|8000||api.shop.svc.cluster.local",
        host_rewrite_literal: "api.shop.svc.cluster.local:8000",
        hash_policy: [{ header: { header_name: "x-tenant-id" } }],
        timeout: "0s",
      },
    },
  ],
  [
    "weights",
    {
      destinations: [
        { weight: 90, cluster: cluster() },
        { weight: 10, cluster: other },
      ],
    },
    { route: { weighted_clusters: { clusters: [{ weight: 90 }, { name: other.name, weight: 10 }] } } },
  ],
  [
    "a destination's header edits, a percent sign in them",
    {
      destinations: [
        {
          weight: 1,
          cluster: cluster(),
          requestHeaders: { set: { a: "5%" }, add: { b: "" }, remove: ["c"] },
        },
      ],
    },
    {
      route: {
        weighted_clusters: {
          clusters: [
            {
              request_headers_to_add: [
                { header: { key: "a", value: "5%%" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
                { header: { key: "b", value: "" }, append_action: "APPEND_IF_EXISTS_OR_ADD" },
              ],
              request_headers_to_remove: ["c"],
            },
          ],
        },
      },
    },
  ],
  [
    "Istio's default retries off the tried hosts",
    { retryPolicy: defaultRetryPolicy(true) },
    {
      route: {
        retry_policy: {
          num_retries: 2,
          host_selection_retry_max_attempts: 5,
          retry_host_predicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
          retry_back_off: { base_interval: "0.025s", max_interval: "0.25s" },
        },
      },
    },
  ],
  [
    "every kind of hash policy",
    {
      hashPolicies: [
        { kind: "cookie", name: "id", path: "/", ttlSeconds: 60 },
        { kind: "source_ip" },
        { kind: "query_parameter", name: "t" },
      ],
    },
    {
      route: {
        hash_policy: [
          { cookie: { name: "id", path: "/", ttl: "60s" } },
          { connection_properties: { source_ip: true } },
          { query_parameter: { name: "t" } },
        ],
      },
    },
  ],
])("a route: %s", (_what, over, expected) => {
  expect(routesOf(route(over))).toMatchObject([expected]);
});

test("no destination: a virtual host without routes, which answers 404", () => {
  expect(routesOf(route({ destinations: [] }))).toEqual([]);
});

test("a TCP port is proxied as bytes, hashed by the source address if at all", () => {
  const chain = filterChain(route({ protocol: "tcp", hashPolicies: [{ kind: "source_ip" }] }), 1);
  expect(chain).toMatchObject({
    filters: [
      {
        name: "envoy.filters.network.tcp_proxy",
        typed_config: { cluster: cluster().name, hash_policy: [{ source_ip: {} }] },
      },
    ],
  });
});

test("the test topology: a cluster for each Service, one listener for each port, PROXY protocol where asked", async () => {
  const { routes } = await loadTopology({ path: "k8s/test-topology" });
  const listeners = routes.map((one, index) => ({
    route: one,
    proxyProtocol: one.host.includes("headless"),
    bindAddress: `127.64.1.${index}`,
    bindPort: one.port,
  }));
  const admin = { bindAddress: "127.64.1.99", bindPort: 15_000 };
  const bootstrap = envoyBootstrap({ node: "gateway", listeners, admin, ...options });
  const { static_resources: resources } = bootstrap as {
    readonly static_resources: {
      readonly listeners: readonly { readonly listener_filters: readonly unknown[] }[];
      readonly clusters: readonly { readonly name: string; readonly type: string }[];
    };
  };
  expect(resources.listeners.filter((one) => one.listener_filters.length === 1)).toHaveLength(3);
  expect(resources.clusters).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ lb_policy: "RING_HASH", type: "EDS" }),
      expect.objectContaining({ lb_policy: "CLUSTER_PROVIDED", type: "ORIGINAL_DST" }),
    ]),
  );
  const names = resources.clusters.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
