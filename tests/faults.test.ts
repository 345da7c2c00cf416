/** Things die under load: the log tells it, they come back, tenants return, and what was lost is counted. */
import { expect, test } from "vitest";
import type { PodEvent, RunEvent } from "../src/events/types.ts";
import { checkNamed, eventsOf, limpetTest, ofType, onlyScenario } from "./kit.ts";

async function passing(scenario: string) {
  const tested = await limpetTest([scenario, "--seed", "3"]);
  const found = onlyScenario(tested);
  expect(found.verdict, tested.said).toBe("pass");
  expect(tested.code, tested.said).toBe(0);
  const all = await eventsOf(tested.result.folder);
  // The attempt that counts: it has a file of the log, and a time 0, of its own.
  const start = all.findLastIndex(({ type }) => type === "topology");
  return { scenario: found, events: all.slice(start) };
}

/** What the log tells of one pod from a fault on: the words of the pod's life, in order. */
function lifeAfter(events: readonly RunEvent[], atUs: number, pod: string): readonly PodEvent[] {
  return ofType(events, "pod").filter((event) => event.pod === pod && event.atUs >= atUs);
}

const wordsOf = (life: readonly PodEvent[]): string[] =>
  life.map(({ what, reason }) => `${what}${reason === undefined ? "" : ` ${reason}`}`);

const faultOf = (events: readonly RunEvent[]) => {
  const faults = ofType(events, "fault");
  expect(faults).toHaveLength(1);
  return faults[0]!;
};

test("an API pod of several: it comes back as the same pod, its tenants return, no idempotent request is lost", async () => {
  const { scenario, events } = await passing("kill a pod");
  const fault = faultOf(events);
  expect(fault).toMatchObject({ fault: "killPod", effective: true });
  const killed = fault.target;
  expect(killed).toMatch(/^test-api-small-\d$/);

  // Killed, seen, restarted by the kubelet: a container's exit, so pod, UID and address stay.
  const life = lifeAfter(events, fault.orderedAtUs, killed).slice(0, 5);
  const words = wordsOf(life);
  expect(words[0]).toMatch(/^exited .*SIGKILL/);
  expect(words.indexOf("listening")).toBeGreaterThan(
    words.findIndex((word) => word.startsWith("restarting")),
  );
  expect(words).toContain("ready");
  expect(new Set(life.map(({ uid }) => uid)).size).toBe(1);
  expect(new Set(life.map(({ podIP }) => podIP)).size).toBe(1);

  // Three pods before it, two while it is away, three again.
  const ready = ofType(events, "endpoints").filter(
    ({ service, tier }) => tier === "small" && !service.includes("headless"),
  );
  const before = ready.findLast(({ atUs }) => atUs < fault.orderedAtUs)!;
  const after = ready.filter(({ atUs }) => atUs >= fault.orderedAtUs);
  expect(before.ready).toHaveLength(3);
  expect(after[0]!.ready.map(({ pod }) => pod)).not.toContain(killed);
  expect(after.some(({ ready: pods }) => pods.length === 3)).toBe(true);

  const lost = checkNamed(scenario, "idempotent requests lost");
  expect(lost).toMatchObject({ measured: 0, verdict: "pass" });
  // Both that may be repeated were on their way: GET, and POST with its Idempotency-Key.
  const methods = new Set(ofType(events, "request").map(({ method }) => method));
  expect(methods).toEqual(new Set(["GET", "POST"]));
  expect(lost.samples).toBeGreaterThan(500);
  expect(checkNamed(scenario, "tenants on one pod after the fault").measured).toBe(100);

  // It was in use: its tenants had answers from it before, and from it again afterwards.
  const from = ofType(events, "request").filter(({ pod }) => pod === killed);
  expect(from.some(({ atUs }) => atUs < fault.orderedAtUs)).toBe(true);
  expect(from.some(({ atUs }) => atUs > fault.atUs)).toBe(true);
});

test("the sidecar: a new one comes up in the same pod and sends every tenant to the same pod", async () => {
  const { scenario, events } = await passing("kill a sidecar");
  const fault = faultOf(events);
  expect(fault).toMatchObject({ fault: "killSidecar", effective: true });
  const words = wordsOf(lifeAfter(events, fault.orderedAtUs, fault.target));
  const proxy = words.filter((word) => word.includes("istio-proxy"));
  expect(proxy[0]).toMatch(/^exited istio-proxy.*SIGKILL/);
  expect(proxy[1]).toMatch(/^restarting istio-proxy/);
  expect(proxy[2]).toMatch(/^listening istio-proxy/);
  // The gateway's own container lives on.
  expect(words.filter((word) => word.startsWith("exited"))).toHaveLength(1);
  expect(checkNamed(scenario, "tenants on one pod after the fault").measured).toBe(100);
  expect(checkNamed(scenario, "requests lost").verdict).toBe("reported");
});

test("the gateway: what was in flight is counted without a limit, and KEDA is never told that nobody is here", async () => {
  const { scenario, events } = await passing("kill a gateway");
  const fault = faultOf(events);
  expect(fault).toMatchObject({ fault: "killGateway", effective: true });
  const words = wordsOf(lifeAfter(events, fault.orderedAtUs, fault.target));
  expect(words[0]).toMatch(/^exited .*SIGKILL/);
  expect(words.some((word) => word.startsWith("restarting"))).toBe(true);
  expect(words).toContain("ready");

  // The count is that of the rows, and what had been sent before the kill is in it.
  const lost = checkNamed(scenario, "requests lost");
  const rows = ofType(events, "request");
  const unanswered = rows.filter(({ outcome }) => outcome === "lost" || outcome === "error");
  expect(lost).toMatchObject({ verdict: "reported", limit: "reported", measured: unanswered.length });
  expect(lost.samples).toBe(rows.length);
  // Requests come eight times a second; the gateway is away for longer than that.
  expect(unanswered.length).toBeGreaterThan(0);
  const inFlight = rows.filter(
    ({ sentAtUs, atUs }) => sentAtUs <= fault.orderedAtUs && atUs > fault.orderedAtUs,
  );
  for (const row of inFlight) expect(["answer", "lost"]).toContain(row.outcome);

  // A gateway that knows nothing yet gives no sample; it never says zero, so no pod is taken away.
  const decisions = ofType(events, "decision").filter(
    ({ tier, atUs }) => tier === "small" && atUs > fault.orderedAtUs,
  );
  expect(decisions.length).toBeGreaterThan(10);
  expect(decisions.filter(({ to, from }) => to < from)).toEqual([]);
  expect(decisions.flatMap(({ metrics }) => metrics).filter(({ value }) => value === 0)).toEqual([]);
  expect(checkNamed(scenario, "pods")).toMatchObject({ verdict: "pass", measured: 3 });
  expect(checkNamed(scenario, "tenants on one pod after the fault").measured).toBe(100);
});
