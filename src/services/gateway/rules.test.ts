import { describe, expect, test } from "vitest";
import { InputError } from "../../errors.ts";
import { Activity } from "./activity.ts";
import { classifyAnswer, classifyError, podNamedBy, proxySaysRefused } from "./classify.ts";
import { gatewayConfigFromEnv } from "./config.ts";
import { missCause, PodLog } from "./misses.ts";
import { backendHeaders, RequestIds } from "./pass-through.ts";
import { readTenants } from "./recovery.ts";
import { tierOf } from "./tiers.ts";

describe("tierOf()", () => {
  const table = {
    tiers: new Set(["small", "medium", "large"]),
    tenantTiers: { acme: "large", "eu-*": "medium", "eu-big-*": "large", "*": "small" },
    defaultTier: "small",
  };
  const rows = [
    ["believes the header", "acme", "medium", "medium"],
    ["refuses a header that names no tier", "acme", "huge", 400],
    ["refuses an empty header", "acme", "", 400],
    ["takes the mapping's tenant", "acme", undefined, "large"],
    ["takes a prefix", "eu-1", undefined, "medium"],
    ["takes the longest prefix", "eu-big-1", undefined, "large"],
    ["takes the shortest prefix last", "zeta", undefined, "small"],
    ["does not take a name of Object's for a tenant", "constructor", undefined, "small"],
  ] as const;
  test.each(rows)("%s", (_name, tenant, header, expected) => {
    const reading = tierOf(table, tenant, header);
    expect(reading.tier ?? reading.refusal.status).toBe(expected);
  });
  test("falls back to the default", () => {
    expect(tierOf({ ...table, tenantTiers: {}, defaultTier: "large" }, "a", undefined).tier).toBe("large");
  });
});

describe("classifyAnswer()", () => {
  const reset = "upstream connect error or disconnect/reset before headers.";
  const rows: readonly [string, number, Record<string, string>, string, string][] = [
    ["an answer", 200, {}, "ok", "answer"],
    ["the application's own 503", 503, {}, '{"error":"busy"}', "answer"],
    ["no healthy upstream (UH)", 503, {}, "no healthy upstream", "noUpstream no_healthy_upstream"],
    ["the same words with another status", 500, {}, "no healthy upstream", "answer"],
    ["overflow (UO)", 503, { "x-envoy-overloaded": "true" }, `${reset} reset reason: overflow`, "overloaded"],
    [
      "refused (UF)",
      503,
      {},
      `${reset} reset reason: remote connection failure`,
      "failed connection_failure",
    ],
    [
      "refused, before 1.24",
      503,
      {},
      `${reset} reset reason: connection failure`,
      "failed connection_failure",
    ],
    [
      "refused after retries (URX,UF)",
      503,
      {},
      `${reset.slice(0, -1)}. retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect error: Connection refused`,
      "failed connection_failure",
    ],
    ["connect time-out", 503, {}, `${reset} reset reason: connection timeout`, "failed connection_failure"],
    ["broken (UC)", 503, {}, `${reset} reset reason: connection termination`, "failed connection_reset"],
    ["the route's time-out", 504, {}, "upstream request timeout", "answer"],
  ];
  test.each(rows)("%s", (_name, status, headers, body, expected) => {
    const attempt = classifyAnswer({ status, headers, body: Buffer.from(body) });
    expect("cause" in attempt ? `${attempt.kind} ${attempt.cause}` : attempt.kind).toBe(expected);
  });
});

describe("classifyError()", () => {
  const rows = [
    ["ENOTFOUND", "noUpstream name_not_found"],
    ["ENODATA", "noUpstream name_not_found"],
    ["EAI_AGAIN", "failed connection_failure"],
    ["ECONNREFUSED", "failed connection_failure"],
    ["UND_ERR_CONNECT_TIMEOUT", "failed connection_failure"],
    ["ECONNRESET", "failed connection_reset"],
    ["UND_ERR_SOCKET", "failed connection_reset"],
    ["HPE_INVALID_CONSTANT", "failed bad_answer"],
  ] as const;
  test.each(rows)("%s", (code, expected) => {
    const attempt = classifyError(Object.assign(new Error("x"), { code }));
    expect("cause" in attempt ? `${attempt.kind} ${attempt.cause}` : attempt.kind).toBe(expected);
  });
});

test("only a 2xx whose JSON names a pod is an answer of a pod", () => {
  const named = (status: number, body: string): string | null =>
    podNamedBy({ status, headers: {}, body: Buffer.from(body) }, "pod");
  expect(named(200, '{"pod":"a"}')).toBe("a");
  expect(named(201, '{"pod":"a"}')).toBe("a");
  expect(named(503, '{"pod":"a"}')).toBeNull();
  expect(named(200, '{"pod":""}')).toBeNull();
  expect(named(200, '{"pod":7}')).toBeNull();
  expect(named(200, "{}")).toBeNull();
  expect(named(200, "null")).toBeNull();
  expect(named(200, "<html>")).toBeNull();
});

describe("readTenants()", () => {
  const refused = "upstream connect error or disconnect/reset before headers. reset reason: ";
  const rows = [
    [
      "a proxy's word that the pod refuses counts as read",
      503,
      `${refused}remote connection failure`,
      "refused",
    ],
    ["a connect time-out does not", 503, `${refused}connection timeout`, "again"],
    ["a broken connection does not", 503, `${refused}connection termination`, "again"],
    ["a busy pod is asked again", 503, "{}", "again"],
    ["a program without /tenants has nothing to tell", 404, "", "unknown"],
    ["nor has one that answers everything", 200, "hello", "unknown"],
    ["nor one with another idea of it", 200, '{"tenants":[]}', "unknown"],
  ] as const;
  test.each(rows)("%s", (_name, status, body, expected) => {
    expect(readTenants(status, body)).toBe(expected);
    expect(proxySaysRefused(status, body)).toBe(expected === "refused");
  });
  test("takes tenants and pod, and leaves out what cannot be one", () => {
    const reading = readTenants(200, '{"pod":"p","tenants":{"a":1.5,"b c":1,"d":-1,"e":"x"}}');
    expect(reading).toEqual({ pod: "p", secondsSince: new Map([["a", 1.5]]) });
  });
});

describe("missCause()", () => {
  const there = { firstAnswerUs: 1, lastAnswerUs: 20 };
  const rows = [
    ["an earlier try failed", 2, there, there, "retried"],
    ["the new pod was not there before", 1, there, { firstAnswerUs: 15, lastAnswerUs: 20 }, "new-pod"],
    ["the old pod was not seen since", 1, { firstAnswerUs: 1, lastAnswerUs: 10 }, there, "old-pod-silent"],
    ["both were there", 1, there, there, "same-pods"],
  ] as const;
  test.each(rows)("%s", (_name, tries, from, to, expected) => {
    expect(missCause({ tries, tenantLastAnswerUs: 10, from, to })).toBe(expected);
  });
  test("PodLog takes a pod that was silent for long as new, and forgets the oldest", () => {
    const pods = new PodLog(2, 60);
    pods.answered("a", 0);
    pods.answered("a", 60);
    expect(pods.get("a")?.firstAnswerUs).toBe(0);
    pods.answered("a", 121);
    expect(pods.get("a")?.firstAnswerUs).toBe(121);
    pods.answered("b", 122);
    pods.answered("c", 123);
    expect([pods.get("a"), pods.get("b")?.firstAnswerUs]).toEqual([undefined, 122]);
  });
});

describe("Activity", () => {
  const us = (seconds: number): number => seconds * 1e6;
  const activity = (maxTenants = 100): Activity =>
    new Activity(["small", "large"], { idleUs: us(60), keepUs: us(300), maxTenants });

  test("counts a tenant while a request is in progress, and for the idle window after its last answer", () => {
    const it = activity();
    it.begin("small", "a", 0);
    expect([it.active("small", us(1000)), it.active("large", us(1000))]).toEqual([1, 0]);
    it.answered("small", "a", "p0", us(1000));
    it.end("small", "a", us(1000));
    expect(it.active("small", us(1059.999999))).toBe(1);
    expect(it.active("small", us(1060))).toBe(0);
  });

  test("a tenant that got no answer is active only as long as it asks", () => {
    const it = activity();
    it.begin("small", "a", 0);
    it.begin("small", "a", 0);
    it.end("small", "a", us(1));
    expect(it.active("small", us(1))).toBe(1);
    it.end("small", "a", us(2));
    expect(it.active("small", us(2))).toBe(0);
  });

  test("remembers the owner beyond the idle window, then forgets tenant and series", () => {
    const it = activity();
    const ask = (pod: string, seconds: number) => {
      it.begin("small", "a", us(seconds));
      const affinity = it.answered("small", "a", pod, us(seconds));
      it.end("small", "a", us(seconds));
      return affinity.kind;
    };
    expect([ask("p0", 0), ask("p0", 1), ask("p1", 200), ask("p1", 201)]).toEqual([
      "first",
      "hit",
      "other",
      "hit",
    ]);
    expect(it.sweep(us(560))).toEqual([]);
    expect(it.sweep(us(561))).toEqual(["a"]);
    expect(ask("p1", 562)).toBe("first");
  });

  test("the same tenant in two tiers is two, and is forgotten when both are", () => {
    const it = activity();
    for (const tier of ["small", "large"]) {
      it.begin(tier, "a", 0);
      it.answered(tier, "a", "p", 0);
      it.end(tier, "a", tier === "small" ? 0 : us(10));
    }
    expect([it.active("small", 1), it.active("large", 1)]).toEqual([1, 1]);
    expect(it.sweep(us(365))).toEqual([]);
    expect(it.sweep(us(371))).toEqual(["a"]);
  });

  test("takes the latest of what pods tell, and never goes back behind what it saw itself", () => {
    const it = activity();
    it.restore("small", "a", "p0", us(10));
    it.restore("small", "a", "p1", us(20));
    it.restore("small", "a", "p2", us(15));
    expect(it.active("small", us(79))).toBe(1);
    it.begin("small", "a", us(80));
    expect(it.answered("small", "a", "p1", us(80))).toEqual({ kind: "hit" });
    it.restore("small", "a", "p0", us(70));
    expect(it.answered("small", "a", "p1", us(81))).toEqual({ kind: "hit" });
  });

  test("is bounded: a new tenant is refused until an old one may be forgotten", () => {
    const it = activity(2);
    for (const tenant of ["a", "b"]) {
      it.begin("small", tenant, 0);
      it.end("small", tenant, 0);
    }
    expect(it.begin("small", "c", us(359))).toBe(false);
    expect(it.begin("small", "c", us(360))).toBe(true);
  });
});

describe("gatewayConfigFromEnv()", () => {
  test("has the original document's defaults", () => {
    expect(gatewayConfigFromEnv({})).toMatchObject({
      port: 8080,
      backends: [{ tier: "small", url: "http://test-api-small:8000", headless: null }],
      tenantIdleSeconds: 60,
      gaugeIntervalSeconds: 0,
      activeTenantsMetrics: [{ tier: "small", metric: "test_active_tenants", labels: { tier: "small" } }],
      simulateEnabled: false,
    });
  });
  test("BACKENDS wins over BACKEND_SERVICE; the first tier is the default where small is not one", () => {
    const config = gatewayConfigFromEnv({
      BACKEND_SERVICE: "http://elsewhere:1",
      BACKENDS:
        '{"gold":{"url":"http://gold:80/","headless":"gold-headless.ns.svc.cluster.local"},"tin":{"url":"http://tin:81"}}',
    });
    expect(config.defaultTier).toBe("gold");
    expect(config.backends).toEqual([
      { tier: "gold", url: "http://gold", headless: "gold-headless.ns.svc.cluster.local" },
      { tier: "tin", url: "http://tin:81", headless: null },
    ]);
  });
  const bad = [
    ["BACKENDS", "{}"],
    ["BACKENDS", '{"a":{"url":"ftp://x"}}'],
    ["BACKEND_SERVICE", "test-api-small"],
    ["TENANT_TIERS", '{"a":"nowhere"}'],
    ["ACTIVE_TENANTS_METRICS", '[{"tier":"small","metric":"0bad"}]'],
    ["ACTIVE_TENANTS_METRICS", '[{"tier":"other","metric":"m"}]'],
    ["REQUEST_PATH", "/metrics"],
    ["HOLD_SECONDS", "-1"],
    ["DNS_SERVER", "dns.example"],
    ["ACTIVE_TENANTS_METRICS", '[{"tier":"small","metric":"test_requests_total"}]'],
  ] as const;
  const servers = ["10.0.0.10", "127.0.0.1:5353", "::1", "[::1]:5353"];
  test.each(servers)("takes DNS_SERVER=%s", (server) => {
    expect(gatewayConfigFromEnv({ DNS_SERVER: server }).dnsServer).toBe(server);
  });
  test.each(bad)("refuses %s=%s", (name, value) => {
    expect(() => gatewayConfigFromEnv({ [name]: value })).toThrow(InputError);
    expect(() => gatewayConfigFromEnv({ [name]: value })).toThrow(name);
  });
});

test("only selected headers go on to the backend", () => {
  const given = {
    host: "x",
    cookie: "secret",
    authorization: "secret",
    "accept-encoding": "gzip",
    accept: "*/*",
    "idempotency-key": "k",
    traceparent: "00-1",
  };
  expect(backendHeaders(given, { "x-tenant-id": "a" })).toEqual({
    accept: "*/*",
    "idempotency-key": "k",
    traceparent: "00-1",
    "x-tenant-id": "a",
  });
});

test("a request keeps its id, or is given one that no other has", () => {
  const ids = new RequestIds("gw", { epochUnixSeconds: 1_700_000_000, nowUs: () => 5 });
  expect(ids.of("given-1")).toBe("given-1");
  const made = [ids.of(undefined), ids.of("with space"), ids.of("x".repeat(129)), ids.of(undefined)];
  expect(new Set(made).size).toBe(4);
});
