/** limpet as a library, as somebody else's test would use it: by its package name, through what it publishes. */
import { type EngineRun, InputError, loadTopology, type RunEvent, start } from "limpet";
import { describe, expect, test } from "vitest";
import { eventually, fixture, hasProc, inRepository, processesOfRun } from "./kit.ts";

type Answer = { readonly pod: string; readonly tenant_id: string };

const ask = async (url: string, tenant: string, header = "x-tenant-id"): Promise<Answer> => {
  const response = await fetch(url, { headers: { [header]: tenant } });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
};

const atZero = (run: EngineRun, tier: string): Promise<unknown> =>
  eventually(
    () => run.tierState(tier),
    ({ specReplicas, pods }) => specReplicas === 0 && pods.length === 0,
    20_000,
  );

describe("start()", () => {
  test("brings a topology up, lets a test ask and look, and leaves nothing behind", async () => {
    const events: RunEvent[] = [];
    const topology = await loadTopology({ path: inRepository("k8s/test-topology") });
    expect(topology.tiers.map(({ name }) => name)).toEqual(["small", "medium", "large"]);

    let urls: readonly string[] = [];
    {
      await using run = await start({ topology, seed: 7, onEvent: (event) => events.push(event) });
      urls = [run.gatewayUrl, run.prometheusUrl];
      if (hasProc) expect(processesOfRun(process.pid).length).toBeGreaterThan(3);

      // KEDA takes the one pod away that a StatefulSet without replicas begins with.
      await atZero(run, "small");
      const first = await ask(`${run.gatewayUrl}/request`, "tenant-a");
      expect(first).toMatchObject({ pod: "test-api-small-0", tenant_id: "tenant-a" });
      const state = run.tierState("small");
      expect(state).toMatchObject({ tier: "small", specReplicas: 1 });
      expect(state.pods).toEqual([{ name: "test-api-small-0", ready: true, terminating: false }]);
      expect(state.scaledObjectReady).toMatchObject({ status: "True" });
      expect((await ask(`${run.gatewayUrl}/request`, "tenant-a")).pod).toBe(first.pod);

      // The metric that woke it can be asked for, as KEDA asks.
      const query = encodeURIComponent('max(test_active_tenants{tier="small"})');
      const answer = await fetch(`${run.prometheusUrl}/api/v1/query?query=${query}`);
      expect(await answer.json()).toMatchObject({
        status: "success",
        data: { resultType: "vector", result: [{ metric: {}, value: [expect.any(Number), "1"] }] },
      });
      const woken = events.find((event) => event.type === "decision" && event.wrote && event.to > event.from);
      expect(woken).toMatchObject({ by: "keda", tier: "small", from: 0, to: 1, reason: "ScalerActive" });
    }

    if (hasProc) expect(processesOfRun(process.pid)).toEqual([]);
    for (const url of urls) await expect(fetch(url)).rejects.toThrow("fetch failed");
  });

  test("two at a time do not meet", async () => {
    await using one = await start({ topology: fixture("shop"), speed: 20, seed: 1 });
    await using two = await start({ topology: fixture("shop"), speed: 20, seed: 2 });
    expect(one.gatewayUrl).not.toBe(two.gatewayUrl);
    await Promise.all([atZero(one, "checkout"), atZero(two, "checkout")]);
    const answer = await ask(`${one.gatewayUrl}/shop`, "shop-1");
    expect(answer.pod).toMatch(/^checkout-/);
    expect(one.tierState("checkout").specReplicas).toBe(1);
    expect(two.tierState("checkout").specReplicas).toBe(0);
  });

  test("faults, from a test", async () => {
    await using run = await start({ topology: inRepository("k8s/test-topology"), seed: 8 });
    await atZero(run, "small");
    const { pod } = await ask(`${run.gatewayUrl}/request`, "tenant-b");
    const fault = await run.inject({ kind: "killPod", tier: "small" });
    expect(fault).toEqual({ target: pod, effective: true, detail: "killed" });
    expect((await ask(`${run.gatewayUrl}/request`, "tenant-b")).pod).toBe(pod);
  });

  test.each([
    ["a speed of nothing", { speed: 0 }, ["speed: a number above 0 is wanted, at most 1000, found 0"]],
    ["a speed backwards", { speed: -1, seed: 1.5 }, [/^speed: .* found -1$/, /^seed: .* found 1\.5$/]],
    ["a speed that is no number", { speed: Number.NaN }, [/found NaN$/]],
  ])("%s is an InputError", async (_, options, problems) => {
    const failed = start({ topology: fixture("shop"), ...options });
    await expect(failed).rejects.toBeInstanceOf(InputError);
    await expect(failed).rejects.toMatchObject({
      problems: problems.map((problem) => expect.stringMatching(problem)),
    });
    if (hasProc) expect(processesOfRun(process.pid)).toEqual([]);
  });

  test("what cannot be read is one InputError, with each thing wrong, and nothing is started", async () => {
    const failed = start({ topology: "no/such/folder" });
    await expect(failed).rejects.toBeInstanceOf(InputError);
    await expect(failed).rejects.toMatchObject({
      problems: [expect.stringMatching(/^no\/such\/folder: no such file or folder/)],
    });
    if (hasProc) expect(processesOfRun(process.pid)).toEqual([]);
  });
});
