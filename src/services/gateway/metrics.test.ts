import { afterEach, describe, expect, test } from "vitest";
import { startWallClock } from "../../clock/wall-clock.ts";
import { OWN_METRICS } from "./metric-names.ts";
import { answerJson, Started, tenant } from "./testing.ts";

const started = new Started();
/** However busy the machine is. */
const eventually = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 20_000, interval: 20 });
afterEach(() => started.end());

describe("/metrics", () => {
  test("serves exactly the names of the table, none of them decorated by the library", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const { call } = await started.gateway({ BACKEND_SERVICE: backend.url });
    await call("/request", tenant("a"));
    const { text, headers } = await call("/metrics");
    expect(headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const names = [...text.matchAll(/^# TYPE (\S+) \S+$/gm)].map((match) => match[1]!);
    expect(new Set(names)).toEqual(new Set([...OWN_METRICS, "test_active_tenants"]));
    expect(text).not.toContain("_created");
    expect(text).not.toContain("_total_total");
  });

  test("says how many are active under the name and labels that the topology's query wants", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const { call, samples } = await started.gateway({
      BACKENDS: JSON.stringify({ gold: backend.url, tin: backend.url, zinc: backend.url }),
      ACTIVE_TENANTS_METRICS: JSON.stringify([
        { tier: "gold", metric: "edge_sessions", labels: { class: "gold", app: "edge" } },
        { tier: "tin", metric: "edge_sessions", labels: { class: "tin" } },
        { tier: "tin", metric: "sessions", labels: {} },
        { tier: "zinc", metric: "sessions", labels: {} },
      ]),
    });
    for (const tier of ["gold", "tin", "zinc"])
      await call("/request", tenant("a", { "x-tenant-tier": tier }));
    expect(await samples("edge_sessions")).toEqual(['{class="gold",app="edge"} 1', '{class="tin"} 1']);
    expect(await samples("sessions")).toEqual(["2"]);
    expect(await samples("test_active_tenants")).toEqual([]);
  });

  test("GAUGE_INTERVAL_SECONDS: no sample before the first refresh, the last refresh's after it", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const env = { BACKEND_SERVICE: backend.url, GAUGE_INTERVAL_SECONDS: "30" };
    const { call, samples } = await started.gateway(env, startWallClock(50));
    await call("/request", tenant("a"));
    expect(await samples("test_active_tenants")).toEqual([]);
    expect((await call("/health")).json()["active_tenants"]).toBe(1);
    await eventually(() => samples("test_active_tenants")).toEqual(['{tier="small"} 1']);
  });

  test("a tenant leaves the gauge after the idle window, and its series some time after that", async () => {
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: "p0" }));
    const { call, samples } = await started.gateway(
      { BACKEND_SERVICE: backend.url, TENANT_IDLE_SECONDS: "20", KEEP_SECONDS: "20" },
      startWallClock(50),
    );
    await call("/request", tenant("a"));
    await call("/request", tenant("a"));
    expect(await samples("test_active_tenants")).toEqual(['{tier="small"} 1']);
    await eventually(() => samples("test_active_tenants")).toEqual(['{tier="small"} 0']);
    expect(await samples("test_requests_total")).toEqual(['{tenant_id="a",tier="small"} 2']);
    await eventually(() => samples("test_requests_total")).toEqual([]);
    expect(await samples("test_affinity_hits")).toEqual([]);
  });

  test("caps the tenants and pods that get a series of their own", async () => {
    let pods = 0;
    const backend = await started.backend((_req, res) => answerJson(res, 200, { pod: `p${pods++ % 2}` }));
    const { call, samples } = await started.gateway({
      BACKEND_SERVICE: backend.url,
      MAX_TENANT_SERIES: "1",
      MAX_POD_SERIES: "0",
    });
    for (const id of ["a", "b", "c"]) await call("/request", tenant(id));
    expect(await samples("test_requests_total")).toEqual([
      '{tenant_id="a",tier="small"} 1',
      '{tenant_id="other",tier="small"} 2',
    ]);
    expect(await samples("test_tenant_labels_dropped_total")).toEqual(["2"]);
  });
});
