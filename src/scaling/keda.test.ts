import { describe, expect, test } from "vitest";
import { kedaCheck, kedaWriteFailed, newKedaState, restartedKeda, triggersToAsk } from "./keda.ts";
import { defaultSpec, EPOCH_UNIX_SECONDS, kedaInput, prometheusTrigger, type Given } from "./testing.ts";
import type { ScaledObjectSpec } from "./types.ts";

const spec = (given: Partial<ScaledObjectSpec>): ScaledObjectSpec => ({ ...defaultSpec, ...given });
const activation5 = spec({ triggers: [prometheusTrigger({ activationThreshold: "5" })] });
const twoTriggers = spec({ triggers: [prometheusTrigger(), prometheusTrigger()] });

/** spec.replicas after, and the conditions that the row is about. */
type Expected = {
  readonly replicas: number;
  readonly active?: string;
  readonly ready?: string;
  readonly event?: string;
  /** lastActiveTime becomes now. */
  readonly refreshed?: boolean;
};

const rows: readonly (readonly [id: string, given: Given, expected: Expected])[] = [
  ["K1 stays at zero at 0", {}, { replicas: 0, active: "ScalerNotActive", refreshed: false }],
  [
    "K2 goes to one at anything above 0",
    { readings: [0.001] },
    { replicas: 1, active: "ScalerActive", event: "KEDAScaleTargetActivated", refreshed: true },
  ],
  ["K3 goes to one, however many are wanted", { readings: [10] }, { replicas: 1, refreshed: true }],
  ["K4 the activation value itself is not active", { spec: activation5, readings: [5] }, { replicas: 0 }],
  ["K5 just above it is", { spec: activation5, readings: [5.001] }, { replicas: 1 }],
  [
    "K6 inactive wins although the HPA would want 2",
    { spec: activation5, readings: [4], currentReplicas: 2, activeAgo: 100 },
    { replicas: 0 },
  ],
  [
    "K7 leaves an active workload to the HPA",
    { readings: [10], currentReplicas: 3 },
    { replicas: 3, refreshed: true },
  ],
  [
    "K8 cools down",
    { currentReplicas: 5, now: 50.3, activeAgo: 50 },
    { replicas: 5, active: "ScalerCooldown", refreshed: false },
  ],
  [
    "K9 the cooldown is over just after 60 s, in one write",
    { currentReplicas: 5, now: 60.3, activeAgo: 60 },
    { replicas: 0, active: "ScalerNotActive", event: "KEDAScaleTargetDeactivated" },
  ],
  [
    "K10 not at exactly 60 s",
    { currentReplicas: 5, now: 60, activeAgo: 60 },
    { replicas: 5, active: "ScalerCooldown" },
  ],
  [
    "K11 storing whole seconds can help",
    { currentReplicas: 5, now: 60.99, activeAgo: 60.04 },
    { replicas: 0 },
  ],
  ["K12 or not", { currentReplicas: 5, now: 60.99, activeAgo: 59.98 }, { replicas: 5 }],
  ["K13 no cooldown for what was never active", { currentReplicas: 1 }, { replicas: 0 }],
  [
    "K14 but initialCooldownPeriod",
    { spec: spec({ initialCooldownPeriod: 120 }), currentReplicas: 1, createdAgo: 60 },
    { replicas: 1, active: "ScalerCooldown" },
  ],
  [
    "K14 which 2.13 does not know",
    {
      spec: spec({ initialCooldownPeriod: 120 }),
      currentReplicas: 1,
      createdAgo: 60,
      versions: { keda: "2.13" },
    },
    { replicas: 0 },
  ],
  [
    "K15 an error freezes",
    { readings: ["error"], currentReplicas: 5, activeAgo: 1000 },
    { replicas: 5, ready: "False TriggerError" },
  ],
  ["K16 also at zero", { readings: ["error"] }, { replicas: 0, ready: "False TriggerError" }],
  [
    "K17 one of two fails: active, but the clock is not refreshed",
    { spec: twoTriggers, readings: [3, "error"], currentReplicas: 2, activeAgo: 20 },
    { replicas: 2, active: "ScalerActive", ready: "Unknown PartialTriggerError", refreshed: false },
  ],
  [
    "K18 yet from zero it lifts and refreshes",
    { spec: twoTriggers, readings: [3, "error"] },
    { replicas: 1, refreshed: true },
  ],
  [
    "K19 so after 90 s of that it goes to zero at once",
    { spec: twoTriggers, readings: [0, 0], currentReplicas: 2, activeAgo: 95 },
    { replicas: 0 },
  ],
  [
    "K20 lifts to the minimum though inactive",
    { spec: spec({ minReplicaCount: 5 }), currentReplicas: 1 },
    { replicas: 5 },
  ],
  [
    "K21 idle to minimum when active",
    { spec: spec({ minReplicaCount: 2, idleReplicaCount: 0 }), readings: [1] },
    { replicas: 2 },
  ],
  [
    "K22 to idle when not",
    { spec: spec({ minReplicaCount: 2, idleReplicaCount: 0 }), currentReplicas: 4, activeAgo: 61 },
    { replicas: 0 },
  ],
  [
    "K23 to an idle count of 1, which the HPA will undo",
    { spec: spec({ minReplicaCount: 2, idleReplicaCount: 1 }), currentReplicas: 2, activeAgo: 61 },
    { replicas: 1 },
  ],
  [
    "K24 a minimum without idle mode is the HPA's business",
    { spec: spec({ minReplicaCount: 2 }), currentReplicas: 5, activeAgo: 1000 },
    { replicas: 5 },
  ],
  [
    "K25 also from below, when active",
    { spec: spec({ minReplicaCount: 2 }), currentReplicas: 1, readings: [1] },
    { replicas: 1 },
  ],
  [
    "K26 paused: frozen",
    { annotations: { "autoscaling.keda.sh/paused": "true" }, currentReplicas: 3, readings: [10] },
    { replicas: 3 },
  ],
  [
    "K27 paused at 2",
    { annotations: { "autoscaling.keda.sh/paused-replicas": "2" }, currentReplicas: 5, readings: [10] },
    { replicas: 2 },
  ],
  [
    "K28 paused-scale-in",
    { annotations: { "autoscaling.keda.sh/paused-scale-in": "true" }, currentReplicas: 5, activeAgo: 1000 },
    { replicas: 5, active: "ScalerNotActive" },
  ],
  [
    "K29 paused-scale-out",
    { annotations: { "autoscaling.keda.sh/paused-scale-out": "true" }, readings: [10] },
    { replicas: 0, active: "ScalerActive", refreshed: false },
  ],
  [
    "K30 force-activation",
    { annotations: { "autoscaling.keda.sh/force-activation": "true" } },
    { replicas: 1 },
  ],
  ["K31 the clock runs while the operator is down", { currentReplicas: 5, activeAgo: 605 }, { replicas: 0 }],
];

describe("kedaCheck()", () => {
  for (const [id, given, expected] of rows) {
    test(id, () => {
      const input = kedaInput(given);
      const result = kedaCheck(input);
      const { Active, Ready } = result.conditions;
      expect(result.replicas).toBe(expected.replicas);
      expect(result.write).toBe(expected.replicas === input.currentReplicas ? null : expected.replicas);
      if (expected.active !== undefined) expect(Active.reason).toBe(expected.active);
      if (expected.ready !== undefined) expect(`${Ready.status} ${Ready.reason}`).toBe(expected.ready);
      if (expected.event !== undefined)
        expect(result.events.map(({ reason }) => reason)).toContain(expected.event);
      if (expected.refreshed !== undefined) {
        const now = EPOCH_UNIX_SECONDS + Math.floor(input.nowUs / 1e6);
        const before = input.state.status.lastActiveUnixSeconds;
        expect(result.state.status.lastActiveUnixSeconds).toBe(expected.refreshed ? now : before);
      }
    });
  }

  test("K32 writes zero at the sixth poll after the last active one", () => {
    let state = newKedaState({ creationUnixSeconds: EPOCH_UNIX_SECONDS });
    let currentReplicas = 5;
    const writes: [number, number][] = [];
    for (let now = 0.02; now < 200; now += 10) {
      const input = kedaInput({ now, currentReplicas, readings: [now < 45 ? 10 : 0] });
      const result = kedaCheck({ ...input, state });
      ({ state } = result);
      currentReplicas = result.replicas;
      if (result.write !== null) writes.push([Math.round(now * 100) / 100, result.write]);
    }
    expect(writes).toEqual([[100.02, 0]]);
  });

  test("a failed write is told, does not refresh the clock, and changes nothing", () => {
    const input = kedaInput({ readings: [1] });
    const failed = kedaWriteFailed(input, "the object has been modified");
    expect(failed.replicas).toBe(0);
    expect(failed.conditions.Ready).toMatchObject({ status: "False", reason: "ErrorScalingTarget" });
    expect(failed.conditions.Active.reason).toBe("ScalerActive");
    expect(failed.state.status.lastActiveUnixSeconds).toBeNull();
    expect(failed.events.map(({ reason }) => reason)).toEqual(["KEDAScaleTargetActivationFailed"]);
  });

  test("says what it did in KEDA's words", () => {
    const up = kedaCheck(kedaInput({ readings: [1], namespace: "test" }));
    expect(up.events[0]!.message).toBe(
      "Scaled apps/v1.StatefulSet test/api from 0 to 1, triggered by s0-prometheus",
    );
    const down = kedaCheck(kedaInput({ currentReplicas: 5, namespace: "test" }));
    expect(down.events[0]!.message).toBe("Deactivated apps/v1.StatefulSet test/api from 5 to 0");
  });

  test("an unset spec.replicas counts as 1", () => {
    expect(kedaCheck(kedaInput({ currentReplicas: null })).write).toBe(0);
  });

  test("a field that is null counts as not written", () => {
    const nulls = JSON.parse(
      '{"idleReplicaCount":null,"fallback":null,"minReplicaCount":null,"advanced":null}',
    ) as Partial<ScaledObjectSpec>;
    const given = kedaInput({ spec: spec(nulls), readings: ["error"], currentReplicas: 3, activeAgo: 1000 });
    expect(kedaCheck(given).row).toBe("I2: failed, no fallback");
    expect(kedaCheck({ ...given, readings: [0] }).write).toBe(0);
  });

  test("scalers that cannot be built stop the check: nothing is written, no condition changes", () => {
    const broken = spec({ triggers: [prometheusTrigger({ threshold: "many" })] });
    const input = kedaInput({ spec: broken, currentReplicas: 5, activeAgo: 1000 });
    const result = kedaCheck(input);
    expect(result.write).toBeNull();
    expect(result.row).toMatch(/threshold/);
    expect(result.state).toEqual(input.state);
  });

  test("2.13 writes Active only when its truth changes", () => {
    const input = kedaInput({ currentReplicas: 3, readings: [1], versions: { keda: "2.13" } });
    const odd = { status: "True", reason: "Earlier", message: "" } as const;
    const { state } = input;
    const before = { ...state.status, conditions: { ...state.status.conditions, Active: odd } };
    const result = kedaCheck({ ...input, state: { ...state, status: before } });
    expect(result.conditions.Active).toBe(odd);
    expect(
      kedaCheck({ ...input, versions: {}, state: { ...state, status: before } }).conditions.Active.reason,
    ).toBe("ScalerActive");
  });
});

describe("triggersToAsk()", () => {
  const seen = { value: 3, milli: 3000, error: null, active: true, fallback: false };
  const working = { status: "True", reason: "ValidMetricFound", message: "" } as const;
  const given = (spec: ScaledObjectSpec): ReturnType<typeof kedaInput> => {
    const input = kedaInput({ spec, hpaScalingActive: working });
    return { ...input, state: { ...input.state, memory: { ...input.state.memory, requested: { 0: seen } } } };
  };

  test("2.21 reuses what the HPA's requests saw, above zero only", () => {
    const above = given(spec({ minReplicaCount: 1 }));
    expect(triggersToAsk(above)).toEqual([]);
    expect(kedaCheck({ ...above, currentReplicas: 2 }).active).toBe(true);
    expect(triggersToAsk({ ...above, versions: { keda: "2.20" } })).toEqual([0]);
    expect(triggersToAsk({ ...above, hpaScalingActive: null })).toEqual([0]);
    expect(triggersToAsk(given(defaultSpec))).toEqual([0]);
  });

  test("a restart forgets it", () => {
    const above = given(spec({ minReplicaCount: 1 }));
    expect(triggersToAsk({ ...above, state: restartedKeda(above.state) })).toEqual([0]);
  });
});
