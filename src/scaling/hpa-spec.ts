/** The HPA that KEDA makes of a ScaledObject, and the defaults that the API server fills in. */
import {
  isResourceTrigger,
  metricMilli,
  scalingModifiersOf,
  targetMilliOf,
  triggerMetricName,
  withoutNulls,
} from "./scaled-object.ts";
import type {
  HpaBehavior,
  HpaMetric,
  HpaScalingRules,
  HpaSpec,
  ScaledObjectSpec,
  Versions,
} from "./types.ts";
import type { Rules } from "./policies.ts";
import { quantityFloat } from "./quantity.ts";
import { readAnnotations } from "./annotations.ts";

/** The controller's flags. */
export const DEFAULT_TOLERANCE = 0.1;
export const DEFAULT_DOWNSCALE_WINDOW_SECONDS = 300;

/** `minReplicas` absent means 1. */
export const minReplicasOf = (spec: HpaSpec): number => spec.minReplicas ?? 1;

/**
 * `behavior` after API defaulting; null stays null and runs the legacy path. A behavior that misses a part gets the
 * part's default, which is why `behavior: {}` already changes everything.
 * @see kubernetes/kubernetes pkg/apis/autoscaling/v2/defaults.go
 */
export function defaultedBehavior(
  behavior: HpaBehavior | null | undefined,
): { readonly scaleUp: Rules; readonly scaleDown: Rules } | null {
  if (behavior === null || behavior === undefined) return null;
  return {
    scaleUp: rules(behavior.scaleUp, 0, [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ]),
    scaleDown: rules(behavior.scaleDown, DEFAULT_DOWNSCALE_WINDOW_SECONDS, [
      { type: "Percent", value: 100, periodSeconds: 15 },
    ]),
  };
}

function rules(
  given: HpaScalingRules | null | undefined,
  windowSeconds: number,
  policies: Rules["policies"],
): Rules {
  return {
    stabilizationWindowSeconds: given?.stabilizationWindowSeconds ?? windowSeconds,
    selectPolicy: given?.selectPolicy ?? "Max",
    policies: given?.policies ?? policies,
    tolerance: quantityFloat(given?.tolerance ?? DEFAULT_TOLERANCE) ?? DEFAULT_TOLERANCE,
  };
}

/**
 * The HPA that KEDA keeps for a ScaledObject: minimum 1 where `minReplicaCount` is absent or 0, one External metric a
 * trigger named `s<index>-<type>`, `behavior` copied, and absent where it is not given. The one-way pauses put a
 * `behavior` in and so switch the HPA to the policy path.
 * @see kedacore/keda controllers/keda/hpa.go
 */
export function hpaSpecFromScaledObject(input: {
  readonly name: string;
  readonly spec: ScaledObjectSpec;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly versions?: Versions;
}): HpaSpec {
  const { versions } = input;
  const spec = withoutNulls(input.spec);
  const config = spec.advanced?.horizontalPodAutoscalerConfig;
  const behavior = pausedBehavior(config?.behavior, input.annotations, versions);
  const modifiers = scalingModifiersOf(spec);
  const metrics: HpaMetric[] = [];
  if (modifiers !== null) {
    metrics.push({
      name: "composite-metric",
      targetType: modifiers.metricType === "Value" ? "Value" : "AverageValue",
      targetMilli: metricMilli(quantityFloat(modifiers.target ?? 0) ?? 0, versions),
    });
  } else {
    (spec.triggers ?? []).forEach((trigger, index) => {
      if (isResourceTrigger(trigger)) return;
      metrics.push({
        name: triggerMetricName(trigger, index),
        targetType: trigger.metricType === "Value" ? "Value" : "AverageValue",
        targetMilli: targetMilliOf(trigger, versions),
      });
    });
  }
  const min = spec.minReplicaCount ?? 0;
  return {
    name: config?.name ?? `keda-hpa-${input.name}`,
    minReplicas: min > 0 ? min : 1,
    maxReplicas: spec.maxReplicaCount ?? 100,
    metrics,
    ...(behavior === undefined ? {} : { behavior }),
  };
}

function pausedBehavior(
  behavior: HpaBehavior | undefined,
  annotations: Readonly<Record<string, string>> | undefined,
  versions: Versions | undefined,
): HpaBehavior | undefined {
  const { scaleInPaused, scaleOutPaused } = readAnnotations(annotations, versions);
  let result = behavior;
  if (scaleInPaused) {
    result = { ...result, scaleDown: { ...result?.scaleDown, selectPolicy: "Disabled" } };
  }
  if (scaleOutPaused) {
    result = { ...result, scaleUp: { ...result?.scaleUp, selectPolicy: "Disabled" } };
  }
  return result;
}
