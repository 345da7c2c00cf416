import { afterEach, describe, expect, test } from "vitest";
import { startWallClock } from "../../clock/wall-clock.ts";
import { silent } from "../shared/log.ts";
import { runProgram } from "../shared/run.ts";
import { createApi } from "./api.ts";
import { apiConfigFromEnv } from "./config.ts";
import { TenantStore } from "./tenant-store.ts";

const started: { close(): Promise<void> }[] = [];
/** However busy the machine is. */
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000, interval: 20 });
afterEach(async () => {
  for (const service of started.splice(0)) await service.close();
});

/** An API program on a free port, at a speed at which 100 ms of work take 2. */
async function start(env: Record<string, string> = {}, speed = 50) {
  const config = apiConfigFromEnv({
    LISTEN_ADDRESS: "127.0.0.1",
    PORT: "0",
    POD_NAME: "test-api-small-0",
    ...env,
  });
  const api = createApi({ config, clock: startWallClock(speed), log: silent });
  started.push(api.service);
  const { port } = await api.listen();
  const call = async (path: string, init: RequestInit = {}) => {
    const res = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const text = await res.text();
    const json = (): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
    return { status: res.status, headers: res.headers, text, json };
  };
  return { api, call, port };
}

const tenant = (id: string) => ({ headers: { "X-Tenant-ID": id } });

describe("GET and POST /process", () => {
  test("say which pod did the work; the state of a tenant is visibly cold at first", async () => {
    const { call } = await start({ TIER: "large" });
    const first = await call("/process", tenant("a"));
    expect(first.status).toBe(200);
    expect(first.json()).toMatchObject({
      pod: "test-api-small-0",
      tenant_id: "a",
      tier: "large",
      warm: false,
      requests: 1,
    });
    expect(first.json()["timestamp"]).toBeGreaterThan(1_700_000_000);
    const second = await call("/process", { ...tenant("a"), method: "POST", body: "x" });
    expect(second.json()).toMatchObject({ warm: true, requests: 2 });
  });

  const rows: readonly [string, string, RequestInit, number, string][] = [
    ["no tenant", "/process", {}, 422, "tenant_missing"],
    ["an empty tenant", "/process", tenant(""), 400, "tenant_malformed"],
    ["a malformed tenant", "/process", tenant("a b"), 400, "tenant_malformed"],
    ["another method", "/process", { ...tenant("a"), method: "PUT" }, 405, "method_not_allowed"],
    ["work that is no number", "/process?work_ms=x", tenant("a"), 400, "work_ms_malformed"],
    ["work that is negative", "/process?work_ms=-1", tenant("a"), 400, "work_ms_malformed"],
    [
      "a body that is too large",
      "/process",
      { ...tenant("a"), method: "POST", body: "12345" },
      413,
      "body_too_large",
    ],
    ["another path", "/nowhere", tenant("a"), 404, "not_found"],
  ];
  test.each(rows)("refuse %s", async (_name, path, init, status, reason) => {
    const { call } = await start({ BODY_LIMIT_BYTES: "4" });
    const answer = await call(path, init);
    expect([answer.status, answer.json()["error"]]).toMatchObject([status, { reason }]);
  });

  test("take the work that a request asks for, up to the maximum", async () => {
    // Without the maximum the second would take half an hour even at this speed.
    const { call } = await start({ WORK_MS: "60000", WORK_MS_MAX: "500" });
    const answers = await Promise.all([
      call("/process?work_ms=0", tenant("a")),
      call("/process?work_ms=99999999", tenant("b")),
      call("/process", { headers: { "X-Tenant-ID": "c", "X-Work-Ms": "1" } }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test("bounded at once; health and metrics answer meanwhile; what does not fit is refused with 503", async () => {
    const { call } = await start({
      WORK_MS: "25000",
      WORK_MS_MAX: "60000",
      MAX_CONCURRENCY: "2",
      QUEUE_LIMIT: "1",
    });
    const answers = ["a", "b", "c", "d"].map((id) => call("/process", tenant(id)));
    const refused = await Promise.race(answers);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await call("/health")).json()).toEqual({ status: "healthy", pod: "test-api-small-0" });
    const metrics = (await call("/metrics")).text;
    expect(metrics).toMatch(/^test_api_in_progress 2$/m);
    expect(metrics).toMatch(/^test_api_queued 1$/m);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
  });

  test("speak as a stand-in: other path, tenant header and pod field", async () => {
    const { call } = await start({
      REQUEST_PATH: "/work",
      TENANT_HEADER: "X-Account",
      POD_FIELD: "served_by",
    });
    expect((await call("/work", { headers: { "x-account": "a" } })).json()).toMatchObject({
      served_by: "test-api-small-0",
    });
    expect((await call("/process", tenant("a"))).status).toBe(404);
  });
});

test("/metrics counts tenants under both names, with pod and tier, and caps them", async () => {
  const { call } = await start({ MAX_TENANT_SERIES: "2" });
  for (const id of ["a", "b", "c", "d", "a"]) await call("/process?work_ms=0", tenant(id));
  const { text, headers } = await call("/metrics");
  expect(headers.get("content-type")).toContain("text/plain; version=0.0.4");
  for (const name of ["test_tenant_requests_total", "test_tenant_requests"]) {
    expect(text).toContain(`# TYPE ${name} counter`);
    expect(text).toContain(`${name}{tenant_id="a",pod="test-api-small-0",tier="small"} 2`);
    expect(text).toContain(`${name}{tenant_id="other",pod="test-api-small-0",tier="small"} 2`);
  }
  expect(text).toMatch(/^test_tenant_labels_dropped_total 2$/m);
  expect(text).not.toContain("_created");
});

test("/tenants tells seconds since the last answer, and only of the window that is asked for", async () => {
  const { call } = await start();
  await call("/process?work_ms=0", tenant("a"));
  const all = (await call("/tenants")).json() as { pod: string; tenants: Record<string, number> };
  expect(all.pod).toBe("test-api-small-0");
  expect(Object.keys(all.tenants)).toEqual(["a"]);
  expect(all.tenants["a"]).toBeGreaterThanOrEqual(0);
  expect((await call("/tenants?within=0")).json()["tenants"]).toEqual({});
});

test("TenantStore forgets the tenant that was quiet for longest, whose return is then cold", () => {
  const store = new TenantStore(2);
  store.answered("a", 0);
  store.answered("b", 1e6);
  store.answered("a", 2e6);
  store.answered("c", 3e6);
  expect(store.secondsSinceLastAnswer(5e6, Infinity)).toEqual({ a: 3, c: 2 });
  expect(store.secondsSinceLastAnswer(5e6, 2)).toEqual({ c: 2 });
  expect(store.answered("b", 5e6)).toEqual({ warm: false, requests: 1 });
});

describe("runProgram()", () => {
  const host = (env: Record<string, string>) => {
    const seen = { out: [] as string[], err: [] as string[] };
    let terminate = (): void => {};
    let exit: (code: number) => void = () => {};
    const code = new Promise<number>((resolve) => (exit = resolve));
    return {
      seen,
      code,
      terminate: () => terminate(),
      host: {
        env,
        writeOut: (line: string) => void seen.out.push(line),
        writeErr: (line: string) => void seen.err.push(line),
        onTerminate: (listener: () => void) => (terminate = listener),
        exit,
      },
    };
  };
  const create = (env: Record<string, string | undefined>, speed = 50) =>
    createApi({ config: apiConfigFromEnv(env), clock: startWallClock(speed), log: silent });

  test("says where it listens, finishes what is in progress on SIGTERM and exits 0", async () => {
    const it = host({ LISTEN_ADDRESS: "127.0.0.1", PORT: "0", WORK_MS: "5000" });
    await runProgram(it.host, (env) => create(env));
    const listening = JSON.parse(it.seen.out[0]!) as { type: string; address: string; port: number };
    expect(listening).toEqual({ type: "listening", address: "127.0.0.1", port: listening.port });
    const url = `http://127.0.0.1:${listening.port}`;
    const inProgress = fetch(`${url}/process`, { headers: { "x-tenant-id": "a" } });
    await eventually(async () => (await fetch(`${url}/metrics`)).text()).toContain("test_api_in_progress 1");
    it.terminate();
    const ready = await fetch(`${url}/ready`);
    expect([ready.status, ready.headers.get("connection")]).toEqual([503, "close"]);
    const finished = await inProgress;
    expect([finished.status, finished.headers.get("connection")]).toEqual([200, "close"]);
    expect(await it.code).toBe(0);
  });

  test("loses no request of clients that go on asking while it drains", async () => {
    const it = host({ LISTEN_ADDRESS: "127.0.0.1", PORT: "0", WORK_MS: "500", DRAIN_DELAY_SECONDS: "10" });
    await runProgram(it.host, (env) => create(env));
    const { port } = JSON.parse(it.seen.out[0]!) as { port: number };
    let answers = 0;
    /** Asks until it is told that the pod is going, as a proxy would be; answers what ended it. */
    const client = async (id: string): Promise<unknown> => {
      for (;;) {
        try {
          const res = await fetch(`http://127.0.0.1:${port}/process`, { headers: { "x-tenant-id": id } });
          await res.text();
          if (res.status !== 200) return res.status;
          answers++;
          if (res.headers.get("connection") === "close") return "told";
        } catch (error) {
          return ((error as Error).cause as { code?: string }).code;
        }
      }
    };
    const clients = Array.from({ length: 10 }, (_, i) => client(`t${i}`));
    await eventually(() => answers).toBeGreaterThan(20);
    it.terminate();
    expect(new Set(await Promise.all(clients))).toEqual(new Set(["told"]));
    expect(await it.code).toBe(0);
  });

  test("cuts off what does not finish within the grace period, and exits 1", async () => {
    const it = host({
      LISTEN_ADDRESS: "127.0.0.1",
      PORT: "0",
      WORK_MS: "3000000",
      WORK_MS_MAX: "3000000",
      DRAIN_SECONDS: "1",
    });
    await runProgram(it.host, (env) => create(env));
    const { port } = JSON.parse(it.seen.out[0]!) as { port: number };
    const url = `http://127.0.0.1:${port}`;
    const cut = fetch(`${url}/process`, { headers: { "x-tenant-id": "a" } }).catch(() => "cut off");
    await eventually(async () => (await fetch(`${url}/metrics`)).text()).toContain("test_api_in_progress 1");
    it.terminate();
    expect(await cut).toBe("cut off");
    expect(await it.code).toBe(1);
  });

  test("tells every setting that it cannot read, and exits 2", async () => {
    const it = host({ PORT: "http", WORK_MS: "-1" });
    await runProgram(it.host, (env) => create(env));
    expect(await it.code).toBe(2);
    expect(it.seen.err.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
      'environment variable PORT: wanted a number from 0 to 65535, found "http"',
      'environment variable WORK_MS: wanted a number from 0 to 3600000, found "-1"',
    ]);
  });

  test("exits 3 where the port is taken", async () => {
    const { port } = await start();
    const it = host({ LISTEN_ADDRESS: "127.0.0.1", PORT: String(port) });
    await runProgram(it.host, (env) => create(env));
    expect(await it.code).toBe(3);
  });
});
