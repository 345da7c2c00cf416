/** Limits, retries, time limits, header edits and hash keys of a resolved route. */
import { describe, expect, test } from "vitest";
import {
  fqdn,
  service,
  rule,
  hashing,
  to,
  via,
  resolveAll,
  resolve,
  brief,
  byHeader,
  headless,
} from "./test-kit.ts";

describe("resolveRoutes()", () => {
  test("the topology under study: limits, retries, names", () => {
    const pool = {
      tcp: { maxConnections: 100 },
      http: { http1MaxPendingRequests: 50, http2MaxRequests: 100 },
    };
    const host = fqdn("api");
    const [route] = resolveAll({
      destinationRules: [hashing(host, { connectionPool: pool })],
      virtualServices: [rule({ hosts: [host], http: [{ route: to(host) }] })],
    });
    expect(route).toMatchObject({
      host,
      port: 8000,
      timeoutMs: 0,
      hashPolicies: [{ kind: "header", headerName: "x-tenant-id" }],
      retryPolicy: {
        numRetries: 2,
        retryOn: ["connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"],
        retriableStatusCodes: [],
        hostSelectionRetryMaxAttempts: 5,
      },
      destinations: [
        {
          weight: 100,
          cluster: {
            name: `outbound|8000||${host}`,
            minimumRingSize: 1024,
            maximumRingSize: 8_388_608,
            connectTimeoutMs: 10_000,
            circuitBreakers: {
              maxConnections: 100,
              maxPendingRequests: 50,
              maxRequests: 100,
              maxRetries: Infinity,
            },
          },
        },
      ],
    });
  });

  test("connectionPool holds on a headless Service's cluster too", () => {
    const route = resolve({
      services: headless,
      destinationRules: [
        hashing("api", { connectionPool: { tcp: { maxConnections: 3, connectTimeout: "1s" } } }),
      ],
    });
    const { circuitBreakers, connectTimeoutMs } = route.destinations[0]!.cluster;
    expect([circuitBreakers.maxConnections, circuitBreakers.maxRequests, connectTimeoutMs]).toEqual([
      3,
      Infinity,
      1000,
    ]);
  });

  test.each([
    ["left out", {}, 2, "same host"],
    ["attempts left out", { retries: {} }, null, "no retries"],
    ["attempts 0", { retries: { attempts: 0 } }, null, "no retries"],
    ["attempts 5", { retries: { attempts: 5 } }, 5, "same host"],
    ["other hosts asked for", { retries: { attempts: 1, retryIgnorePreviousHosts: true } }, 1, "other hosts"],
  ])("retries %s", (_, http, numRetries, hosts) => {
    const route = resolve({ destinationRules: [hashing()], virtualServices: [via(http)] });
    expect([route.retryPolicy?.numRetries ?? null, brief(route)[3]]).toEqual([numRetries, hosts]);
  });

  test("status codes in retryOn, per-try and route time limits", () => {
    const retries = { attempts: 3, retryOn: "gateway-error,503", perTryTimeout: "250ms" };
    const route = resolve({ virtualServices: [via({ retries, timeout: "1m30s" })] });
    expect(route.timeoutMs).toBe(90_000);
    expect(route.retryPolicy).toMatchObject({
      retryOn: ["gateway-error", "retriable-status-codes"],
      retriableStatusCodes: [503],
      perTryTimeoutMs: 250,
    });
  });

  test("a destination of weight 0 is dropped, yet the route no longer counts as one with a single destination", () => {
    const route = resolve({
      services: [service("api"), service("next")],
      destinationRules: [hashing("api")],
      virtualServices: [
        via({
          route: [
            { ...to("api")[0], weight: 100 },
            { ...to("next")[0], weight: 0 },
          ],
        }),
      ],
    });
    expect(route.destinations).toHaveLength(1);
    expect(brief(route)[3]).toBe("other hosts");
  });

  test("header edits of route and destination", () => {
    const route = resolve({
      virtualServices: [
        via({
          headers: { response: { remove: ["X-Secret"] } },
          route: [{ ...to("api")[0], headers: { request: { add: { "X-A": "1" } } } }],
        }),
      ],
    });
    expect(route.responseHeaders?.remove).toEqual(["x-secret"]);
    expect(route.destinations[0]!.requestHeaders?.add).toEqual({ "x-a": "1" });
  });

  test.each([
    [
      { httpCookie: { name: "s", ttl: "0s", path: "/" } },
      { kind: "cookie", name: "s", ttlSeconds: 0, path: "/" },
    ],
    [{ httpCookie: { name: "s" } }, { kind: "cookie", name: "s" }],
    [{ httpQueryParameterName: "q" }, { kind: "query_parameter", name: "q" }],
    [{ useSourceIp: true }, { kind: "source_ip" }],
  ])("hash key %j", (consistentHash, policy) => {
    const route = resolve({
      destinationRules: [rule({ host: "api", trafficPolicy: { loadBalancer: { consistentHash } } })],
    });
    expect(route.hashPolicies).toEqual([policy]);
  });

  test("of two VirtualServices for one host the first by name counts, however they are listed", () => {
    const [early, late] = [
      { ...via({ timeout: "1s" }), name: "a" },
      { ...via({ timeout: "2s" }), name: "b" },
    ];
    for (const virtualServices of [
      [early, late],
      [late, early],
    ])
      expect(resolve({ virtualServices }).timeoutMs).toBe(1000);
  });

  test("two DestinationRules for one host are one: the first by name gives the policy, subsets add up", () => {
    const hashed = rule({ host: "api", trafficPolicy: byHeader, subsets: [{ name: "v1" }] }, { name: "a" });
    const random = { loadBalancer: { simple: "RANDOM" } };
    const other = rule({ host: "api", trafficPolicy: random, subsets: [{ name: "v2" }] }, { name: "b" });
    for (const destinationRules of [
      [hashed, other],
      [other, hashed],
    ])
      expect(brief(resolve({ destinationRules }))).toEqual(brief(resolve({ destinationRules: [hashed] })));
    const late = { ...hashed, name: "c" };
    expect(brief(resolve({ destinationRules: [late, other] }))).toEqual(
      brief(resolve({ destinationRules: [other] })),
    );
  });

  test("a route for each port of each Service", () => {
    const two = [
      { name: "http", port: 80, appProtocol: null },
      { name: "grpc-web", port: 81, appProtocol: null },
    ];
    const routes = resolveAll({ services: [service("a", { ports: two }), service("b")] });
    expect(routes.map(({ host, port }) => `${host}:${port}`)).toEqual([
      `${fqdn("a")}:80`,
      `${fqdn("a")}:81`,
      `${fqdn("b")}:8000`,
    ]);
  });
});
