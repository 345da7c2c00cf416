import { describe, expect, test } from "vitest";
import { kedaCheck, stoppedKeda } from "./keda.ts";
import { servedMetric, servedMetricAsks } from "./served-metric.ts";
import { defaultSpec, kedaInput, prometheusTrigger } from "./testing.ts";
import type { KedaInput, Reading, ScaledObjectSpec, ServedInput } from "./types.ts";

const request = (
  input: KedaInput,
  readings: readonly Reading[],
  metricName = "s0-prometheus",
): ServedInput => ({
  ...input,
  readings,
  metricName,
});
const cached: ScaledObjectSpec = {
  ...defaultSpec,
  triggers: [{ ...prometheusTrigger(), useCachedMetrics: true }],
};

describe("servedMetric()", () => {
  test("asks the source each time: the loop's value is not reused", () => {
    const input = kedaInput({ readings: [10], currentReplicas: 2 });
    const { state } = kedaCheck(input);
    const asked = request({ ...input, state }, [4]);
    expect(servedMetricAsks(asked)).toEqual([0]);
    expect(servedMetric(asked).milli).toBe(4000);
  });

  test("an error without fallback fails the request", () => {
    expect(servedMetric(request(kedaInput({}), ["error"]))).toMatchObject({
      milli: null,
      fallbackUsed: false,
    });
  });

  test("a metric that the object does not have", () => {
    expect(servedMetric(request(kedaInput({}), [1], "s7-prometheus")).error).toContain("s7-prometheus");
  });
});

describe("useCachedMetrics", () => {
  const polled = (reading: Reading, versions = {}): KedaInput => {
    const input = kedaInput({ spec: cached, readings: [reading], currentReplicas: 2, versions });
    return { ...input, state: kedaCheck(input).state };
  };

  test("serves what the last poll stored, whatever its age", () => {
    const asked = request(polled(10), [4]);
    expect(servedMetricAsks(asked)).toEqual([]);
    expect(servedMetric(asked).milli).toBe(10_000);
  });

  test("also a stored error, without asking (2.21)", () => {
    const asked = request(polled("error"), [4]);
    expect([servedMetricAsks(asked), servedMetric(asked).milli]).toEqual([[], null]);
  });

  test("2.20 drops all records on an error, so it asks", () => {
    expect(servedMetricAsks(request(polled("error", { keda: "2.20" }), [4]))).toEqual([0]);
  });

  test("before the first poll, and after the loop was stopped, it asks", () => {
    expect(servedMetricAsks(request(kedaInput({ spec: cached }), [4]))).toEqual([0]);
    const input = polled(10);
    expect(servedMetricAsks(request({ ...input, state: stoppedKeda(input.state) }, [4]))).toEqual([0]);
  });
});

describe("scalingModifiers", () => {
  const spec: ScaledObjectSpec = {
    ...defaultSpec,
    triggers: [
      { ...prometheusTrigger(), name: "a" },
      { ...prometheusTrigger(), name: "b" },
    ],
    advanced: { scalingModifiers: { formula: "a + b", target: "2", activationTarget: "3" } },
  };
  const ask = (
    readings: readonly Reading[],
    given: ScaledObjectSpec = spec,
  ): ReturnType<typeof servedMetric> =>
    servedMetric(request(kedaInput({ spec: given }), readings, "composite-metric"));

  test("one request asks all triggers and serves the formula's value", () => {
    expect(servedMetricAsks(request(kedaInput({ spec }), [1, 2], "composite-metric"))).toEqual([0, 1]);
    expect(ask([1, 2.5]).milli).toBe(3500);
  });

  test("the loop is active above activationTarget only, and inactive with any error", () => {
    const check = (...readings: Reading[]): boolean => kedaCheck(kedaInput({ spec, readings })).active;
    expect([check(1, 2), check(1, 2.5), check(10, "error")]).toEqual([false, true, false]);
  });

  test("an error fails the request", () => expect(ask([1, "error"]).milli).toBeNull());

  test("a fallback is served instead of the formula", () => {
    const fallback = { failureThreshold: 0, replicas: 4 };
    expect(ask([1, "error"], { ...spec, fallback })).toMatchObject({ milli: 8000, fallbackUsed: true });
  });

  test("unless the formula may see nil", () => {
    const seesNil = (formula: string): number | null =>
      ask([1, "error"], {
        ...spec,
        fallback: { failureThreshold: 0, replicas: 4, behavior: "scalingModifiers" },
        advanced: { scalingModifiers: { formula, target: "2" } },
      }).milli;
    expect([seesNil("a + (b ?? 5)"), seesNil("b")]).toEqual([6000, 8000]);
  });
});

describe("requests count failures on the copy that the scalers were built with", () => {
  const spec: ScaledObjectSpec = { ...defaultSpec, fallback: { failureThreshold: 9, replicas: 1 } };

  test("so the loop's count is overwritten, not added to", () => {
    let input = kedaInput({ spec, currentReplicas: 2 });
    const failures = (): number | undefined => input.state.status.health["s0-prometheus"]?.numberOfFailures;
    const poll = (): void => {
      input = { ...input, state: kedaCheck({ ...input, readings: ["error"] }).state };
    };
    const ask = (): void => {
      input = { ...input, state: servedMetric(request(input, ["error"])).state };
    };
    // The first error drops the scalers; whoever builds them next owns the copy.
    poll();
    expect(failures()).toBe(1);
    ask();
    ask();
    expect(failures()).toBe(3);
  });
});
