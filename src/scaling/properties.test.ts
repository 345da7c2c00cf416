/** Promises that hold for every input, and that a wrong rule breaks. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hpaSync } from "./hpa.ts";
import { kedaCheck } from "./keda.ts";
import { limitLegacy } from "./legacy-limit.ts";
import { stabilize, stabilizeLegacy } from "./stabilize.ts";
import { defaultSpec, hpaInput, hpaSpec, kedaInput, prometheusTrigger, seconds } from "./testing.ts";
import { metricMilli } from "./scaled-object.ts";
import type { HpaBehavior, HpaInput, Reading, Recommendation } from "./types.ts";

const NOW = seconds(10_000);
const replicas = fc.nat({ max: 60 });
const history = fc.array(
  fc.record({ atUs: fc.integer({ min: 0, max: 700 }).map((ago) => NOW - seconds(ago)), replicas }),
  { maxLength: 20 },
);
const policy = fc.record({
  type: fc.constantFrom("Pods" as const, "Percent" as const),
  value: fc.integer({ min: 1, max: 200 }),
  periodSeconds: fc.integer({ min: 1, max: 600 }),
});
const rules = fc.record(
  {
    stabilizationWindowSeconds: fc.integer({ min: 0, max: 600 }),
    selectPolicy: fc.constantFrom("Max" as const, "Min" as const, "Disabled" as const),
    policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const behavior: fc.Arbitrary<HpaBehavior> = fc.record(
  { scaleUp: rules, scaleDown: rules },
  { requiredKeys: [] },
);
const changes = fc.array(
  fc.record({
    atUs: fc.integer({ min: 0, max: 700 }).map((ago) => NOW - seconds(ago)),
    change: fc.integer({ min: 1, max: 20 }),
    outdated: fc.boolean(),
  }),
  { maxLength: 6 },
);

/** A pass of any HPA with min ≥ 1, as KEDA makes them. */
const pass = (withBehavior: boolean): fc.Arbitrary<HpaInput> =>
  fc
    .record({
      min: fc.integer({ min: 1, max: 10 }),
      more: replicas,
      current: replicas,
      status: replicas,
      milli: fc.integer({ min: -5000, max: 200_000 }),
      history,
      behavior,
      ups: changes,
      downs: changes,
    })
    .map((given) => {
      const spec = hpaSpec({
        minReplicas: given.min,
        maxReplicas: given.min + given.more,
        ...(withBehavior ? { behavior: given.behavior } : {}),
      });
      const input = hpaInput({
        nowUs: NOW,
        spec,
        milli: given.milli,
        specReplicas: given.current,
        statusReplicas: given.status,
      });
      const state = {
        ...input.state,
        recommendations: given.history,
        scaleUpEvents: given.ups,
        scaleDownEvents: given.downs,
      };
      return { ...input, state };
    });

for (const withBehavior of [false, true]) {
  describe(`an HPA ${withBehavior ? "with" : "without"} behavior`, () => {
    test("never leaves min to max, and never touches zero", () => {
      fc.assert(
        fc.property(pass(withBehavior), (input) => {
          const { write, replicas: after } = hpaSync(input);
          const { minReplicas, maxReplicas } = input.spec;
          if (input.specReplicas === 0) return write === null;
          return after >= minReplicas! && after <= maxReplicas;
        }),
        { numRuns: 1000 },
      );
    });

    test("writes only what differs, and says so in desired", () => {
      fc.assert(
        fc.property(pass(withBehavior), (input) => {
          const result = hpaSync(input);
          expect(result.write === null).toBe(result.replicas === input.specReplicas);
          expect(result.desired).toBe(result.replicas);
        }),
      );
    });
  });
}

describe("with behavior", () => {
  test("the result lies between the current size and the proposal: history never overshoots", () => {
    fc.assert(
      fc.property(pass(true), (input) => {
        const { proposal, replicas: after } = hpaSync(input);
        if (proposal === null) return;
        const { minReplicas, maxReplicas } = input.spec;
        const ends = [input.specReplicas, Math.min(Math.max(proposal, minReplicas!), maxReplicas)];
        expect(after).toBeGreaterThanOrEqual(Math.min(...ends));
        expect(after).toBeLessThanOrEqual(Math.max(...ends));
      }),
      { numRuns: 1000 },
    );
  });
});

const stabilizing = fc.record({
  nowUs: fc.constant(NOW),
  currentReplicas: replicas,
  desiredReplicas: replicas,
  history,
  scaleUpWindowSeconds: fc.nat({ max: 600 }),
  scaleDownWindowSeconds: fc.nat({ max: 600 }),
});

describe("stabilize()", () => {
  test("stays between where it is and where it should be", () => {
    fc.assert(
      fc.property(stabilizing, (given) => {
        const ends = [given.currentReplicas, given.desiredReplicas];
        const { replicas: after } = stabilize(given);
        return after >= Math.min(...ends) && after <= Math.max(...ends);
      }),
    );
  });

  test("without a behavior it does not: an old peak lifts a falling workload", () => {
    const peak: Recommendation[] = [{ atUs: NOW - seconds(9), replicas: 21 }];
    const given = { nowUs: NOW, desiredReplicas: 12, history: peak };
    expect(stabilizeLegacy({ ...given, windowSeconds: 300 }).replicas).toBe(21);
    expect(
      stabilize({ ...given, currentReplicas: 17, scaleUpWindowSeconds: 300, scaleDownWindowSeconds: 600 })
        .replicas,
    ).toBe(17);
  });

  test("never answers less than was wanted inside the scale-down window, going down", () => {
    fc.assert(
      fc.property(stabilizing, (given) => {
        const { replicas: after } = stabilize(given);
        const cutoffUs = NOW - seconds(given.scaleDownWindowSeconds);
        const wanted = given.history.filter(({ atUs }) => atUs > cutoffUs).map((record) => record.replicas);
        const floor = Math.min(given.currentReplicas, Math.max(given.desiredReplicas, ...wanted));
        return after >= floor || after > given.currentReplicas;
      }),
    );
  });

  test("keeps every record that a window still covers", () => {
    fc.assert(
      fc.property(stabilizing, (given) => {
        const longest = Math.max(given.scaleUpWindowSeconds, given.scaleDownWindowSeconds);
        const { history: after } = stabilize(given);
        const inside = (list: readonly Recommendation[]): number =>
          list.filter(({ atUs }) => atUs >= NOW - seconds(longest)).length;
        expect(inside(after)).toBe(inside(given.history) + 1);
        expect(after.length).toBeLessThanOrEqual(given.history.length + 1);
      }),
    );
  });
});

test("limitLegacy() at most doubles, but four are always allowed", () => {
  fc.assert(
    fc.property(replicas, replicas, (current, desired) => {
      const { replicas: after } = limitLegacy(current, desired, 1, 1000);
      return after <= Math.max(2 * current, 4) && after >= 1 && after <= Math.max(desired, 1);
    }),
  );
});

const reading: fc.Arbitrary<Reading> = fc.oneof(
  fc.double({ min: -5, max: 50, noNaN: true }),
  fc.constantFrom<Reading>("empty", "error", Number.NaN, Infinity, 0, 0.001),
);
const check = fc
  .record({
    readings: fc.array(reading, { minLength: 2, maxLength: 2 }),
    currentReplicas: fc.nat({ max: 9 }),
    activeAgo: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
    min: fc.constantFrom(undefined, 0, 2),
    ignoreNullValues: fc.constantFrom("true", "false"),
    replicas: fc.constantFrom(undefined, 0, 3),
    keda: fc.constantFrom("2.13", "2.17", "2.19", "2.21"),
  })
  .map(({ min, ignoreNullValues, replicas: fallback, keda, activeAgo, ...given }) => {
    const { minReplicaCount: _, ...rest } = defaultSpec;
    const trigger = prometheusTrigger({ ignoreNullValues });
    return kedaInput({
      ...given,
      ...(activeAgo === undefined ? {} : { activeAgo }),
      versions: { keda },
      spec: {
        ...rest,
        triggers: [trigger, trigger],
        ...(min === undefined ? {} : { minReplicaCount: min }),
        ...(fallback === undefined ? {} : { fallback: { failureThreshold: 1, replicas: fallback } }),
      },
    });
  });

describe("KEDA", () => {
  test("goes to zero only from an inactive check with the cooldown over, and in one write", () => {
    fc.assert(
      fc.property(check, (input) => {
        const { write, active, triggers } = kedaCheck(input);
        if (write !== 0) return;
        const last = input.state.status.lastActiveUnixSeconds;
        const since = last === null ? Infinity : input.nowUs / 1e6 - (last - input.epochUnixSeconds);
        expect(active).toBe(false);
        expect(since).toBeGreaterThan(60);
        expect(input.spec.minReplicaCount ?? 0).toBe(0);
        expect(triggers.some((trigger) => trigger.active)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("without idle mode an active workload that runs is never touched", () => {
    fc.assert(
      fc.property(check, (input) => {
        const { write, active } = kedaCheck(input);
        return !active || input.currentReplicas === 0 || write === null;
      }),
    );
  });

  test("an error without a fallback freezes whatever there is, unless another trigger is active", () => {
    fc.assert(
      fc.property(check, (input) => {
        const { write, active, errored } = kedaCheck(input);
        return !errored || active || input.spec.fallback !== undefined || write === null;
      }),
    );
  });

  test("decides the same from the same", () => {
    fc.assert(
      fc.property(check, (input) => {
        expect(kedaCheck(structuredClone(input))).toEqual(kedaCheck(input));
      }),
    );
  });
});

test("metricMilli() is at most half a milli away, and whole", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (value) => {
      const milli = metricMilli(value);
      expect(Number.isInteger(milli)).toBe(true);
      expect(Math.abs(milli - value * 1000)).toBeLessThanOrEqual(0.5 + 1e-6);
    }),
  );
});
