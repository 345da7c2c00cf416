import { afterEach, describe, expect, test } from "vitest";
import { startWallClock } from "../../clock/wall-clock.ts";
import { createApi } from "../api/api.ts";
import { apiConfigFromEnv } from "../api/config.ts";
import { silent } from "../shared/log.ts";
import { answerJson, Started, tenant } from "./testing.ts";

const started = new Started();
/** However busy the machine is. */
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000, interval: 20 });
afterEach(() => started.end());

const HEADLESS = "test-api-small-headless.percolate-test.svc.cluster.local";
const ASKED = `_http._tcp.${HEADLESS}`;
const podName = (ordinal: number): string => `test-api-small-${ordinal}.${HEADLESS}`;

/** A DNS server whose headless name lists pods at these ports, all on 127.0.0.1. */
async function cluster(ports: readonly number[]) {
  const records = {
    a: {} as Record<string, string[]>,
    srv: {} as Record<string, { target: string; port: number }[]>,
  };
  const set = (given: readonly number[]): void => {
    records.a = Object.fromEntries(given.map((_port, ordinal) => [podName(ordinal), ["127.0.0.1"]]));
    records.srv =
      given.length === 0
        ? {}
        : { [ASKED]: given.map((port, ordinal) => ({ target: podName(ordinal), port })) };
  };
  set(ports);
  return { records, set, ...(await started.dns(records)) };
}

const backends = (url: string): string => JSON.stringify({ small: { url, headless: HEADLESS } });
const NOBODY = "http://127.0.0.1:9";

describe("a gateway that was just started", () => {
  test("says 0 at once for a tier that has no pod", async () => {
    const { server } = await cluster([]);
    const { samples } = await started.gateway({ BACKENDS: backends(NOBODY), DNS_SERVER: server });
    await eventually(() => samples("test_active_tenants")).toEqual(['{tier="small"} 0']);
  });

  test("says nothing while it does not know, and never 0 while tenants are active", async () => {
    const clock = startWallClock(5);
    const config = apiConfigFromEnv({
      LISTEN_ADDRESS: "127.0.0.1",
      PORT: "0",
      POD_NAME: "test-api-small-0",
      WORK_MS: "0",
    });
    const api = createApi({ config, clock, log: silent });
    started.add(() => api.service.close());
    const { port } = await api.listen();
    // The second pod is there, but does not answer yet: it could know somebody, too.
    let telling = false;
    const second = await started.backend((_req, res) => {
      if (telling) answerJson(res, 200, { pod: "test-api-small-1", tenants: { c: 3, old: 400 } });
      else answerJson(res, 500, {});
    });
    const { server } = await cluster([port, second.port]);
    const env = { BACKENDS: backends(`http://127.0.0.1:${port}`), DNS_SERVER: server };

    telling = true;
    const before = await started.gateway(env, clock);
    await before.call("/request", tenant("a"));
    await before.call("/request", tenant("b"));
    await eventually(() => before.samples("test_active_tenants")).toEqual(['{tier="small"} 3']);
    await before.gateway.close();

    telling = false;
    const after = await started.gateway(env, clock);
    expect(await after.samples("test_recovery_complete")).toEqual(['{tier="small"} 0']);
    const seen: string[] = [];
    for (let i = 0; i < 10; i++) seen.push(...(await after.samples("test_active_tenants")));
    expect(seen).toEqual([]);
    telling = true;
    await eventually(async () => {
      const shown = await after.samples("test_active_tenants");
      seen.push(...shown);
      return shown;
    }).toEqual(['{tier="small"} 3']);
    expect(new Set(seen)).toEqual(new Set(['{tier="small"} 3']));
    // The owners came back with the tenants: the next answer is a hit, not a first one.
    await after.call("/request", tenant("a"));
    expect(await after.samples("test_affinity_hits")).toEqual(['{tenant_id="a",pod="test-api-small-0"} 1']);
  });

  test("takes a pod that refuses the connection, or whose proxy says so, as read", async () => {
    const gone = await started.backend(() => {});
    await gone.close();
    const proxied = await started.backend((_req, res) => {
      res.writeHead(503);
      res.end(
        "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
      );
    });
    const { server } = await cluster([gone.port, proxied.port]);
    const { samples } = await started.gateway({ BACKENDS: backends(NOBODY), DNS_SERVER: server });
    await eventually(() => samples("test_active_tenants")).toEqual(['{tier="small"} 0']);
  });

  test("does not wait for a pod that goes meanwhile, and asks past caches each time", async () => {
    const silentPod = await started.backend((_req, res) => answerJson(res, 500, {}));
    const { server, set, asked } = await cluster([silentPod.port]);
    const { samples } = await started.gateway({ BACKENDS: backends(NOBODY), DNS_SERVER: server });
    await eventually(() => asked.filter((question) => question.startsWith("SRV")).length).toBeGreaterThan(2);
    expect(await samples("test_active_tenants")).toEqual([]);
    set([]);
    await eventually(() => samples("test_active_tenants")).toEqual(['{tier="small"} 0']);
  });

  test("says nothing while the resolver does not answer, and goes on serving", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const closed = await started.backend(() => {});
    await closed.close();
    const { call, samples } = await started.gateway({
      BACKENDS: backends(backend.url),
      DNS_SERVER: `127.0.0.1:${closed.port}`,
    });
    expect((await call("/request", tenant("a"))).status).toBe(200);
    expect(await samples("test_active_tenants")).toEqual([]);
    expect((await call("/ready")).status).toBe(200);
  });
});
