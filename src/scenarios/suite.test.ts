import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { foldRows, mergeWindows } from "../events/aggregate.ts";
import { readRun } from "../events/reader.ts";
import type { RequestRow, RequestsWindow, RunEvent, Verdict } from "../events/types.ts";
import { createRunFolder } from "../events/writer.ts";
import { exitCode } from "../events/verdicts.ts";
import type { Topology } from "../topology/types.ts";
import { fakeEngine, type Breaks } from "./fixtures/fake-engine.ts";
import { destinationRule, topologyOf } from "./fixtures/topology.ts";
import { loadScenarios } from "./load.ts";
import { runSuite, type SuiteOptions, type SuiteResult } from "./suite.ts";

const base = mkdtempSync(join(tmpdir(), "limpet-suite-"));
afterAll(() => rmSync(base, { recursive: true }));

type Given = {
  readonly breaks?: Breaks;
  readonly topology?: Topology;
  readonly options?: Partial<SuiteOptions>;
};

async function suite(names: readonly string[], given: Given = {}): Promise<SuiteResult> {
  const topology = given.topology ?? topologyOf();
  return runSuite({
    engine: fakeEngine(given.breaks),
    topology,
    scenarios: await loadScenarios(names, topology),
    seed: 7,
    speed: 20,
    folder: createRunFolder(base, "2026-11-23T10-14-07-seed7"),
    hostEnv: {},
    header: { limpet: "0.1.0", date: "2026-11-23T10:14:07Z", parts: {} },
    ...given.options,
  });
}

const failures = (verdict: Verdict | undefined): Record<string, string> =>
  Object.fromEntries(
    (verdict?.checks ?? [])
      .filter((check) => check.verdict === "fail")
      .map(({ name, reason, remedy }) => [name, `${reason}\n${remedy ?? ""}`]),
  );

describe("the six tests on a topology that does as it should", async () => {
  const { verdicts, folder } = await suite([]);

  test.each(verdicts)("$scenario passes", ({ checks }) => {
    expect(checks.filter(({ verdict }) => verdict !== "pass" && verdict !== "reported")).toEqual([]);
  });

  test("are all there, and the exit code is 0", () => {
    expect(verdicts).toHaveLength(6);
    expect(exitCode(verdicts)).toBe(0);
  });

  test("the log's windows equal the fold of its rows", async () => {
    const rows: RequestRow[] = [];
    const windows: RequestsWindow[] = [];
    for await (const { line } of readRun(folder)) {
      if (line.type === "request") rows.push(line);
      if (line.type === "requests.window") windows.push(line);
    }
    expect(rows.length).toBeGreaterThan(5_000);
    expect(mergeWindows(windows)).toEqual(foldRows(rows));
  });

  test("the beyond-the-maximum step shows its shortfall", () => {
    const check = verdicts[3]!.checks.find(({ name }) => name === "pods, beyond the maximum");
    expect(check?.reason).toContain(
      "shortfall 2: the tenants ask for 7, maxReplicaCount is 5 (ScalingLimited: TooManyReplicas)",
    );
  });

  test("takes at most 2,400 s of topology time", async () => {
    let lastUs = 0;
    for await (const { line } of readRun(folder))
      if (line.type !== "header") lastUs = Math.max(lastUs, line.atUs);
    expect(lastUs).toBeLessThanOrEqual(2_400e6);
  });
});

describe("a fault put into the topology fails the right check with its cause", () => {
  test("a ScaledObject without kind", async () => {
    const topology = topologyOf({ small: { kindGiven: false } });
    const { verdicts } = await suite(["scale-from-zero"], { topology, breaks: { checkFailed: true } });
    expect(verdicts[0]?.verdict).toBe("fail");
    const reason = failures(verdicts[0])["first response"];
    expect(reason).toContain(
      "ScaledObject test-api-small-scaler is not Ready: ScaledObjectCheckFailed: no Deployment test-api-small in namespace percolate-test. A StatefulSet of that name exists. scaleTargetRef.kind defaults to Deployment.",
    );
    expect(reason).toContain("keda-scaler.yaml:8 add kind: StatefulSet");
    expect(exitCode(verdicts)).toBe(1);
  });

  test("a query that matches nothing", async () => {
    const { verdicts } = await suite(["scale-from-zero"], { breaks: { emptyQuery: true } });
    const reason = failures(verdicts[0])["first response"];
    expect(reason).toMatch(/KEDA's query matched nothing in \d+ of \d+ readings: max\(test_active_tenants/);
    expect(reason).toContain("keda-scaler.yaml:8 compare the query's metric name and labels");
  });

  test("hashing replaced by random", async () => {
    const { verdicts } = await suite(["consistent-hashing"], {
      breaks: { random: true },
      options: { overrideLbPolicy: "RANDOM" },
    });
    const failed = failures(verdicts[0]);
    expect(failed["requests to the tenant's own pod"]).toContain(
      "hashing was replaced by RANDOM in this run",
    );
    expect(Object.keys(failed)).toContain("same pod through a second gateway");
    expect(Object.keys(failed)).not.toContain("requests lost");
  });

  test("a proxy that chooses at random although its route hashes", async () => {
    const { verdicts } = await suite(["tenant-affinity"], { breaks: { random: true } });
    expect(failures(verdicts[0])["hit rate between scale steps"]).toContain(
      "while the set of ready pods stayed the same, although the route says RING_HASH on header x-tenant-id",
    );
  });

  test("the routing Service made headless", async () => {
    const topology = topologyOf({ small: { headless: true } });
    const { verdicts } = await suite(["consistent-hashing"], { topology, breaks: { random: true } });
    const reason = failures(verdicts[0])["requests to the tenant's own pod"];
    expect(reason).toContain("is ORIGINAL_DST: Service test-api-small is headless (clusterIP: None)");
    expect(reason).toContain("test-api.yaml:8 take clusterIP: None away");
  });

  test("a DestinationRule for a host that nobody calls", async () => {
    const plain = topologyOf({ small: {} });
    const [route] = plain.routes;
    const cluster = { ...route!.destinations[0]!.cluster, lbPolicy: "LEAST_REQUEST" as const };
    const topology = topologyOf(
      { small: {} },
      {
        routes: [{ ...route!, hashPolicies: [], destinations: [{ weight: 100, cluster }] }],
        manifests: [destinationRule("test-api-affinity", "test-api-small-headless")],
      },
    );
    const { verdicts } = await suite(["consistent-hashing"], { topology, breaks: { random: true } });
    const reason = failures(verdicts[0])["requests to the tenant's own pod"];
    expect(reason).toContain(
      "are balanced by LEAST_REQUEST, not by hashing: DestinationRule test-api-affinity is for host test-api-small-headless.percolate-test.svc.cluster.local, which nobody calls",
    );
    expect(reason).toContain("istio-routing.yaml:23 host: test-api-small.percolate-test.svc.cluster.local");
  });

  test("a cooldown that is too long", async () => {
    const { verdicts } = await suite(["scale-to-zero"], { breaks: { cooldownSeconds: 90 } });
    expect(Object.keys(failures(verdicts[0]))).toEqual(["last answer to replicas 0", "cooldown"]);
    expect(failures(verdicts[0])["cooldown"]).toContain("s too late: KEDA wrote 1 → 0, ScalerNotActive");
  });

  test("requests that are lost", async () => {
    const { verdicts } = await suite(["scale-from-zero"], { breaks: { loseEvery: 10 } });
    expect(failures(verdicts[0])["requests lost"]).toContain("connection reset ×");
  });
});

describe("a machine that is late", () => {
  test("has the scenario run once more at half the speed, and that counts", async () => {
    const { verdicts, folder } = await suite(["scale-to-zero", "tenant-affinity"], {
      breaks: { lateSeconds: 3, lateFromSpeed: 20 },
    });
    // 3 s are more than the cooldown's margin, and less than any of affinity's.
    expect(
      verdicts.map(({ scenario, attempt, speed, counts, verdict }) => [
        scenario,
        attempt,
        speed,
        counts,
        verdict,
      ]),
    ).toEqual([
      ["scale to zero", 1, 20, false, "pass"],
      ["tenant affinity", 1, 20, true, "pass"],
      ["scale to zero", 2, 10, true, "pass"],
    ]);
    expect(readdirSync(folder).sort()).toEqual(["events-2.jsonl", "events.jsonl"]);
    expect(exitCode(verdicts)).toBe(0);
  });

  test("leaves the check undecided if the second attempt is late too", async () => {
    const { verdicts } = await suite(["scale-to-zero"], { breaks: { lateSeconds: 3 } });
    expect(verdicts.map(({ attempt, verdict }) => [attempt, verdict])).toEqual([
      [1, "pass"],
      [2, "undecided"],
    ]);
    const cooldown = verdicts[1]!.checks.find(({ name }) => name === "cooldown");
    expect(cooldown?.reason).toBe(
      "timers ran up to 3 s late (keda) at speed 10; the check's margin is 1.0 s.",
    );
    expect(cooldown?.remedy).toContain("--speed 5");
    expect(exitCode(verdicts)).toBe(1);
  });
});

describe("faults", () => {
  test("a killed pod is seen to come back, tenants return, nothing repeatable is lost", async () => {
    const { verdicts, folder } = await suite(["kill-a-pod"]);
    expect(verdicts[0]?.checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ["killed pod ready again", "pass"],
      ["tenants on one pod after the fault", "pass"],
      ["idempotent requests lost", "pass"],
    ]);
    const kinds: string[] = [];
    for await (const { line } of readRun(folder)) if (line.type === "fault") kinds.push(line.fault);
    expect(kinds).toEqual(["killPod"]);
  });

  test("one that cannot be brought about makes the scenario void", async () => {
    const { verdicts } = await suite(["kill-a-pod"], { breaks: { faultsFail: true } });
    expect(verdicts[0]?.verdict).toBe("void");
    expect(verdicts[0]?.checks[0]?.reason).toContain(
      'the fault "killPod" on tier small was not seen to take effect',
    );
  });
});

test("a burst of 1,000 tenants from zero is answered", async () => {
  const { verdicts } = await suite(["burst"]);
  expect(verdicts[0]?.checks[0]).toMatchObject({ measured: 1000, of: 1000, verdict: "pass" });
});

test("a declared metric is wanted for the metric's checks: else they alone are undecided", async () => {
  const plain = topologyOf();
  const topology = { ...plain, config: { ...plain.config, activeTenants: null } };
  const engine = fakeEngine();
  const standIns: RunEvent = {
    type: "topology",
    atUs: 0,
    objects: 1,
    files: 1,
    tiers: [],
    entry: "edge",
    entryPods: { name: "edge", file: "edge.yaml", line: 1 },
    standIns: ["edge"],
    notActedOn: [],
    findings: [],
  };
  const { verdicts } = await suite(["multi-tenant-scaling"], {
    topology,
    options: {
      engine: {
        ...engine,
        start: (options) => {
          options.onEvent(standIns);
          return engine.start(options);
        },
      },
    },
  });
  const undecided = verdicts[0]!.checks.filter(({ verdict }) => verdict === "undecided");
  expect(new Set(undecided.map(({ name }) => name))).toEqual(new Set(["active tenants that KEDA saw"]));
  expect(verdicts[0]!.verdict).toBe("undecided");
});

test("what is interrupted says so and leaves a log that can be read", async () => {
  const controller = new AbortController();
  const { interrupted, verdicts, folder } = await suite(["tenant-affinity"], {
    options: {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === "request") controller.abort();
      },
    },
  });
  expect(interrupted).toBe(true);
  expect(verdicts).toEqual([]);
  const told: string[] = [];
  for await (const { line } of readRun(folder))
    if (line.type === "scenario") told.push(`${line.scenario} ${line.what}`);
  expect(told[0]).toBe("tenant affinity started");
  expect(told).not.toContain("tenant affinity ended");
});
