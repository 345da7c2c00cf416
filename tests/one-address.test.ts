/** A machine with 127.0.0.1 alone, as macOS is: pods differ by port, and nothing else is different. */
import { readFileSync } from "node:fs";
import { start } from "limpet";
import { expect, test } from "vitest";
import { checkNamed, hasProc, inRepository, limpetTest, onlyScenario, processesOfRun } from "./kit.ts";

const NAME = "LISTEN_ADDRESS=";
const ONE = { LIMPET_ONE_ADDRESS: "1" };

/** Nothing for a process that has ended: KEDA takes the first pods away while we look. */
function listenAddressOf(pid: number): string[] {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    return environment.flatMap((one) => (one.startsWith(NAME) ? [one.slice(NAME.length)] : []));
  } catch {
    return [];
  }
}

test.skipIf(!hasProc)("every program listens on 127.0.0.1", async () => {
  await using run = await start({
    topology: inRepository("k8s/test-topology"),
    // A request from zero is held for a minute at most: twelve seconds of a busy machine.
    speed: 5,
    seed: 3,
    env: ONE,
  });
  const addresses = processesOfRun(process.pid).flatMap(listenAddressOf);
  expect(addresses.length).toBeGreaterThanOrEqual(2);
  expect(new Set(addresses)).toEqual(new Set(["127.0.0.1"]));
  const answer = await fetch(`${run.gatewayUrl}/request`, { headers: { "x-tenant-id": "a" } });
  expect([answer.status, await answer.json()]).toMatchObject([200, { tenant_id: "a" }]);
});

test("a killed gateway asks the headless name for its tenants' pods, each at a port of its own", async () => {
  const tested = await limpetTest(["kill a gateway", "--seed", "3"], { env: ONE });
  const scenario = onlyScenario(tested);
  expect(scenario.verdict, tested.said).toBe("pass");
  expect(checkNamed(scenario, "tenants on one pod after the fault").measured).toBe(100);
});

test("a targetPort that nobody listens on stays a port that nobody listens on", async () => {
  const tested = await limpetTest(
    ["scale from zero", "--seed", "3", "--topology", inRepository("tests/fixtures/faults/wrong-target-port")],
    { env: ONE },
  );
  const first = onlyScenario(tested).checks[0]!;
  expect(first.verdict, tested.said).toBe("fail");
  expect(first.reason).toMatch(
    /1 pod ready, and no request to one of them \(10\.244\.[\d.]+:8001\) was answered/,
  );
  expect(first.remedy).toMatch(/:\d+ compare targetPort with the port that the container listens on$/);
});
