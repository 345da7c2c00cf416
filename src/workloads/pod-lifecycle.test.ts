import { describe, expect, test } from "vitest";
import {
  containerExited,
  containerStarted,
  newPod,
  nextProbe,
  podDeleted,
  podView,
  probed,
} from "./pod-lifecycle.ts";
import type { Pod, PodSpec, ProbeKind, ProbeSpec } from "./types.ts";

const s = (seconds: number): number => Math.round(seconds * 1e6);
const probe = (given: Partial<ProbeSpec> = {}): ProbeSpec => ({
  initialDelaySeconds: 0,
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
  ...given,
});
const spec = (given: Partial<PodSpec> = {}): PodSpec => ({
  name: "api-0",
  startupProbe: null,
  readinessProbe: null,
  livenessProbe: null,
  terminationGracePeriodSeconds: 30,
  preStopSleepSeconds: 0,
  ...given,
});
const running = (given: Partial<PodSpec> = {}, startedAt = 1): Pod =>
  containerStarted(newPod(spec(given), 0), s(startedAt));

/** Answers probes as they come until `until`; what was asked, as `readiness @ 1`, and the pod after. */
function probing(
  pod: Pod,
  until: number,
  answer: (kind: ProbeKind, at: number) => boolean,
): { readonly asked: string[]; readonly pod: Pod; readonly kills: string[] } {
  const asked: string[] = [];
  const kills: string[] = [];
  let now = pod;
  for (;;) {
    const next = nextProbe(now);
    if (next === null || next.atUs > s(until)) return { asked, kills, pod: now };
    asked.push(`${next.kind} @ ${next.atUs / 1e6}`);
    const step = probed(now, next.kind, answer(next.kind, next.atUs / 1e6), next.atUs);
    now = step.pod;
    if (step.kill !== null) kills.push(`${next.kind} @ ${next.atUs / 1e6}`);
  }
}

describe("readiness", () => {
  test("without a probe a pod is ready as soon as it runs", () => {
    expect(podView(newPod(spec(), 0))).toMatchObject({ phase: "Pending", ready: false });
    expect(podView(running())).toMatchObject({ phase: "Running", ready: true, readySinceUs: s(1) });
  });

  test("with one it is asked at once, then each period from there", () => {
    const pod = running({ readinessProbe: probe() });
    const { asked, pod: after } = probing(pod, 35, (_, at) => at >= 15);
    expect(asked).toEqual(["readiness @ 1", "readiness @ 11", "readiness @ 21", "readiness @ 31"]);
    expect(after.readySinceUs).toBe(s(21));
  });

  test("not before initialDelaySeconds", () => {
    const pod = running({ readinessProbe: probe({ initialDelaySeconds: 15 }) });
    expect(probing(pod, 35, () => true).asked).toEqual(["readiness @ 21", "readiness @ 31"]);
  });

  test("it takes failureThreshold failures to lose it, successThreshold successes to win it back", () => {
    const pod = running({ readinessProbe: probe({ periodSeconds: 1, successThreshold: 2 }) });
    const ready: boolean[] = [];
    let now = pod;
    for (const success of [true, true, false, false, true, false, false, false, true, true]) {
      now = probed(now, "readiness", success, nextProbe(now)!.atUs).pod;
      ready.push(now.ready);
    }
    expect(ready).toEqual([false, true, true, true, true, true, true, false, false, true]);
  });

  test("goes on while the pod terminates: that is what serving reports", () => {
    const pod = probing(running({ readinessProbe: probe(), livenessProbe: probe() }), 5, () => true).pod;
    const deleted = podDeleted(pod, s(12));
    expect(podView(deleted)).toMatchObject({ ready: true, terminating: true });
    expect(probing(deleted, 45, () => false).asked).toEqual([
      "readiness @ 11",
      "readiness @ 21",
      "readiness @ 31",
      "readiness @ 41",
    ]);
  });

  test("an answer that comes after the container is gone says nothing", () => {
    const gone = containerExited(running({ readinessProbe: probe() }), s(1.5), 1);
    expect(probed(gone, "readiness", true, s(1.6))).toEqual({ pod: gone, kill: null });
  });
});

describe("startup and liveness", () => {
  const probes = {
    startupProbe: probe({ periodSeconds: 5 }),
    readinessProbe: probe(),
    livenessProbe: probe(),
  };

  test("nothing else is asked until the startup probe has succeeded", () => {
    const { asked, pod } = probing(running(probes), 25, (kind, at) => kind !== "startup" || at >= 10);
    expect(asked).toEqual([
      "startup @ 5",
      "startup @ 10",
      "readiness @ 10",
      "liveness @ 10",
      "readiness @ 20",
      "liveness @ 20",
    ]);
    expect([pod.started, pod.ready]).toEqual([true, true]);
  });

  test("a startup probe that fails too often restarts the container", () => {
    expect(probing(running(probes), 60, () => false).kills).toEqual(["startup @ 15"]);
  });

  test("so does liveness, and then nothing is asked until there is a new container", () => {
    const { kills, asked, pod } = probing(running({ livenessProbe: probe() }), 100, () => false);
    expect([kills, asked.length]).toEqual([["liveness @ 30"], 3]);
    const again = containerStarted(containerExited(pod, s(31), 137), s(31));
    expect(probing(again, 100, () => false).kills).toEqual(["liveness @ 60"]);
  });

  test("neither is asked of a pod that is being deleted", () => {
    expect(nextProbe(podDeleted(running({ livenessProbe: probe() }), s(2)))).toBeNull();
  });
});

describe("restarts", () => {
  /** Exits `after` seconds after each start; the waits between exit and start. */
  const waits = (after: number, times: number): number[] => {
    let pod = running();
    let now = s(1);
    return Array.from({ length: times }, () => {
      now += s(after);
      pod = containerExited(pod, now, 1);
      if (pod.container.state !== "waiting") throw new Error("expected it to wait");
      const wait = (pod.container.startAtUs - now) / 1e6;
      now = pod.container.startAtUs;
      pod = containerStarted(pod, now);
      return wait;
    });
  };

  test("at once, then 10 s, doubling to 300 s", () => {
    expect(waits(1, 9)).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test("a container that lived for 10 minutes starts with a clean sheet", () => {
    expect(waits(600, 3)).toEqual([0, 10, 20]);
    expect(waits(601, 3)).toEqual([0, 0, 0]);
  });

  test("the pod stays, running but not ready, and counts", () => {
    const pod = containerExited(running(), s(5), 3);
    expect(podView(pod)).toMatchObject({ phase: "Running", ready: false });
    expect([pod.restarts, pod.lastExitCode]).toEqual([1, 3]);
  });
});

describe("deletion", () => {
  const times = (grace: number, preStop: number): (number | undefined)[] => {
    const given = { terminationGracePeriodSeconds: grace, preStopSleepSeconds: preStop };
    const { deletion } = podDeleted(running(given), s(10));
    return [deletion?.sigtermAtUs, deletion?.sigkillAtUs].map((us) => us! / 1e6);
  };
  test("grace counts from the deletion and includes preStop", () => {
    expect(times(30, 0)).toEqual([10, 40]);
    expect(times(30, 5)).toEqual([15, 40]);
  });
  test("a preStop that uses it up leaves two seconds", () => expect(times(30, 60)).toEqual([40, 42]));

  test("the exit of a deleted pod is its end, not a restart", () => {
    const pod = containerExited(podDeleted(running(), s(10)), s(11), 0);
    expect([pod.container, pod.restarts]).toEqual([{ state: "terminated", exitCode: 0 }, 0]);
  });

  test("a pod without a running container has nothing to wait for", () => {
    const pod = podDeleted(newPod(spec(), 0), s(1));
    expect([pod.container.state, pod.deletion?.sigkillAtUs]).toEqual(["terminated", s(1)]);
  });

  test("a second deletion changes nothing", () => {
    const pod = podDeleted(running(), s(10));
    expect(podDeleted(pod, s(20))).toBe(pod);
  });
});
