import { afterEach, describe, expect, test } from "vitest";
import { answerJson, answerNoHealthyUpstream, Started, tenant } from "./testing.ts";

const started = new Started();
/** However busy the machine is. */
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000, interval: 20 });
afterEach(() => started.end());

describe("/request", () => {
  test("passes method, query, body, selected headers, id and deadline on, and status and body back", async () => {
    const seen: { method?: string | undefined; url?: string | undefined; body: string; headers: unknown }[] =
      [];
    const backend = await started.backend((req, res, body) => {
      seen.push({ method: req.method, url: req.url, body, headers: req.headers });
      res.setHeader("x-internal", "secret");
      answerJson(res, 201, { pod: "p0", echo: body });
    });
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url });
    const answer = await call("/request?a=1&b=2", {
      method: "POST",
      body: '{"x":1}',
      headers: {
        "X-Tenant-ID": "t",
        "content-type": "application/json",
        "x-request-id": "id-1",
        cookie: "c=1",
        "idempotency-key": "k",
      },
    });
    expect([answer.status, answer.json()]).toEqual([201, { pod: "p0", echo: '{"x":1}' }]);
    expect(answer.headers.get("x-request-id")).toBe("id-1");
    expect(answer.headers.get("x-internal")).toBeNull();
    expect(seen).toMatchObject([
      {
        method: "POST",
        url: "/process?a=1&b=2",
        body: '{"x":1}',
        headers: {
          "x-tenant-id": "t",
          "x-request-id": "id-1",
          "idempotency-key": "k",
          "content-type": "application/json",
        },
      },
    ]);
    expect(seen[0]!.headers).not.toHaveProperty("cookie");
    const deadlineMs = Number((seen[0]!.headers as Record<string, string>)["x-deadline-ms"]);
    // Ten seconds of topology time, which at speed 20 would be half a real one: the guard makes it a whole one.
    expect(deadlineMs).toBeGreaterThan(15_000);
    expect(deadlineMs).toBeLessThanOrEqual(20_000);
  });

  const rows: readonly [string, string, RequestInit, number, string][] = [
    ["no tenant", "/request", {}, 422, "tenant_missing"],
    ["an empty tenant", "/request", tenant(""), 400, "tenant_malformed"],
    ["a malformed tenant", "/request", tenant("a/b"), 400, "tenant_malformed"],
    ["an unknown tier", "/request", tenant("a", { "X-Tenant-Tier": "huge" }), 400, "tier_unknown"],
    ["another method", "/request", { ...tenant("a"), method: "DELETE" }, 405, "method_not_allowed"],
    [
      "a body that is too large",
      "/request",
      { ...tenant("a"), method: "POST", body: "12345" },
      413,
      "body_too_large",
    ],
    ["another path", "/elsewhere", tenant("a"), 404, "not_found"],
    ["a simulation where they are off", "/simulate/a", {}, 404, "simulate_disabled"],
  ];
  test("a client that is still writing a body far too large hears why", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url });
    const answer = await call("/request", { ...tenant("a"), method: "POST", body: Buffer.alloc(30_000_000) });
    expect([answer.status, answer.json()["error"]]).toMatchObject([413, { reason: "body_too_large" }]);
    // Closed on bytes that are still coming, the connection would be reset, and the answer with it.
    expect(answer.headers.get("connection")).not.toBe("close");
  });

  test.each(rows)("refuses %s", async (_name, path, init, status, reason) => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url, BODY_LIMIT_BYTES: "4" });
    const answer = await call(path, init);
    expect([answer.status, answer.json()["error"]]).toMatchObject([status, { reason }]);
  });

  test("takes each tenant to the backend of its tier", async () => {
    const tiers = ["small", "large"];
    const backends = Object.fromEntries(
      await Promise.all(
        tiers.map(async (tier) => {
          const { url } = await started.backend((_req, res) => answerJson(res, 200, { pod: `${tier}-0` }));
          return [tier, { url }] as const;
        }),
      ),
    );
    const { call, samples } = await started.gateway({
      BACKENDS: JSON.stringify(backends),
      TENANT_TIERS: '{"big-*":"large"}',
    });
    expect((await call("/request", tenant("a"))).json()["pod"]).toBe("small-0");
    expect((await call("/request", tenant("big-1"))).json()["pod"]).toBe("large-0");
    expect((await call("/request", tenant("a", { "x-tenant-tier": "large" }))).json()["pod"]).toBe("large-0");
    expect(await samples("test_active_tenants")).toEqual(['{tier="small"} 1', '{tier="large"} 2']);
    expect((await call("/health")).json()).toEqual({ status: "healthy", active_tenants: 3 });
  });

  test("only a 2xx that names its pod changes the map: errors in JSON are no hits", async () => {
    const answers: [number, unknown][] = [
      [200, { pod: "p0" }],
      [503, { error: "busy", pod: "p1" }],
      [500, { detail: "x" }],
      [200, { no: "pod" }],
      [200, { pod: "p0" }],
      [200, { pod: "p1" }],
      [200, { pod: "p1" }],
    ];
    let next = 0;
    const backend = await started.backend((_req, res) => answerJson(res, ...answers[next++]!));
    const { call, samples } = await started.gateway({ BACKEND_SERVICE: backend.url });
    const statuses: number[] = [];
    for (let i = 0; i < answers.length; i++) statuses.push((await call("/request", tenant("a"))).status);
    expect(statuses).toEqual([200, 503, 500, 200, 200, 200, 200]);
    const hits = ['{tenant_id="a",pod="p0"} 1', '{tenant_id="a",pod="p1"} 1'];
    expect(await samples("test_affinity_hits_total")).toEqual(hits);
    expect(await samples("test_affinity_hits")).toEqual(hits);
    expect(await samples("test_affinity_misses_total")).toEqual(['{tier="small",cause="new-pod"} 1']);
    expect(await samples("test_affinity_first_requests_total")).toEqual(['{tier="small"} 1']);
    expect(await samples("test_request_failures_total")).toEqual([
      '{tier="small",cause="status_503"} 1',
      '{tier="small",cause="status_500"} 1',
      '{tier="small",cause="pod_not_named"} 1',
    ]);
    expect(await samples("test_requests_total")).toEqual(['{tenant_id="a",tier="small"} 7']);
  });
});

describe("holding", () => {
  test("1,000 tenants at once from zero: all answered, none lost, and a cold start measured", async () => {
    let up = false;
    let atOnce = 0;
    let atOnceMax = 0;
    const backend = await started.backend((req, res) => {
      if (!up) return answerNoHealthyUpstream(res);
      atOnceMax = Math.max(atOnceMax, ++atOnce);
      setTimeout(() => {
        atOnce--;
        answerJson(res, 200, { pod: "p0", tenant: req.headers["x-tenant-id"] });
      }, 5);
    });
    // A thousand clients, their gateway and its backend share one busy process here: limits of topology time that are a second
    // or three of real time would measure that.
    const { call, samples } = await started.gateway({
      BACKEND_SERVICE: backend.url,
      HOLD_SECONDS: "600",
      ANSWER_DEADLINE_SECONDS: "200",
    });
    const calls = Array.from({ length: 1000 }, (_, i) => call("/request", tenant(`t${i}`)));
    await eventually(() => samples("test_held_requests")).toEqual(['{tier="small"} 1000']);
    expect(await samples("test_active_tenants")).toEqual(['{tier="small"} 1000']);
    up = true;
    const answers = await Promise.all(calls);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map((answer) => answer.json()["tenant"])).size).toBe(1000);
    expect(atOnceMax).toBeLessThanOrEqual(64);
    expect(await samples("test_cold_start_seconds_count")).toEqual(['{tier="small"} 1']);
    expect(await samples("test_held_bytes")).toEqual(["0"]);
  });

  test("a full circuit breaker: back into the queue, all answered", async () => {
    let atOnce = 0;
    let overflows = 0;
    const backend = await started.backend((_req, res) => {
      if (atOnce >= 10) {
        overflows++;
        res.writeHead(503, { "x-envoy-overloaded": "true" });
        res.end("upstream connect error or disconnect/reset before headers. reset reason: overflow");
        return;
      }
      atOnce++;
      setTimeout(() => {
        atOnce--;
        answerJson(res, 200, { pod: "p0" });
      }, 50);
    });
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url });
    const calls = Array.from({ length: 100 }, (_, i) =>
      call("/request", { ...tenant(`t${i}`), method: "POST" }),
    );
    const answers = await Promise.all(calls);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
    expect(overflows).toBeGreaterThan(0);
  });

  test("a backend whose name does not resolve: held until it does, each time asked past caches", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const records = { a: {} as Record<string, string[]>, srv: {} };
    const dns = await started.dns(records);
    const { call, samples } = await started.gateway({
      BACKEND_SERVICE: `http://test-api-small.ns.svc.cluster.local:${backend.port}`,
      DNS_SERVER: dns.server,
    });
    const answer = call("/request", { ...tenant("a"), method: "POST" });
    await eventually(() => dns.asked.length).toBeGreaterThan(2);
    expect(await samples("test_held_requests")).toEqual(['{tier="small"} 1']);
    records.a["test-api-small.ns.svc.cluster.local"] = ["127.0.0.1"];
    expect((await answer).json()["pod"]).toBe("p0");
  });

  test("limits: 503 with the reason and Retry-After beyond a tenant's, 504 after the hold", async () => {
    const backend = await started.backend((_req, res) => answerNoHealthyUpstream(res));
    const { call, samples } = await started.gateway({
      BACKEND_SERVICE: backend.url,
      HOLD_PER_TENANT: "2",
      HOLD_SECONDS: "20",
    });
    const answers = await Promise.all(["a", "a", "a", "b"].map((id) => call("/request", tenant(id))));
    const told = answers.map((answer) => {
      const { reason } = answer.json()["error"] as { reason: string };
      return `${answer.status} ${reason} ${answer.headers.get("retry-after")}`;
    });
    expect(told.sort()).toEqual([
      "503 hold_tenant_limit 5",
      "504 hold_expired 5",
      "504 hold_expired 5",
      "504 hold_expired 5",
    ]);
    expect(await samples("test_active_tenants")).toEqual(['{tier="small"} 0']);
    expect(await samples("test_holds_total")).toContain('{tier="small",event="expired"} 3');
  });

  test("a client that leaves takes its request out of the queue", async () => {
    const backend = await started.backend((_req, res) => answerNoHealthyUpstream(res));
    const { call, samples } = await started.gateway({ BACKEND_SERVICE: backend.url });
    const leaving = new AbortController();
    const gone = call("/request", { ...tenant("a"), signal: leaving.signal }).catch(() => "gone");
    await eventually(() => samples("test_holds_total")).toContain('{tier="small",event="held"} 1');
    leaving.abort();
    expect(await gone).toBe("gone");
    await eventually(() => samples("test_active_tenants")).toEqual(['{tier="small"} 0']);
    await eventually(() => samples("test_request_outcomes_total")).toEqual([
      '{tier="small",outcome="abandoned"} 1',
    ]);
  });

  test("moves over zero are counted apart, neither hits nor misses", async () => {
    let pod: string | null = "p0";
    const backend = await started.backend((_req, res) =>
      pod === null ? answerNoHealthyUpstream(res) : answerJson(res, 200, { pod }),
    );
    const { call, samples } = await started.gateway({ BACKEND_SERVICE: backend.url });
    await call("/request", tenant("a"));
    pod = null;
    const waking = call("/request", tenant("a"));
    await eventually(() => samples("test_held_requests")).toEqual(['{tier="small"} 1']);
    pod = "p1";
    expect((await waking).json()["pod"]).toBe("p1");
    expect(await samples("test_affinity_over_zero_total")).toEqual(['{tier="small"} 1']);
    expect(await samples("test_affinity_misses_total")).toEqual([]);
  });
});

describe("failures of the connection", () => {
  const reset = "upstream connect error or disconnect/reset before headers. reset reason: ";
  const rows: readonly [string, RequestInit, string, number, string | null, number][] = [
    ["GET is tried again after a reset", tenant("a"), "reset", 200, null, 3],
    [
      "GET is tried again after the proxy's UF",
      tenant("a"),
      `${reset}remote connection failure`,
      200,
      null,
      3,
    ],
    [
      "POST with an Idempotency-Key is tried again",
      { ...tenant("a", { "Idempotency-Key": "k" }), method: "POST" },
      "reset",
      200,
      null,
      3,
    ],
    [
      "POST without one is not, after a reset",
      { ...tenant("a"), method: "POST" },
      "reset",
      502,
      "connection_reset",
      1,
    ],
    [
      "nor after the proxy's UF",
      { ...tenant("a"), method: "POST" },
      `${reset}remote connection failure`,
      503,
      "connection_failure",
      1,
    ],
    [
      "nor after the proxy's UC",
      { ...tenant("a"), method: "POST" },
      `${reset}connection termination`,
      502,
      "connection_reset",
      1,
    ],
  ];
  test.each(rows)("%s", async (_name, init, failure, status, reason, tries) => {
    let seen = 0;
    const backend = await started.backend((req, res) => {
      if (++seen > 2) return answerJson(res, 200, { pod: "p0" });
      if (failure === "reset") return void req.socket.destroy();
      res.writeHead(503);
      res.end(failure);
    });
    const { call, samples } = await started.gateway({ BACKEND_SERVICE: backend.url });
    const answer = await call("/request", init);
    expect([answer.status, seen]).toEqual([status, tries]);
    expect((answer.json()["error"] as { reason?: string } | undefined)?.reason ?? null).toBe(reason);
    expect(await samples("test_retries_total")).toHaveLength(tries > 1 ? 1 : 0);
  });

  test("a GET is tried until its deadline, then 504 with the cause", async () => {
    const backend = await started.backend(() => {});
    await backend.close();
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url, ANSWER_DEADLINE_SECONDS: "1" });
    const answer = await call("/request", tenant("a"));
    expect([answer.status, answer.json()["error"]]).toMatchObject([504, { reason: "deadline_exceeded" }]);
    expect(answer.text).toContain("connection_failure");
  });

  test("a backend that does not answer: 504 at the deadline", async () => {
    const backend = await started.backend(() => {});
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url, ANSWER_DEADLINE_SECONDS: "1" });
    const answer = await call("/request", { ...tenant("a"), method: "POST" });
    expect([answer.status, answer.json()["error"]]).toMatchObject([504, { reason: "deadline_exceeded" }]);
  });

  test("an answer that is too large: 502, and not kept in memory", async () => {
    const backend = await started.backend((_req, res) => res.end("x".repeat(1000)));
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url, ANSWER_LIMIT_BYTES: "100" });
    const answer = await call("/request", tenant("a"));
    expect([answer.status, answer.json()["error"]]).toMatchObject([502, { reason: "answer_too_large" }]);
  });
});

describe("draining", () => {
  test("readiness fails, what is in progress is answered, what is held is told at the end of the grace period", async () => {
    let up = true;
    let seen = 0;
    const backend = await started.backend((_req, res) => {
      if (!up) return answerNoHealthyUpstream(res);
      seen++;
      setTimeout(() => answerJson(res, 200, { pod: "p0" }), 100);
    });
    const { gateway, call, samples } = await started.gateway({
      BACKEND_SERVICE: backend.url,
      DRAIN_DELAY_SECONDS: "4",
      DRAIN_SECONDS: "20",
    });
    expect((await call("/ready")).json()).toEqual({ status: "ready" });
    const inProgress = call("/request", tenant("a"));
    await eventually(() => seen).toBe(1);
    up = false;
    const held = call("/request", tenant("b"));
    await eventually(() => samples("test_held_requests")).toEqual(['{tier="small"} 1']);
    const drained = gateway.drain();
    expect((await call("/ready")).status).toBe(503);
    expect((await inProgress).status).toBe(200);
    const told = await held;
    expect([told.status, told.json()["error"]]).toMatchObject([503, { reason: "draining" }]);
    expect(await drained).toBe(0);
  });
});
