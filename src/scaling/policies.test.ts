import { describe, expect, test } from "vitest";
import { hpaSync } from "./hpa.ts";
import { defaultedBehavior } from "./hpa-spec.ts";
import { scaleDownLimit, scaleUpLimit, type PolicyInput } from "./policies.ts";
import { events, hpaInput, hpaSpec, records, seconds } from "./testing.ts";
import type { HpaBehavior, HpaInput, HpaPolicy, HpaScalingRules, ScaleEvent } from "./types.ts";

const NOW = seconds(10_000);
const pods = (value: number, periodSeconds: number): HpaPolicy => ({ type: "Pods", value, periodSeconds });
const percent = (value: number, periodSeconds: number): HpaPolicy => ({
  type: "Percent",
  value,
  periodSeconds,
});
const up = (...policies: HpaPolicy[]): HpaBehavior => ({ scaleUp: { policies } });
const down = (...policies: HpaPolicy[]): HpaBehavior => ({
  scaleDown: { policies, stabilizationWindowSeconds: 0 },
});

type Case = {
  readonly behavior?: HpaBehavior;
  readonly cur: number;
  /** What the metric asks for. */
  readonly wants: number;
  readonly min?: number;
  readonly max?: number;
  readonly ups?: readonly number[];
  readonly downs?: readonly number[];
  readonly history?: readonly (readonly [number, number])[];
};

function inputOf({
  behavior = {},
  cur,
  wants,
  min = 1,
  max = 1000,
  ups = [],
  downs = [],
  history = [],
}: Case): HpaInput {
  const spec = hpaSpec({ minReplicas: min, maxReplicas: max, behavior });
  const input = hpaInput({ milli: wants * 2000, specReplicas: cur, statusReplicas: 0, spec });
  const state = {
    ...input.state,
    recommendations: records(NOW, ...history),
    scaleUpEvents: events(NOW, 50, ...ups),
    scaleDownEvents: events(NOW, 50, ...downs),
  };
  return { ...input, state };
}

/** 9.7: one pass, the size after it, and the reason of ScalingLimited or AbleToScale. */
const rows: readonly (readonly [string, Case, number, string])[] = [
  ["B1 an empty behavior goes from 1 to 5 at once", { cur: 1, wants: 5, max: 5 }, 5, "DesiredWithinRange"],
  ["B3 doubles by default", { cur: 10, wants: 50 }, 20, "ScaleUpLimit"],
  [
    "B4 the larger of two",
    { cur: 10, wants: 500, behavior: up(pods(100, 60), percent(100, 60)) },
    110,
    "ScaleUpLimit",
  ],
  ["B5 1 % of 3 is one pod", { cur: 3, wants: 1000, behavior: up(percent(1, 60)) }, 4, "ScaleUpLimit"],
  [
    "B6 what was added in the period is taken off",
    { cur: 100, wants: 500, behavior: up(pods(150, 120)), ups: [1, 5, 9] },
    235,
    "ScaleUpLimit",
  ],
  ["B7", { cur: 100, wants: 500, behavior: up(percent(200, 120)), ups: [1, 5, 9] }, 255, "ScaleUpLimit"],
  [
    "B8 a limit below the current size is raised to it",
    { cur: 100, wants: 500, behavior: up(pods(5, 120)), ups: [1, 5, 9] },
    100,
    "ScaleUpLimit",
  ],
  [
    "B9 and what was removed is put back",
    { cur: 6, wants: 24, behavior: up(percent(300, 300)), ups: [4], downs: [2] },
    16,
    "ScaleUpLimit",
  ],
  [
    "B11 Disabled",
    { cur: 2, wants: 5, behavior: { scaleUp: { selectPolicy: "Disabled" } } },
    2,
    "ScaleUpLimit",
  ],
  ["B12", { cur: 100, wants: 2, behavior: down(pods(20, 60), percent(1, 60)) }, 80, "ScaleDownLimit"],
  ["B13", { cur: 100, wants: 0, behavior: down(percent(50, 120)), downs: [2, 4, 6] }, 56, "ScaleDownLimit"],
  ["B14", { cur: 10, wants: 1, behavior: down(percent(50, 180)), ups: [2], downs: [4] }, 6, "ScaleDownLimit"],
  [
    "B15 a limit above the current size is lowered to it",
    { cur: 100, wants: 0, behavior: down(percent(10, 120)), downs: [10, 10, 10] },
    100,
    "ScaleDownLimit",
  ],
  [
    "B17 Disabled",
    {
      cur: 5,
      wants: 1,
      behavior: { scaleDown: { selectPolicy: "Disabled", stabilizationWindowSeconds: 0 } },
    },
    5,
    "ScaleDownLimit",
  ],
  ["B18 4.5 is cut to 4", { cur: 5, wants: 1, behavior: down(percent(10, 60)) }, 4, "ScaleDownLimit"],
  ["B19 0.999 to 0", { cur: 5, wants: 1, behavior: down(percent(80, 60)) }, 1, "DesiredWithinRange"],
  ["B20 100 plus 10 % is 111", { cur: 100, wants: 500, behavior: up(percent(10, 60)) }, 111, "ScaleUpLimit"],
  ["B21 100 less 90 % is 9", { cur: 100, wants: 1, behavior: down(percent(90, 60)) }, 9, "ScaleDownLimit"],
  [
    "B28 an old peak does not scale up",
    { cur: 1, wants: 1, history: [[5, 120]], max: 5 },
    1,
    "DesiredWithinRange",
  ],
  [
    "B29 exactly 300 s no longer counts",
    { cur: 5, wants: 1, history: [[5, 300]], max: 5 },
    1,
    "DesiredWithinRange",
  ],
  ["B30", { cur: 3, wants: 1, min: 2, max: 5 }, 2, "TooFewReplicas"],
];

describe("with behavior", () => {
  for (const [name, given, expected, reason] of rows) {
    test(name, () => {
      const result = hpaSync(inputOf(given));
      expect([result.replicas, result.conditions.ScalingLimited!.reason]).toEqual([expected, reason]);
    });
  }

  const held: readonly (readonly [string, Case, number, string])[] = [
    [
      "B24 a scale-down is held at the peak of its window",
      {
        cur: 100,
        wants: 3,
        behavior: { scaleDown: { stabilizationWindowSeconds: 180, policies: [percent(100, 15)] } },
        history: [
          [4, 120],
          [5, 60],
        ],
      },
      5,
      "ScaleDownStabilized",
    ],
    [
      "B25 a scale-up at the low of its own",
      {
        cur: 1,
        wants: 7,
        behavior: { scaleUp: { stabilizationWindowSeconds: 300 } },
        history: [
          [4, 120],
          [5, 60],
        ],
      },
      4,
      "ScaleUpStabilized",
    ],
    [
      "B26 no scale-up while the wish goes down",
      {
        cur: 2,
        wants: 1,
        behavior: { scaleUp: { stabilizationWindowSeconds: 300 } },
        history: [
          [2, 6000],
          [3, 180],
        ],
      },
      2,
      "ScaleDownStabilized",
    ],
    [
      "B27 no scale-down while it goes up",
      {
        cur: 2,
        wants: 3,
        behavior: { scaleUp: { stabilizationWindowSeconds: 300 } },
        history: [
          [2, 6000],
          [1, 180],
        ],
      },
      2,
      "ScaleUpStabilized",
    ],
  ];
  for (const [name, given, expected, reason] of held) {
    test(name, () => {
      const result = hpaSync(inputOf(given));
      const rewritten = result.write === null ? result.conditions.AbleToScale!.reason : reason;
      expect([result.replicas, rewritten]).toEqual([expected, reason]);
    });
  }

  const limitInput = (
    scale: "scaleUp" | "scaleDown",
    rules: HpaScalingRules,
    currentReplicas: number,
  ): PolicyInput => ({
    nowUs: NOW,
    currentReplicas,
    desiredReplicas: 0,
    minReplicas: 1,
    maxReplicas: 100,
    ...defaultedBehavior({ [scale]: rules })!,
    scaleUpEvents: [] as ScaleEvent[],
    scaleDownEvents: [] as ScaleEvent[],
  });
  const least: HpaScalingRules = { selectPolicy: "Min", policies: [pods(2, 60), percent(50, 60)] };

  test("B10 Min of an upward limit", () => expect(scaleUpLimit(limitInput("scaleUp", least, 1))).toBe(2));
  test("B16 Min of a downward one", () => expect(scaleDownLimit(limitInput("scaleDown", least, 5))).toBe(3));
});

/** Syncs at these seconds; `wants(t)` is the proposal. Answers the sizes after each. */
function drive(
  given: Omit<Case, "wants">,
  times: readonly number[],
  wants: (at: number) => number,
): [size: number, reason: string][] {
  let { state } = inputOf({ ...given, wants: 0 });
  let specReplicas = given.cur;
  return times.map((at) => {
    const input = inputOf({ ...given, wants: wants(at) });
    const result = hpaSync({ ...input, state, specReplicas, nowUs: NOW + seconds(at) });
    ({ state } = result);
    specReplicas = result.replicas;
    return [specReplicas, result.conditions.ScalingLimited!.reason];
  });
}
const every15 = (last: number): number[] => Array.from({ length: last / 15 + 1 }, (_, sync) => sync * 15);
/** When the size changed, and to what. */
const steps = (
  times: readonly number[],
  sizes: readonly (readonly [number, string])[],
  from: number,
): string[] =>
  times.flatMap((at, index) => {
    const before = index === 0 ? from : sizes[index - 1]![0];
    return sizes[index]![0] === before ? [] : [`${sizes[index]![0]} @ ${at}`];
  });

describe("over several syncs", () => {
  test("B2 defaults: 5, 10, 15", () => {
    expect(drive({ cur: 1, max: 20 }, [0, 15, 30], () => 15)).toEqual([
      [5, "ScaleUpLimit"],
      [10, "ScaleUpLimit"],
      [15, "DesiredWithinRange"],
    ]);
  });

  test("B22 one pod a minute down", () => {
    const times = every15(180);
    const sizes = drive({ cur: 5, behavior: down(pods(1, 60)), max: 5 }, times, () => 1);
    expect(steps(times, sizes, 5)).toEqual(["4 @ 0", "3 @ 60", "2 @ 120", "1 @ 180"]);
  });

  test("B23 one pod a minute up", () => {
    const times = every15(180);
    const sizes = drive({ cur: 1, behavior: up(pods(1, 60)), max: 5 }, times, () => 5);
    expect(steps(times, sizes, 1)).toEqual(["2 @ 0", "3 @ 60", "4 @ 120", "5 @ 180"]);
  });

  const wishes: Readonly<Record<number, number>> = { 0: 20, 15: 30, 30: 30, 45: 40, 60: 1 };
  const behavior = (upPeriod: number): HpaBehavior => ({
    scaleUp: { policies: [pods(100, upPeriod)] },
    scaleDown: { policies: [pods(10, 600)], stabilizationWindowSeconds: 0 },
  });
  test("B31 an event that its own direction forgets is gone for the other too", () => {
    const sizes = drive({ cur: 10, behavior: behavior(15) }, [0, 15, 30, 45, 60], (at) => wishes[at]!);
    expect(sizes.map(([size]) => size)).toEqual([20, 30, 30, 40, 10]);
    expect(sizes.at(-1)![1]).toBe("ScaleDownLimit");
  });
  test("B31 remembered longer, it lets the size fall to the start of the period", () => {
    const sizes = drive({ cur: 10, behavior: behavior(60) }, [0, 15, 30, 45, 60], (at) => wishes[at]!);
    expect(sizes.at(-1)![0]).toBe(1);
  });
});
