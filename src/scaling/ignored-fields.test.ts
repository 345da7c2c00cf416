/** What a release does not read is told; what it reads is not. */
import { describe, expect, test } from "vitest";
import { hpaSync, newHpaState } from "./hpa.ts";
import { ignoredOfBehavior, ignoredOfScaledObject } from "./ignored-fields.ts";
import { defaultSpec } from "./testing.ts";
import type { ScaledObjectSpec, Versions } from "./types.ts";

const FIELD_PATHS = (spec: Partial<ScaledObjectSpec>, versions: Versions, annotations = {}): string[] =>
  ignoredOfScaledObject({ spec: { ...defaultSpec, ...spec }, annotations }, versions).map(({ path }) =>
    path.join("."),
  );
const [trigger] = defaultSpec.triggers!;
const triggered = (metadata: object): Partial<ScaledObjectSpec> => ({
  triggers: [{ ...trigger!, metadata: { ...trigger!.metadata, ...metadata } }],
});
const tolerant: Partial<ScaledObjectSpec> = {
  advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleUp: { tolerance: "0.5" } } } },
};

describe.each([
  [
    "initialCooldownPeriod",
    { initialCooldownPeriod: 60 },
    "spec.initialCooldownPeriod",
    { keda: "2.13" },
    { keda: "2.14" },
  ],
  [
    "fallback.behavior",
    { fallback: { failureThreshold: 3, replicas: 2, behavior: "currentReplicas" as const } },
    "spec.fallback.behavior",
    { keda: "2.16" },
    { keda: "2.17" },
  ],
  [
    "a trigger's timeout",
    triggered({ timeout: "500ms" }),
    "spec.triggers.0.metadata.timeout",
    { keda: "2.16" },
    { keda: "2.17" },
  ],
  [
    "metricName",
    triggered({ metricName: "m" }),
    "spec.triggers.0.metadata.metricName",
    { keda: "2.12" },
    { keda: "2.11" },
  ],
  [
    "cortexOrgID",
    triggered({ cortexOrgID: "a" }),
    "spec.triggers.0.metadata.cortexOrgID",
    { keda: "2.15" },
    { keda: "2.14" },
  ],
  [
    "a tolerance",
    tolerant,
    "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.tolerance",
    { kubernetes: "1.34" },
    { kubernetes: "1.35" },
  ],
] as const)("%s", (_, spec, path, ignoring, reading) => {
  test(`is ignored by ${JSON.stringify(ignoring)}`, () => {
    expect(FIELD_PATHS(spec, ignoring)).toEqual([path]);
  });
  test(`and read by ${JSON.stringify(reading)}`, () => {
    expect(FIELD_PATHS(spec, reading)).toEqual([]);
  });
});

test("annotations that are newer", () => {
  const annotations = {
    "autoscaling.keda.sh/paused-scale-in": "true",
    "autoscaling.keda.sh/paused": "false",
  };
  expect(FIELD_PATHS({}, { keda: "2.17" }, annotations)).toEqual([
    "metadata.annotations.autoscaling.keda.sh/paused-scale-in",
  ]);
  expect(FIELD_PATHS({}, {}, annotations)).toEqual([]);
});

test("the words say what, which release and since when", () => {
  const [found] = ignoredOfBehavior({ scaleDown: { tolerance: "0.2" } }, { kubernetes: "1.33" });
  expect(found).toEqual({
    path: ["spec", "behavior", "scaleDown", "tolerance"],
    message: "Kubernetes 1.33 ignores behavior.scaleDown.tolerance, which came with 1.35",
    remedy: "take it out, or run Kubernetes 1.35 or newer (versions in limpet.yaml)",
  });
});

test.each([
  ["1.34", 2],
  ["1.35", 1],
])("and Kubernetes %s acts accordingly: %i pods at one and a half times the target", (kubernetes, wanted) => {
  const result = hpaSync({
    nowUs: 0,
    spec: {
      name: "hpa",
      maxReplicas: 5,
      metrics: [{ name: "m", targetType: "AverageValue", targetMilli: 2000 }],
      behavior: { scaleUp: { tolerance: "0.5" } },
    },
    state: newHpaState(),
    specReplicas: 1,
    statusReplicas: 1,
    readings: [{ milli: [3000] }],
    versions: { kubernetes },
  });
  expect(result.replicas).toBe(wanted);
});
