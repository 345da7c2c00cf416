/** Nothing outlives a run, however it ends; and what `limpet up` keeps running answers as the document's commands ask. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, hasProc, limpet, processesOfRun, type Started, startLimpet } from "./kit.ts";

const why = hasProc ? "" : " (skipped: the system has no /proc to look for processes in)";
/** Seconds that the guardian may take: it is gentle for one. */
const GONE_MS = 6_000;

const gone = (pid: number): Promise<number[]> =>
  eventually(
    () => processesOfRun(pid),
    (pids) => pids.length === 0,
    GONE_MS,
  );

const up = async (): Promise<Started> => {
  const started = startLimpet(["up", "--port", "0", "--prometheus-port", "0", "--seed", "1"]);
  await started.line(/Ctrl-C stops everything/);
  return started;
};

describe.skipIf(!hasProc)(`nothing is left${why}`, () => {
  test.each(["SIGINT", "SIGTERM"] as const)("limpet up, %s: exit 130", async (signal) => {
    const started = await up();
    // The guardian, the gateway, its sidecar, one pod of each tier.
    expect(processesOfRun(started.pid).length).toBeGreaterThanOrEqual(6);
    started.signal(signal);
    const { code, stderr } = await started.finished;
    expect(code).toBe(130);
    expect(stderr).toBe("");
    expect(processesOfRun(started.pid)).toEqual([]);
  });

  test("limpet test, SIGKILL in the middle of it: the guardian ends the rest", async () => {
    const started = startLimpet(["test", "tenant affinity", "--seed", "1"]);
    await started.line(/tenant affinity {2}stay/);
    await eventually(
      () => processesOfRun(started.pid),
      (pids) => pids.length >= 4,
    );
    started.signal("SIGKILL");
    await started.finished;
    await gone(started.pid);
    // What was decided until then is in the log, and can be looked at.
    const report = await limpet(["report"], { cwd: started.cwd });
    expect(report.code, report.said).toBe(1);
    expect(report.stdout).toContain("not finished: tenant affinity: the run was ended before");
  });

  test("limpet up, SIGKILL while it starts", async () => {
    const started = startLimpet(["up", "--port", "0", "--prometheus-port", "0", "--seed", "1"]);
    await eventually(
      () => processesOfRun(started.pid),
      (pids) => pids.length >= 3,
    );
    started.signal("SIGKILL");
    await started.finished;
    await gone(started.pid);
  });

  test("limpet test, Ctrl-C: exit 130, and the report of what there is", async () => {
    const started = startLimpet(["test", "scale from zero", "scale to zero", "--seed", "1"]);
    await started.line(/scale to zero {2}idle/);
    started.signal("SIGINT");
    const { code, stdout, said } = await started.finished;
    expect(code, said).toBe(130);
    expect(stdout).toMatch(/ scale from zero +first response +< 30 s +[\d.]+ s +pass/);
    expect(stdout).toContain("not finished: scale to zero: the run was ended before");
    expect(stdout).toContain("event log");
    expect(processesOfRun(started.pid)).toEqual([]);
    const report = await limpet(["report"], { cwd: started.cwd });
    expect(report.code, report.said).toBe(1);
    expect(report.stdout).toContain("not finished: scale to zero");
  });
});

describe("limpet up answers the document's commands", () => {
  let started: Started;
  let gateway = "";
  let prometheus = "";

  beforeAll(async () => {
    started = await up();
    gateway = (await started.line(/gateway +http:\/\/127\.0\.0\.1:(\d+)/))[1]!;
    prometheus = (await started.line(/prometheus +http:\/\/127\.0\.0\.1:(\d+)/))[1]!;
  });
  afterAll(async () => {
    started.signal("SIGINT");
    expect((await started.finished).code).toBe(130);
  });

  const json = async (url: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const response = await fetch(url, { headers });
    expect(response.status, url).toBe(200);
    return response.json();
  };
  type Vector = { readonly status: string; readonly data: { readonly result: readonly unknown[] } };
  const query = (text: string): Promise<Vector> =>
    json(`http://localhost:${prometheus}/api/v1/query?query=${text}`) as Promise<Vector>;

  test('curl -H "X-Tenant-ID: tenant-x" http://localhost:8080/request', async () => {
    const answers = [];
    for (let i = 0; i < 5; i++)
      answers.push(await json(`http://localhost:${gateway}/request`, { "X-Tenant-ID": "tenant-x" }));
    expect(answers[0]).toMatchObject({ pod: "test-api-small-0", tenant_id: "tenant-x", tier: "small" });
    expect(new Set(answers.map((answer) => (answer as { pod: string }).pod)).size).toBe(1);
    expect((await fetch(`http://localhost:${gateway}/request`)).status).toBe(422);
  });

  test("curl http://localhost:8080/simulate/tenant-a?duration=3", async () => {
    const simulated = await json(`http://localhost:${gateway}/simulate/tenant-a?duration=3`);
    expect(simulated).toMatchObject({ tenant_id: "tenant-a", requests: expect.any(Number) });
    expect((simulated as { requests: number }).requests).toBeGreaterThanOrEqual(2);
  });

  test("curl http://localhost:8080/metrics", async () => {
    const text = await (await fetch(`http://localhost:${gateway}/metrics`)).text();
    expect(text).toMatch(/^test_active_tenants\{tier="small"\} 2$/m);
    expect(text).toMatch(/^test_affinity_hits\{[^}]*tenant_id="tenant-x"[^}]*\} 4$/m);
    expect(text).toMatch(/^test_requests_total\{[^}]*tenant_id="tenant-a"[^}]*\} \d+$/m);
  });

  test("curl http://localhost:8080/health", async () => {
    expect(await json(`http://localhost:${gateway}/health`)).toEqual({
      status: "healthy",
      active_tenants: 2,
    });
  });

  test('curl "http://localhost:9090/api/v1/query?query=test_active_tenants"', async () => {
    const answer = await eventually(
      () => query("test_active_tenants"),
      ({ data }) => JSON.stringify(data.result).includes('"2"'),
      15_000,
    );
    expect(answer.status).toBe("success");
    expect(answer.data.result).toContainEqual({
      metric: expect.objectContaining({ __name__: "test_active_tenants", tier: "small" }),
      value: [expect.any(Number), "2"],
    });
  });

  test('curl -g "http://localhost:9090/api/v1/query?query=rate(test_affinity_hits[5m])"', async () => {
    const answer = await eventually(
      () => query("rate(test_affinity_hits[5m])"),
      ({ data }) => data.result.length >= 2,
      20_000,
    );
    expect(answer.data.result).toContainEqual({
      metric: expect.objectContaining({ tenant_id: "tenant-x", pod: "test-api-small-0" }),
      value: [expect.any(Number), expect.stringMatching(/^\d/)],
    });
  });
});
