/** Balancers, the attempt loop, limits and retries. */
import { describe, expect, test } from "vitest";
import { stream } from "../seed/seed.ts";
import { createBalancer } from "./balancer.ts";
import { admit, attach, mayRetry } from "./circuit-breaker.ts";
import { backOffMs, retryReason } from "./retry.ts";
import { ringIndex, buildRing } from "./ring-hash.ts";
import { pickDestination, selectHost } from "./select-host.ts";
import type { Host, LbPolicy } from "./types.ts";
import { defaultRetryPolicy } from "./virtual-service.ts";
import { xxh64Latin1 } from "./xxh64.ts";

const sizes = { minimumRingSize: 1024, maximumRingSize: 8_388_608, tableSize: 65_537 };
const hosts: Host[] = [10, 11, 12, 13].map((n) => ({ address: `10.244.0.${n}:8000`, weight: 1 }));
const balancer = (
  lbPolicy: LbPolicy,
  over: readonly Host[] = hosts,
  active: (index: number) => number = () => 0,
) => createBalancer({ ...sizes, lbPolicy }, over, { random: stream(1, "test"), activeRequests: active });
const key = xxh64Latin1("tenant-1");
const picks = (lbPolicy: LbPolicy, count: number, ...rest: [Host[]?, ((index: number) => number)?]) => {
  const made = balancer(lbPolicy, ...rest);
  return Array.from({ length: count }, () => made.choose(key, 0));
};
const tally = (list: readonly number[]) =>
  hosts.map((_, index) => list.filter((one) => one === index).length);

describe("balancers", () => {
  test.each(["RING_HASH", "MAGLEV"] as const)("%s: one key, one host", (policy) => {
    expect(new Set(picks(policy, 50)).size).toBe(1);
  });

  test("RANDOM spreads one key, and ignores weights as Envoy does", () => {
    const weighted = hosts.map((host, index) => ({ ...host, weight: index === 0 ? 100 : 1 }));
    for (const count of tally(picks("RANDOM", 4000, weighted)))
      expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test("ROUND_ROBIN takes turns, from a start of its own", () => {
    const turns = picks("ROUND_ROBIN", 8);
    expect(turns.slice(4)).toEqual(turns.slice(0, 4));
    expect(tally(turns)).toEqual([2, 2, 2, 2]);
  });

  test("ROUND_ROBIN with weights gives each its share", () => {
    const weighted = hosts.map((host, index) => ({ ...host, weight: index + 1 }));
    expect(tally(picks("ROUND_ROBIN", 100, weighted))).toEqual([10, 20, 30, 40]);
  });

  test("LEAST_REQUEST draws two and takes the less busy one: the busiest only when drawn twice", () => {
    const counts = tally(picks("LEAST_REQUEST", 4000, hosts, (index) => (index === 0 ? 5 : 0)));
    expect(counts[0]).toBeLessThan(4000 / 16 + 80);
    expect(counts[0]).toBeGreaterThan(4000 / 16 - 80);
  });

  test.each(["RING_HASH", "MAGLEV", "RANDOM", "ROUND_ROBIN", "LEAST_REQUEST"] as const)(
    "%s of no hosts",
    (policy) => {
      expect(balancer(policy, []).choose(key, 0)).toBe(-1);
    },
  );
});

describe("selectHost()", () => {
  const random = stream(2, "test");
  const ring = buildRing(hosts, sizes);
  const owner = (attempt: number) => ring.owner[(ringIndex(ring, key) + attempt) % ring.entries]!;

  test("the first attempt takes the hash's owner, whatever was tried", () => {
    expect(selectHost({ balancer: balancer("RING_HASH"), hash: key, random })).toBe(owner(0));
  });

  test("without the predicate a retry takes the same host", () => {
    const retry = { policy: { ...defaultRetryPolicy(false) }, tried: new Set([hosts[owner(0)]!.address]) };
    expect(selectHost({ balancer: balancer("RING_HASH"), hash: key, random, retry })).toBe(owner(0));
  });

  test("with previous_hosts it walks to the first entry of another host, six looks at most", () => {
    const tried = new Set([hosts[owner(0)]!.address]);
    const expected = [0, 1, 2, 3, 4, 5].map(owner).find((index) => !tried.has(hosts[index]!.address));
    const retry = { policy: defaultRetryPolicy(true), tried };
    expect(selectHost({ balancer: balancer("RING_HASH"), hash: key, random, retry })).toBe(expected);
    const all = { policy: defaultRetryPolicy(true), tried: new Set(hosts.map(({ address }) => address)) };
    expect(selectHost({ balancer: balancer("RING_HASH"), hash: key, random, retry: all })).toBe(owner(5));
  });

  test("without a hash each request is another draw", () => {
    const made = balancer("RING_HASH");
    const seen = new Set(
      Array.from({ length: 60 }, () => selectHost({ balancer: made, hash: null, random })),
    );
    expect(seen.size).toBe(4);
  });

  test("weighted destinations are drawn by weight", () => {
    const drawn = Array.from({ length: 4000 }, () =>
      pickDestination(
        [
          { weight: 90, to: 0 },
          { weight: 10, to: 1 },
        ],
        random,
      ),
    ).filter((destination) => destination!.to === 1).length;
    expect(Math.abs(drawn - 400)).toBeLessThan(80);
    expect(pickDestination([], random)).toBeNull();
  });
});

describe("admit()", () => {
  const limits = { maxConnections: 2, maxPendingRequests: 2, maxRequests: 3, maxRetries: 1 };
  const quiet = { activeRequests: 0, pendingRequests: 0, connections: 0, activeRetries: 0 };
  const pool = { connections: 0, connecting: 0, idle: 0, pending: 0 };
  test.each([
    ["an idle connection is used", {}, { connections: 1, idle: 1 }, { action: "dispatch" }],
    [
      "but not beyond max_requests",
      { activeRequests: 3 },
      { idle: 1 },
      { action: "overflow", limit: "maxRequests" },
    ],
    ["none: wait, and open one", {}, {}, { action: "queue", connect: true }],
    [
      "one is being opened for nobody else",
      {},
      { connections: 1, connecting: 1 },
      { action: "queue", connect: false },
    ],
    [
      "one is being opened for another",
      { connections: 1 },
      { connections: 1, connecting: 1, pending: 1 },
      { action: "queue", connect: true },
    ],
    [
      "no more connections allowed: only wait",
      { connections: 2 },
      { connections: 1 },
      { action: "queue", connect: false },
    ],
    [
      "a pod without any gets one beyond the limit",
      { connections: 2 },
      {},
      { action: "queue", connect: true },
    ],
    [
      "the queue is full",
      { pendingRequests: 2 },
      { connections: 1 },
      { action: "overflow", limit: "maxPendingRequests" },
    ],
  ])("%s", (_, load, ofPool, expected) => {
    expect(admit(limits, { ...quiet, ...load }, { ...pool, ...ofPool })).toEqual(expected);
  });

  test("max_pending_requests 0 refuses every request that needs a connection", () => {
    expect(admit({ ...limits, maxPendingRequests: 0 }, quiet, pool).action).toBe("overflow");
  });

  test("the check on leaving the queue, and that on retries", () => {
    expect([
      attach(limits, { activeRequests: 2 }).action,
      attach(limits, { activeRequests: 3 }).action,
    ]).toEqual(["dispatch", "overflow"]);
    expect([mayRetry(limits, quiet), mayRetry(limits, { activeRetries: 1 })]).toEqual([true, false]);
  });
});

describe("retries", () => {
  const policy = defaultRetryPolicy(false);
  const response = (status: number, grpcStatus: number | null = null) =>
    ({ kind: "response", status, grpcStatus }) as const;
  test.each([
    ["a refused connection", policy, { kind: "connect-failure" }, "connect-failure"],
    ["overflow never", policy, { kind: "overflow" }, null],
    ["a dying connection not by default", policy, { kind: "reset" }, null],
    ["a dying connection with reset", { ...policy, retryOn: ["reset"] }, { kind: "reset" }, "reset"],
    ["the pod's own 503 not by default", policy, response(503), null],
    ["the pod's own 503 with 5xx", { ...policy, retryOn: ["5xx"] }, response(503), "5xx"],
    ["500 is no gateway error", { ...policy, retryOn: ["gateway-error"] }, response(500), null],
    ["409 with retriable-4xx", { ...policy, retryOn: ["retriable-4xx"] }, response(409), "retriable-4xx"],
    ["a listed status", { ...policy, retriableStatusCodes: [418] }, response(418), "retriable-status-codes"],
    ["grpc unavailable, even for plain HTTP", policy, response(200, 14), "unavailable"],
    ["grpc ok", policy, response(200, 0), null],
  ] as const)("%s", (_, given, outcome, reason) => expect(retryReason(given, outcome)).toBe(reason));

  test("back-off is drawn below 25, 50, 100, 200, 250, 250 ms", () => {
    const random = stream(3, "test");
    for (const [index, below] of [25, 50, 100, 200, 250, 250].entries()) {
      const drawn = Array.from({ length: 400 }, () => backOffMs(index + 1, random));
      expect(Math.max(...drawn)).toBeLessThan(below);
      expect(Math.max(...drawn)).toBeGreaterThan(below * 0.9);
    }
  });
});
