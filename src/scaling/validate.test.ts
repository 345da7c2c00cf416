import { describe, expect, test } from "vitest";
import { checkFailedConditions } from "./keda.ts";
import { hpaSpecFromScaledObject } from "./hpa.ts";
import { reconcileRetryAfterUs } from "./schedule.ts";
import { validateScaledObject } from "./validate.ts";
import { defaultSpec, prometheusTrigger } from "./testing.ts";
import type { ScaledObjectSpec, ValidationInput } from "./types.ts";

/** The default object without bounds, and with what is given. */
const bare = (given: Partial<ScaledObjectSpec>): ScaledObjectSpec => ({
  scaleTargetRef: defaultSpec.scaleTargetRef!,
  triggers: defaultSpec.triggers!,
  ...given,
});
const rulesOf = (given: Partial<ScaledObjectSpec>, rest: Partial<ValidationInput> = {}): string[] =>
  validateScaledObject({
    name: "api",
    namespace: "test",
    spec: bare(given),
    versions: { keda: "2.19" },
    ...rest,
  }).map(({ rule, severity }) => (severity === "reject" ? rule : `(${rule})`));
const newest = { versions: {} };
const cpu = { type: "cpu", metadata: { value: "50" } };
const modifiers = { formula: "one + two", target: "2" };
const named = [
  { ...prometheusTrigger(), name: "one" },
  { ...prometheusTrigger(), name: "two" },
];

const rows: readonly (readonly [string, string[], string[]])[] = [
  ["V1 min 2, max 1", rulesOf({ minReplicaCount: 2, maxReplicaCount: 1 }), ["min-above-max"]],
  ["V2 min 1, idle 1", rulesOf({ minReplicaCount: 1, idleReplicaCount: 1 }), ["idle-not-below-min"]],
  ["V3 min 1, max 5, idle 0", rulesOf({ minReplicaCount: 1, maxReplicaCount: 5, idleReplicaCount: 0 }), []],
  ["V4 min absent, idle 0", rulesOf({ idleReplicaCount: 0 }), ["idle-not-below-min"]],
  ["V5 min 0, idle 0: a quirk", rulesOf({ minReplicaCount: 0, idleReplicaCount: 0 }), []],
  ["V6 min 0, max 0", rulesOf({ minReplicaCount: 0, maxReplicaCount: 0 }), ["min-above-max"]],
  ["V7 no kind is admitted", rulesOf({ scaleTargetRef: { name: "api" } }), []],
  [
    "V8 somebody else's HPA on the target",
    rulesOf(
      {},
      { hpas: [{ name: "mine", owner: null, scaleTargetRef: { kind: "StatefulSet", name: "api" } }] },
    ),
    ["foreign-hpa"],
  ],
  [
    "V8 its own is fine",
    rulesOf(
      {},
      { hpas: [{ name: "h", owner: "api", scaleTargetRef: { kind: "StatefulSet", name: "api" } }] },
    ),
    [],
  ],
  [
    "V8 an HPA that opts out",
    rulesOf(
      {},
      {
        hpas: [
          {
            name: "h",
            owner: null,
            annotations: { "validations.keda.sh/hpa-ownership": "false" },
            scaleTargetRef: { kind: "StatefulSet", name: "api" },
          },
        ],
      },
    ),
    [],
  ],
  [
    "V8 taking over the HPA that is named",
    rulesOf(
      { advanced: { horizontalPodAutoscalerConfig: { name: "h" } } },
      {
        annotations: { "scaledobject.keda.sh/transfer-hpa-ownership": "true" },
        hpas: [{ name: "h", owner: null, scaleTargetRef: { kind: "StatefulSet", name: "api" } }],
      },
    ),
    [],
  ],
  [
    "V9 same name, other kind",
    rulesOf({}, { others: [{ name: "b", spec: bare({ scaleTargetRef: { name: "api" } }) }] }),
    [],
  ],
  ["two objects on one target", rulesOf({}, { others: [{ name: "b", spec: bare({}) }] }), ["target-taken"]],
  ["V10 only cpu, min 0", rulesOf({ triggers: [cpu] }), ["scale-to-zero-on-resources"]],
  ["V10 is not looked at on a dry run", rulesOf({ triggers: [cpu] }, { dryRun: true }), []],
  ["no triggers", rulesOf({ triggers: [] }), ["no-triggers"]],
  ["two triggers of one name", rulesOf({ triggers: [named[0]!, named[0]!] }), ["duplicate-trigger-name"]],
  [
    "useCachedMetrics on cron",
    rulesOf({ triggers: [{ type: "cron", useCachedMetrics: true }, prometheusTrigger()] }),
    ["cached-metrics"],
  ],
  [
    "a container without requests",
    rulesOf({ triggers: [cpu], minReplicaCount: 1 }, { containers: [{ name: "app" }] }),
    ["missing-resources"],
  ],
  [
    "a limit alone is enough",
    rulesOf(
      { triggers: [cpu], minReplicaCount: 1 },
      { containers: [{ name: "app", limits: { cpu: "100m" } }] },
    ),
    [],
  ],
  [
    "or a LimitRange",
    rulesOf(
      { triggers: [cpu], minReplicaCount: 1 },
      { containers: [{ name: "app" }], limitRangeDefaults: ["cpu"] },
    ),
    [],
  ],
  [
    "two objects with one HPA name",
    rulesOf(
      { advanced: { horizontalPodAutoscalerConfig: { name: "h" } } },
      {
        others: [
          {
            name: "b",
            spec: bare({
              scaleTargetRef: { name: "other" },
              advanced: { horizontalPodAutoscalerConfig: { name: "h" } },
            }),
          },
        ],
      },
    ),
    ["hpa-taken"],
  ],
  ["a formula", rulesOf({ triggers: named, advanced: { scalingModifiers: modifiers } }), []],
  [
    "a formula without a target",
    rulesOf({ triggers: named, advanced: { scalingModifiers: { formula: "one" } } }),
    ["scaling-modifiers"],
  ],
  [
    "a formula over a trigger that has no such name",
    rulesOf({ triggers: named, advanced: { scalingModifiers: { formula: "one + three", target: "2" } } }),
    ["scaling-modifiers"],
  ],
  [
    "a target of 0",
    rulesOf({ triggers: named, advanced: { scalingModifiers: { ...modifiers, target: "0" } } }),
    ["scaling-modifiers"],
  ],
  [
    "Utilization of a formula",
    rulesOf({ triggers: named, advanced: { scalingModifiers: { ...modifiers, metricType: "Utilization" } } }),
    ["scaling-modifiers"],
  ],
  [
    "a formula that cannot be read",
    rulesOf({ triggers: named, advanced: { scalingModifiers: { formula: "one +", target: "2" } } }),
    ["scaling-modifiers"],
  ],
  [
    "a negative fallback",
    rulesOf({ fallback: { failureThreshold: -1, replicas: 1 } }),
    ["fallback-negative"],
  ],
  [
    "a fallback for cpu alone",
    rulesOf({ triggers: [cpu], minReplicaCount: 1, fallback: { failureThreshold: 1, replicas: 1 } }),
    ["fallback-resources"],
  ],
  [
    "a fallback by formula without one",
    rulesOf({ fallback: { failureThreshold: 1, replicas: 1, behavior: "scalingModifiers" } }, newest),
    ["fallback-formula"],
  ],
  ["a long name", rulesOf({}, { ...newest, name: "a".repeat(64) }), ["name-length", "name-length"]],
  [
    "a long window",
    rulesOf({
      advanced: {
        horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 3601 } } },
      },
    }),
    ["stabilization-window"],
  ],
  [
    "settings of a loop that never scales",
    rulesOf({ minReplicaCount: 1, pollingInterval: 10, cooldownPeriod: 60 }, newest),
    ["(irrelevant-setting)", "(irrelevant-setting)"],
  ],
  ["the schema since 2.20", rulesOf({ pollingInterval: 0 }, newest), ["schema"]],
  ["no schema before", rulesOf({ pollingInterval: 0 }), []],
];

describe("validateScaledObject()", () => {
  for (const [name, found, expected] of rows) test(name, () => expect(found).toEqual(expected));

  test("the message for a taken target is KEDA's", () => {
    const others = [{ name: "test-api-small-scaler", spec: bare({}) }];
    const [violation] = validateScaledObject({ name: "b", namespace: "test", spec: bare({}), others });
    expect(violation!.message).toBe(
      "the workload 'api' of type 'apps/v1.StatefulSet' is already managed by the ScaledObject 'test-api-small-scaler'",
    );
  });

  test("V7 what then becomes of it", () => {
    const message =
      'ScaledObject doesn\'t have correct scaleTargetRef specification: deployments.apps "api" not found';
    const { Ready, Active, HPAActive } = checkFailedConditions(message);
    expect([Ready.status, Ready.reason, Ready.message]).toEqual([
      "False",
      "ScaledObjectCheckFailed",
      message,
    ]);
    expect([Active.status, Active.reason, HPAActive]).toEqual(["Unknown", "UnknownState", null]);
    const retries = Array.from({ length: 20 }, (_, index) => reconcileRetryAfterUs(index + 1) / 1e6);
    expect(retries.slice(0, 3)).toEqual([0.005, 0.01, 0.02]);
    expect(retries.at(-1)).toBe(1000);
  });
});

test("V11 the HPA's bounds", () => {
  const bounds = [undefined, 0, 5].map((min) => {
    const spec = bare(min === undefined ? {} : { minReplicaCount: min });
    const hpa = hpaSpecFromScaledObject({ name: "api", spec });
    return [hpa.minReplicas, hpa.maxReplicas];
  });
  expect(bounds).toEqual([
    [1, 100],
    [1, 100],
    [5, 100],
  ]);
});

describe("hpaSpecFromScaledObject()", () => {
  const behavior = { scaleDown: { stabilizationWindowSeconds: 90 } };
  const withBehavior = bare({ advanced: { horizontalPodAutoscalerConfig: { behavior } } });

  test("behavior is absent where it is not given, and copied where it is", () => {
    expect(hpaSpecFromScaledObject({ name: "api", spec: bare({}) })).not.toHaveProperty("behavior");
    expect(hpaSpecFromScaledObject({ name: "api", spec: withBehavior }).behavior).toEqual(behavior);
  });

  test("a one-way pause puts a behavior in, since 2.18", () => {
    const annotations = { "autoscaling.keda.sh/paused-scale-in": "true" };
    const paused = hpaSpecFromScaledObject({ name: "api", spec: withBehavior, annotations });
    expect(paused.behavior).toEqual({
      scaleDown: { stabilizationWindowSeconds: 90, selectPolicy: "Disabled" },
    });
    const older = { name: "api", spec: bare({}), annotations, versions: { keda: "2.17" } };
    expect(hpaSpecFromScaledObject(older)).not.toHaveProperty("behavior");
  });

  test("a formula is one composite metric; cpu stays out of the External ones", () => {
    const spec = bare({ triggers: [...named, cpu], advanced: { scalingModifiers: modifiers } });
    expect(hpaSpecFromScaledObject({ name: "api", spec }).metrics).toEqual([
      { name: "composite-metric", targetType: "AverageValue", targetMilli: 2000 },
    ]);
    expect(
      hpaSpecFromScaledObject({ name: "api", spec: bare({ triggers: [cpu, named[0]!] }) }).metrics,
    ).toEqual([{ name: "s1-prometheus", targetType: "AverageValue", targetMilli: 2000 }]);
  });
});
