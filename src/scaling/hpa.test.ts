import { describe, expect, test } from "vitest";
import { hpaNeedsMetrics, hpaSync, hpaWriteReported, restartedHpa } from "./hpa.ts";
import { hpaInput, hpaSpec, records, seconds } from "./testing.ts";
import { INT32_MAX } from "./quantity.ts";
import type { HpaInput, HpaMetric, HpaResult, HpaSpec } from "./types.ts";

const NOW = seconds(10_000);
const average = (targetMilli: number): HpaMetric => ({ name: "m", targetType: "AverageValue", targetMilli });
const value = (targetMilli: number): HpaMetric => ({ name: "m", targetType: "Value", targetMilli });

/** 9.5: spec and status replicas, the sum, and the proposals of recent and older releases. */
const proposals = [
  ["H1", 1, 1, 2000, average(2000), 1, 1],
  ["H2", 1, 1, 2199, average(2000), 1, 1],
  ["H3 at a ratio of exactly 1.1 old and new differ", 1, 1, 2200, average(2000), 1, 2],
  ["H4", 1, 1, 2201, average(2000), 2, 2],
  ["H5", 1, 1, 3000, average(2000), 2, 2],
  ["H6", 5, 5, 9000, average(2000), 5, 5],
  ["H7", 5, 5, 8990, average(2000), 5, 5],
  ["H8", 5, 5, 8000, average(2000), 4, 4],
  ["H9", 4, 4, 8500, average(2000), 4, 4],
  ["H10 inside the tolerance: status.replicas, not spec's", 5, 4, 8500, average(2000), 4, 4],
  ["H11", 5, 3, 10_000, average(2000), 5, 5],
  ["H12 no pods yet", 1, 0, 10_000, average(2000), 5, 5],
  ["H13 no pods, no load", 1, 0, 0, average(2000), 0, 0],
  ["H14", 3, 3, 8600, average(2150), 4, 4],
  ["H15", 5, 5, 8600, average(3000), 3, 3],
  ["H16", 4, 4, 8600, average(2200), 4, 4],
  ["H17 Value: only ready pods are multiplied", 3, 3, 8600, value(4400), 2, 2],
  ["H18", 4, 4, 8600, value(8666), 4, 4],
  ["H19 a negative sum is taken for an overflow", 1, 1, -1000, average(2000), INT32_MAX, 0],
] as const;

describe("the proposal", () => {
  for (const [name, specReplicas, statusReplicas, milli, metric, recent, old] of proposals) {
    test(name, () => {
      const input = hpaInput({
        milli,
        specReplicas,
        statusReplicas,
        spec: hpaSpec({ metrics: [metric] }),
        pods: { total: specReplicas, ready: name.startsWith("H17") ? 1 : specReplicas },
      });
      expect(hpaSync(input).proposal).toBe(recent);
      expect(hpaSync({ ...input, versions: { kubernetes: "1.32" } }).proposal).toBe(old);
    });
  }

  test("H14 reports the average, rounded up", () => {
    const spec = hpaSpec({ metrics: [average(2150)] });
    const input = hpaInput({ milli: 8600, specReplicas: 3, statusReplicas: 3, spec });
    expect(hpaSync(input).averagesMilli).toEqual([2867]);
  });

  test("H19 is then limited like any other: legacy 4, with behavior 5", () => {
    const input = hpaInput({ milli: -1000 });
    expect(hpaSync(input).write).toBe(4);
    expect(hpaSync({ ...input, spec: hpaSpec({ behavior: {} }) }).write).toBe(5);
  });

  test.each([
    ["1.33", 0],
    ["1.34", INT32_MAX],
  ])("Kubernetes %s on a negative sum", (kubernetes, wanted) => {
    expect(hpaSync({ ...hpaInput({ milli: -1000 }), versions: { kubernetes } }).proposal).toBe(wanted);
  });

  test("3 then -1 is 2; -1 then 3 is the maximum", () => {
    const of = (...milli: number[]): number | null =>
      hpaSync({ ...hpaInput({}), readings: [{ milli }] }).proposal;
    expect([of(3000, -1000), of(-1000, 3000)]).toEqual([1, INT32_MAX]);
  });

  test("no returned item, and Value without a pod, are errors", () => {
    expect(hpaSync({ ...hpaInput({}), readings: [{ milli: [] }] }).conditions.ScalingActive!.reason).toBe(
      "FailedGetExternalMetric",
    );
    const spec = hpaSpec({ metrics: [value(1000)] });
    expect(hpaSync(hpaInput({ milli: 9000, spec, pods: { total: 0, ready: 0 } })).proposal).toBeNull();
    expect(hpaSync(hpaInput({ milli: 9000, spec, pods: { total: 2, ready: 0 } })).proposal).toBe(0);
  });

  test("tolerance of one direction only, from behavior", () => {
    const spec = hpaSpec({ behavior: { scaleUp: { tolerance: "500m" } }, maxReplicas: 50 });
    const at = (milli: number): number | null =>
      hpaSync(hpaInput({ milli, spec, specReplicas: 10, statusReplicas: 10 })).proposal;
    expect([at(30_000), at(30_001), at(18_000), at(17_000)]).toEqual([10, 16, 10, 9]);
  });
});

/** 9.6: what one pass of an HPA without behavior makes of current size, history and load. */
type Legacy = readonly [
  name: string,
  replicas: readonly [number, number],
  history: readonly (readonly [number, number])[],
  milli: number,
  expected: number,
  able: string,
  limited: string,
  spec?: Partial<HpaSpec>,
];
const legacy: readonly Legacy[] = [
  ["L2 from one to four first", [1, 1], [], 10_000, 4, "SucceededRescale", "True ScaleUpLimit"],
  ["L3 then five", [4, 1], [[5, 15]], 10_000, 5, "SucceededRescale", "False DesiredWithinRange"],
  ["L4", [4, 4], [], 22_000, 5, "SucceededRescale", "True TooManyReplicas"],
  ["L8", [5, 5], [[5, 15]], 2000, 5, "ScaleDownStabilized", "False DesiredWithinRange"],
  [
    "L9 a record of exactly 300 s counts",
    [5, 5],
    [[5, 300]],
    2000,
    5,
    "ScaleDownStabilized",
    "False DesiredWithinRange",
  ],
  [
    "L10 a little older does not",
    [5, 5],
    [[5, 300.2]],
    2000,
    1,
    "SucceededRescale",
    "False DesiredWithinRange",
  ],
  [
    "L12",
    [4, 4],
    [
      [10, 600],
      [4, 60],
    ],
    2000,
    4,
    "ScaleDownStabilized",
    "False DesiredWithinRange",
  ],
  ["L13 an old peak scales up", [1, 1], [[5, 120]], 1000, 4, "SucceededRescale", "True ScaleUpLimit"],
  [
    "L14",
    [1, 1],
    [
      [0, 15],
      [0, 30],
    ],
    0,
    1,
    "ReadyForNewScale",
    "True TooFewReplicas",
  ],
  [
    "L16 the window emptied by an outage",
    [5, 5],
    [[5, 310]],
    2000,
    1,
    "SucceededRescale",
    "False DesiredWithinRange",
  ],
  [
    "L17",
    [5, 5],
    [],
    14_000,
    7,
    "SucceededRescale",
    "False DesiredWithinRange",
    { minReplicas: 3, maxReplicas: 8 },
  ],
  ["L18", [3, 3], [], 2_000_000, 6, "SucceededRescale", "True ScaleUpLimit", { maxReplicas: 2000 }],
  [
    "L19",
    [3, 3],
    [
      [4, 120],
      [5, 60],
    ],
    6000,
    5,
    "SucceededRescale",
    "False DesiredWithinRange",
    { maxReplicas: 10 },
  ],
  [
    "L20",
    [3, 3],
    [
      [10, 600],
      [9, 540],
    ],
    6000,
    3,
    "ReadyForNewScale",
    "False DesiredWithinRange",
    { maxReplicas: 10 },
  ],
];

/** The input at NOW with these records. */
function at(
  replicas: readonly [number, number],
  history: readonly (readonly [number, number])[],
  milli: number,
  spec: Partial<HpaSpec> = {},
): HpaInput {
  const input = hpaInput({
    milli,
    specReplicas: replicas[0],
    statusReplicas: replicas[1],
    spec: hpaSpec(spec),
  });
  return { ...input, state: { ...input.state, recommendations: records(NOW, ...history) } };
}

describe("without behavior", () => {
  for (const [name, replicas, history, milli, expected, able, limited, spec] of legacy) {
    test(name, () => {
      const result = hpaSync(at(replicas, history, milli, spec));
      const { AbleToScale, ScalingLimited } = result.conditions;
      expect([
        result.replicas,
        AbleToScale!.reason,
        `${ScalingLimited!.status} ${ScalingLimited!.reason}`,
      ]).toEqual([expected, able, limited]);
    });
  }

  test("L1 zero disables it", () => {
    const result = hpaSync(at([0, 0], [], 10_000));
    expect([result.replicas, result.conditions.ScalingActive]).toMatchObject([
      0,
      { reason: "ScalingDisabled" },
    ]);
    expect(result.state.recommendations).toEqual([]);
  });

  test("L5 doubles: 4, 8, 15", () => {
    const steps: [number, string][] = [];
    let input = at([1, 1], [], 30_000, { maxReplicas: 20 });
    for (let sync = 0; sync < 3; sync++) {
      const { replicas, conditions, state } = hpaSync(input);
      steps.push([replicas, conditions.ScalingLimited!.reason]);
      const nowUs = input.nowUs + seconds(15);
      input = { ...input, state, nowUs, specReplicas: replicas, statusReplicas: replicas };
    }
    expect(steps).toEqual([
      [4, "ScaleUpLimit"],
      [8, "ScaleUpLimit"],
      [15, "DesiredWithinRange"],
    ]);
  });

  test("L6 and L7 outside the bounds it acts at once, whatever the metric, and records nothing", () => {
    const above = hpaSync({ ...at([7, 7], [], 0), readings: [{ error: "down" }] });
    const below = hpaSync({ ...at([1, 1], [], 0, { minReplicas: 2 }), readings: [{ error: "down" }] });
    expect([above.write, below.write]).toEqual([5, 2]);
    expect([above.rescaleReason, below.rescaleReason]).toEqual([
      "Current number of replicas above Spec.MaxReplicas",
      "Current number of replicas below Spec.MinReplicas",
    ]);
    expect([above.state.recommendations, above.conditions.ScalingActive]).toEqual([[], null]);
  });

  test("L11 a first sync records the current size, so it cannot go down at once", () => {
    const input = at([5, 5], [], 2000);
    const fresh = restartedHpa(input.state);
    expect(hpaSync({ ...input, state: fresh }).write).toBeNull();
    expect(hpaSync(input).write).toBe(1);
  });

  test("L13 the event's text compares the proposal: first nothing, then 'below', on the way up", () => {
    const first = hpaSync(at([1, 1], [[5, 120]], 1000));
    expect([first.write, first.rescaleReason]).toEqual([4, ""]);
    const input = at([4, 1], [], 1000);
    const second = hpaSync({ ...input, nowUs: NOW + seconds(15), state: first.state });
    expect([second.write, second.rescaleReason]).toEqual([5, "All metrics below target"]);
  });

  test("L15 an error changes and records nothing", () => {
    const input = at([3, 3], [[3, 15]], 0);
    const result = hpaSync({ ...input, readings: [{ error: "Prometheus is down" }] });
    expect([result.write, result.state.recommendations]).toEqual([null, input.state.recommendations]);
    expect(result.conditions.ScalingActive).toMatchObject({
      status: "False",
      reason: "FailedGetExternalMetric",
    });
  });

  test("says how high the window still reaches", () => {
    const highest = (history: readonly (readonly [number, number])[]): HpaResult["highestRecommendation"] =>
      hpaSync(at([5, 5], history, 2000)).highestRecommendation;
    expect([highest([[5, 15]]), highest([[5, 301]]), highest([])]).toEqual([5, 1, 1]);
  });

  test("a record that left the window gives up its place: the list does not grow", () => {
    let state = hpaInput({}).state;
    for (let sync = 0; sync < 200; sync++) {
      const input = at([5, 5], [], 2000);
      ({ state } = hpaSync({ ...input, state, nowUs: NOW + sync * seconds(15.01) }));
    }
    expect(state.recommendations!.length).toBeLessThan(25);
  });
});

test("hpaNeedsMetrics() only between its bounds, and not at somebody else's zero", () => {
  const needs = [0, 1, 5, 6].map((size) => hpaNeedsMetrics(at([size, size], [], 0)));
  expect(needs).toEqual([false, true, true, false]);
});

describe("several metrics", () => {
  const two = { metrics: [average(2000), average(2000)] };
  const sync = (replicas: number, ...sums: (number | "error")[]): HpaResult =>
    hpaSync({
      ...at([replicas, replicas], [], 0, two),
      readings: sums.map((sum) => (sum === "error" ? { error: "down" } : { milli: [sum] })),
    });

  test("the largest proposal counts", () => expect(sync(2, 2000, 8000).proposal).toBe(4));
  test("one failed, the other would scale up: it does", () => expect(sync(2, "error", 8000).write).toBe(4));
  test("one failed, the other would scale down: nothing", () => {
    expect(sync(4, "error", 2000).conditions.ScalingActive!.reason).toBe("FailedGetExternalMetric");
  });
  test("one failed, the other agrees with the size: that is valid", () => {
    expect(sync(4, "error", 8000).conditions.ScalingActive!.reason).toBe("ValidMetricFound");
  });
});

describe("writes", () => {
  test("a failed one leaves desiredReplicas and stores no event", () => {
    const input = at([1, 1], [], 10_000, { behavior: {} });
    const failed = hpaWriteReported(input, { failed: "conflict" });
    expect([failed.write, failed.replicas, failed.desired]).toEqual([5, 1, 0]);
    expect(failed.conditions.AbleToScale!.reason).toBe("FailedUpdateScale");
    expect(failed.state.scaleUpEvents).toEqual([]);
  });

  test("a late one dates its event", () => {
    const late = hpaWriteReported(at([1, 1], [], 10_000, { behavior: {} }), { atUs: NOW + 10_000 });
    expect(late.state.scaleUpEvents).toEqual([{ atUs: NOW + 10_000, change: 4, outdated: false }]);
  });

  test("a scale that cannot be read stops everything", () => {
    const result = hpaSync({ ...at([1, 1], [], 10_000), scaleError: "not found" });
    expect([result.write, result.conditions.AbleToScale!.reason]).toEqual([null, "FailedGetScale"]);
  });
});

describe("scale to zero (1.37)", () => {
  const zero = { minReplicas: 0, behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } };

  test("an HPA with minReplicas 0 goes there itself and comes back", () => {
    const down = hpaSync(at([3, 3], [], 0, zero));
    expect([down.write, down.conditions.ScaledToZero!.status]).toEqual([0, "True"]);
    const up = hpaSync({ ...at([0, 0], [], 5000, zero), state: down.state });
    expect([up.write, up.conditions.ScaledToZero!.status]).toEqual([3, "False"]);
  });

  // Seen by recording: below min, which elsewhere means min at once, is not looked at here.
  test("min raised at its own zero: the metrics are still asked, and an error holds everything", () => {
    const { state } = hpaSync(at([3, 3], [], 0, zero));
    const raised = { ...zero, minReplicas: 2 };
    const from = (milli: number) => hpaSync({ ...at([0, 0], [], milli, raised), state });
    expect([from(6000).write, from(0).write]).toEqual([3, 2]);
    expect(from(0).rescaleReason).toBe("Current number of replicas below Spec.MinReplicas");
    const input = at([0, 0], [], 0, raised);
    expect(hpaNeedsMetrics({ ...input, state })).toBe(true);
    const failed = hpaSync({ ...input, state, readings: [{ error: "HTTP 500" }] });
    expect([failed.write, failed.conditions.ScalingActive!.reason]).toEqual([
      null,
      "FailedGetExternalMetric",
    ]);
  });

  test("somebody else's zero disables it, as before", () => {
    expect(hpaSync(at([0, 0], [], 5000, zero)).conditions.ScalingActive!.reason).toBe("ScalingDisabled");
    const older = (kubernetes: string) =>
      hpaSync({ ...at([0, 0], [], 5000, zero), versions: { kubernetes } }).write;
    expect([older("1.36"), older("1.35")]).toEqual([null, 3]);
  });
});
