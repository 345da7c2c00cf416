/** KEDA and its HPA on one target, over a course of the metric: when is what written, and by whom. */
import { describe, expect, test } from "vitest";
import { hpaSpecFromScaledObject, hpaSync, newHpaState } from "./hpa.ts";
import { kedaCheck, newKedaState } from "./keda.ts";
import { servedMetric } from "./served-metric.ts";
import { firstHpaSyncAtUs } from "./schedule.ts";
import { defaultSpec, EPOCH_UNIX_SECONDS, seconds } from "./testing.ts";
import type { HpaBehavior, KedaInput, Reading } from "./types.ts";

const STABILISE: HpaBehavior = { scaleDown: { stabilizationWindowSeconds: 300 } };

type Course = {
  /** What the source answers at a second. */
  readonly value: (at: number) => Reading;
  readonly polls?: readonly number[];
  readonly syncs: readonly number[];
  readonly behavior?: HpaBehavior;
  readonly start?: number;
  /** Writes of somebody else: `[second, replicas]`. */
  readonly outside?: readonly (readonly [number, number])[];
};

const series = (first: number, period: number, last: number): number[] =>
  Array.from(
    { length: Math.floor((last - first) / period + 1e-9) + 1 },
    (_, index) => first + period * index,
  );
const POLLS = series(0.02, 10, 620);

/** Writes as `5 @ 22.01 hpa`, and what the HPA said at each sync. */
function run(course: Course): { readonly writes: string[]; readonly said: ReadonlyMap<number, string[]> } {
  const spec = {
    ...defaultSpec,
    advanced: {
      horizontalPodAutoscalerConfig: course.behavior === undefined ? {} : { behavior: course.behavior },
    },
  };
  const hpaSpec = hpaSpecFromScaledObject({ name: "api", spec });
  let keda = newKedaState({ creationUnixSeconds: EPOCH_UNIX_SECONDS });
  let hpa = newHpaState();
  let replicas = course.start ?? 0;
  const writes: string[] = [];
  const said = new Map<number, string[]>();
  const wrote = (at: number, by: string): void => {
    writes.push(`${replicas} @ ${at.toFixed(2)} ${by}`);
  };
  const input = (at: number): KedaInput => ({
    nowUs: seconds(at),
    epochUnixSeconds: EPOCH_UNIX_SECONDS,
    name: "api",
    spec,
    state: keda,
    currentReplicas: replicas,
    readings: [course.value(at)],
    hpaScalingActive: hpa.conditions.ScalingActive,
  });
  const poll = (at: number): void => {
    const result = kedaCheck(input(at));
    keda = result.state;
    replicas = result.replicas;
    if (result.write !== null) wrote(at, "keda");
  };
  const sync = (at: number): void => {
    const served = servedMetric({ ...input(at), metricName: "s0-prometheus" });
    keda = served.state;
    const result = hpaSync({
      nowUs: seconds(at),
      spec: hpaSpec,
      state: hpa,
      specReplicas: replicas,
      statusReplicas: replicas,
      readings: [served.milli === null ? { error: served.error! } : { milli: [served.milli] }],
    });
    hpa = result.state;
    replicas = result.replicas;
    const { AbleToScale, ScalingActive } = result.conditions;
    said.set(at, [
      AbleToScale!.reason,
      ScalingActive!.reason,
      ...(result.rescaleReason === null ? [] : [result.rescaleReason]),
    ]);
    if (result.write !== null) wrote(at, "hpa");
  };
  const steps = [
    ...(course.polls ?? POLLS).map((at) => ({ at, step: poll })),
    ...course.syncs.map((at) => ({ at, step: sync })),
    ...(course.outside ?? []).map(([at, to]) => ({
      at,
      step: (): void => {
        replicas = to;
        wrote(at, "apply");
      },
    })),
  ].sort((a, b) => a.at - b.at);
  for (const { at, step } of steps) step(at);
  return { writes, said };
}

const saidAt = ({ said }: ReturnType<typeof run>, at: number): string[] =>
  [...said].find(([sync]) => Math.abs(sync - at) < 0.001)![1];
const rising = (at: number): Reading => (at < 3 ? 0 : 10);

describe("end to end", () => {
  test("E1 ten tenants from zero, no behavior: 1, 4, 5", () => {
    expect(run({ value: rising, syncs: [7, 22.01, 37.02, 52.03] }).writes).toEqual([
      "1 @ 10.02 keda",
      "4 @ 22.01 hpa",
      "5 @ 37.02 hpa",
    ]);
  });

  test("E2 with a behavior: 1, 5", () => {
    expect(run({ value: rising, syncs: [7, 22.01, 37.02], behavior: STABILISE }).writes).toEqual([
      "1 @ 10.02 keda",
      "5 @ 22.01 hpa",
    ]);
  });

  const drained = (at: number): Reading => (at < 103 ? 10 : 0);
  const returned = (at: number): Reading => (at < 171 ? drained(at) : 1);
  const syncs = series(7, 15.01, 450);

  test("E3 everybody leaves: one write 5 to 0, 60 s after the last active poll", () => {
    const result = run({ value: drained, syncs, start: 5 });
    expect(result.writes).toEqual(["0 @ 160.02 keda"]);
    for (const at of [112.07, 127.08, 142.09, 157.1]) {
      expect(saidAt(result, at)).toEqual(["ScaleDownStabilized", "ValidMetricFound"]);
    }
    expect(saidAt(result, 172.11)).toEqual(["SucceededGetScale", "ScalingDisabled"]);
  });

  test("E4 one tenant returns soon after, no behavior: the old peak brings five pods", () => {
    const result = run({ value: returned, syncs, start: 5 });
    expect(result.writes).toEqual([
      "0 @ 160.02 keda",
      "1 @ 180.02 keda",
      "4 @ 187.12 hpa",
      "5 @ 202.13 hpa",
      "1 @ 397.26 hpa",
    ]);
    expect(saidAt(result, 187.12)[2]).toBe("");
    expect(saidAt(result, 202.13)[2]).toBe("All metrics below target");
  });

  test("E4 with a behavior it stays at one", () => {
    const result = run({ value: returned, syncs, start: 5, behavior: STABILISE });
    expect(result.writes).toEqual(["0 @ 160.02 keda", "1 @ 180.02 keda"]);
  });

  test("E5 a partial drop: one step, 20 syncs after the last high one", () => {
    const value = (at: number): Reading => (at < 103 ? 10 : 2);
    const result = run({ value, syncs: series(6.94, 15.01, 450), start: 5 });
    expect(result.writes).toEqual(["1 @ 397.20 hpa"]);
  });

  test("E6 an outage freezes; the first successful poll after it may zero at once", () => {
    const value = (at: number): Reading => (at < 50 ? 10 : at < 500 ? "error" : 0);
    expect(run({ value, syncs, start: 5 }).writes).toEqual(["0 @ 500.02 keda"]);
  });

  test("E7 a manifest with replicas 0 is applied again", () => {
    const course = { value: (): Reading => 10, outside: [[55, 0]] as const, start: 5 };
    expect(run({ ...course, syncs: series(7, 15.01, 100) }).writes).toEqual([
      "0 @ 55.00 apply",
      "1 @ 60.02 keda",
      "4 @ 67.04 hpa",
      "5 @ 82.05 hpa",
    ]);
    expect(run({ ...course, syncs: series(7, 15.01, 100), behavior: STABILISE }).writes).toEqual([
      "0 @ 55.00 apply",
      "1 @ 60.02 keda",
      "5 @ 67.04 hpa",
    ]);
  });

  describe("E8 a new object with load: the first sync of its HPA", () => {
    const value = (): Reading => 10;
    const polls = series(0.01, 10, 60);
    const first = (kubernetes: string): number => firstHpaSyncAtUs(0, { kubernetes }) / 1e6;
    test("1.36: after 15 s", () => {
      const syncs = series(first("1.36"), 15, 60);
      expect(run({ value, polls, syncs }).writes).toEqual([
        "1 @ 0.01 keda",
        "4 @ 15.00 hpa",
        "5 @ 30.00 hpa",
      ]);
    });
    test("1.37: at once, before KEDA's write", () => {
      const syncs = series(first("1.37"), 15, 60);
      expect(run({ value, polls, syncs }).writes).toEqual([
        "1 @ 0.01 keda",
        "4 @ 15.00 hpa",
        "5 @ 30.00 hpa",
      ]);
    });
    test("1.37: at once, after it", () => {
      const syncs = series(first("1.37") + 0.02, 15, 60);
      expect(run({ value, polls, syncs }).writes).toEqual(["1 @ 0.01 keda", "4 @ 0.02 hpa", "5 @ 15.02 hpa"]);
    });
  });
});
