import { describe, expect, test } from "vitest";
import { fallbackMilli, fallbackReplicas, isBeyondThreshold } from "./fallback.ts";
import { kedaCheck } from "./keda.ts";
import { hpaSync } from "./hpa.ts";
import { servedMetric } from "./served-metric.ts";
import { defaultSpec, hpaInput, kedaInput, prometheusTrigger, type Given } from "./testing.ts";
import type { FallbackSpec, KedaInput, MetricHealth, ScaledObjectSpec } from "./types.ts";

const withFallback = (fallback: FallbackSpec, threshold = "2"): ScaledObjectSpec => ({
  ...defaultSpec,
  fallback,
  triggers: [prometheusTrigger({ threshold })],
});

/** A check after `failures` failed ones in a row. */
function after(failures: number, given: Given): KedaInput {
  const input = kedaInput(given);
  const health: MetricHealth = { numberOfFailures: failures, status: failures === 0 ? "Happy" : "Failing" };
  const status = { ...input.state.status, health: { "s0-prometheus": health } };
  const memory = { ...input.state.memory, scalers: { copy: status, builtByPoll: false } };
  return { ...input, state: { ...input.state, status, memory } };
}

const three = withFallback({ failureThreshold: 3, replicas: 3 });
const error = { readings: ["error"] } as const;

describe("fallback in the loop", () => {
  test("F1 2.13 writes the replicas at the first failure, from zero too", () => {
    const result = kedaCheck(after(0, { ...error, spec: three, versions: { keda: "2.13" } }));
    expect(result.write).toBe(3);
    expect(result.conditions.Fallback.status).toBe("True");
  });

  for (const keda of ["2.17", "2.18"]) {
    test(`F2 ${keda} never starts at zero: only the HPA's requests count`, () => {
      const result = kedaCheck(after(9, { ...error, spec: three, versions: { keda } }));
      expect(result.write).toBeNull();
      expect(result.state.status.health["s0-prometheus"]!.numberOfFailures).toBe(9);
    });
  }

  test("F3 the third failure is not more than the threshold of 3", () => {
    const result = kedaCheck(after(2, { ...error, spec: three }));
    expect([result.write, result.errored, result.row]).toEqual([
      null,
      true,
      "I1: failed, the fallback waits",
    ]);
  });

  test("F4 the fourth is: active, and the HPA arrives at the fallback's replicas", () => {
    const result = kedaCheck(after(3, { ...error, spec: three }));
    expect([result.write, result.errored, result.fallbackUsed]).toEqual([1, false, true]);
    expect(result.triggers[0]!.milli).toBe(6000);
    expect(hpaSync(hpaInput({ milli: 6000 })).write).toBe(3);
    expect(result.events.map(({ reason }) => reason)).toContain("ScaledObjectFallbackActivated");
  });

  test("F9 with replicas 0 an error below the threshold falls through to the cooldown", () => {
    const spec = withFallback({ failureThreshold: 3, replicas: 0 });
    expect(kedaCheck(after(0, { ...error, spec, currentReplicas: 5, activeAgo: 100 })).write).toBe(0);
    expect(kedaCheck(after(0, { ...error, spec, currentReplicas: 5, activeAgo: 30 })).write).toBeNull();
  });

  test("a static fallback of 0 is active all the same beyond the threshold", () => {
    const spec = withFallback({ failureThreshold: 3, replicas: 0 });
    expect(kedaCheck(after(3, { ...error, spec })).write).toBe(1);
  });

  test("F10 a success resets the count", () => {
    const spec = withFallback({ failureThreshold: 1, replicas: 3 });
    let input = after(0, { spec, currentReplicas: 2 });
    const counts = ["error", "error", 1, "error"].map((reading) => {
      const { state } = kedaCheck({ ...input, readings: [reading as "error" | 1] });
      input = { ...input, state };
      return state.status.health["s0-prometheus"]!.numberOfFailures;
    });
    expect(counts).toEqual([1, 2, 0, 1]);
    expect(input.state.status.conditions.Fallback.status).toBe("False");
  });

  test("F11 below the threshold nothing moves and Ready stays True", () => {
    const result = kedaCheck(after(0, { ...error, spec: three, currentReplicas: 4, activeAgo: 1000 }));
    expect([result.write, result.conditions.Ready.status]).toEqual([null, "True"]);
  });
});

describe("the value that a fallback serves", () => {
  const rows = [
    ["F5 static", { replicas: 10 }, "10", 3, 100_000],
    ["F6 currentReplicas", { replicas: 10, behavior: "currentReplicas" }, "10", 6, 60_000],
    [
      "F7 currentReplicasIfHigher, it is lower",
      { replicas: 10, behavior: "currentReplicasIfHigher" },
      "10",
      6,
      100_000,
    ],
    [
      "F7 currentReplicasIfHigher, it is higher",
      { replicas: 3, behavior: "currentReplicasIfHigher" },
      "10",
      6,
      60_000,
    ],
    ["F8 currentReplicasIfLower", { replicas: 3, behavior: "currentReplicasIfLower" }, "2", 1, 2000],
    ["an unknown behavior is static", { replicas: 3, behavior: "sometimes" }, "2", 1, 6000],
    ["milli precision", { replicas: 3 }, "1.5", 1, 4500],
  ] as const;
  for (const [name, fallback, threshold, currentReplicas, milli] of rows) {
    test(name, () => {
      const spec = withFallback({ failureThreshold: 3, ...fallback }, threshold);
      const input = after(3, { ...error, spec, currentReplicas });
      const served = servedMetric({ ...input, metricName: "s0-prometheus" });
      expect([served.milli, served.fallbackUsed]).toEqual([milli, true]);
      const early = servedMetric({
        ...after(2, { ...error, spec, currentReplicas }),
        metricName: "s0-prometheus",
      });
      expect([early.milli, early.fallbackUsed]).toEqual([null, false]);
    });
  }

  test("2.15 to 2.17 cut the target to a whole number", () => {
    const spec = withFallback({ failureThreshold: 3, replicas: 3 }, "1.5");
    const trigger = spec.triggers![0]!;
    const milli = ["2.13", "2.15", "2.17", "2.18"].map((keda) =>
      fallbackMilli({ spec, currentReplicas: 1, versions: { keda } }, trigger),
    );
    expect(milli).toEqual([4500, 3000, 3000, 4500]);
  });

  test("metricType Value is divided by the ready pods; none is an error", () => {
    const trigger = { ...prometheusTrigger(), metricType: "Value" };
    const spec = { ...withFallback({ replicas: 6 }), triggers: [trigger] };
    expect(fallbackMilli({ spec, currentReplicas: 1, readyPods: 3 }, trigger)).toBe(4000);
    expect(fallbackMilli({ spec, currentReplicas: 1, readyPods: 0 }, trigger)).toBeNull();
  });

  test("the threshold must be exceeded", () => {
    const fallback = { failureThreshold: 3, replicas: 1 };
    const beyond = [3, 4].map((numberOfFailures) =>
      isBeyondThreshold(fallback, { numberOfFailures, status: "Failing" }),
    );
    expect(beyond).toEqual([false, true]);
    expect(fallbackReplicas({}, 4)).toBe(0);
  });
});
