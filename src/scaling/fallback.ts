/**
 * Fallback: what stands in for a trigger that has failed more than `failureThreshold` times in a row.
 * @see kedacore/keda pkg/fallback/fallback.go
 */
import { condition } from "./keda-conditions.ts";
import { scalingModifiersOf, targetMilliOf } from "./scaled-object.ts";
import { quantityFloat } from "./quantity.ts";
import { kedaAtLeast } from "./versions.ts";
import type {
  Condition,
  ControllerEvent,
  FallbackSpec,
  KedaInput,
  KedaStatus,
  MetricHealth,
  TriggerSpec,
  Versions,
} from "./types.ts";

export type FallbackSubject = Pick<KedaInput, "spec" | "currentReplicas" | "readyPods" | "versions">;

const NO_FAILURES: MetricHealth = { numberOfFailures: 0, status: "Happy" };

/** Failures are counted from the first answer on: success resets, failure adds one. */
export function counted(health: MetricHealth | undefined, failed: boolean): MetricHealth {
  if (!failed) return NO_FAILURES;
  return { numberOfFailures: (health?.numberOfFailures ?? 0) + 1, status: "Failing" };
}

/** Whether KEDA would ever apply it: neither number negative; metricType Value only since 2.18. */
export function hasValidFallback(
  fallback: FallbackSpec | undefined,
  trigger: TriggerSpec,
  versions?: Versions,
): boolean {
  if (fallback === undefined) return false;
  if ((fallback.failureThreshold ?? 0) < 0 || (fallback.replicas ?? 0) < 0) return false;
  return trigger.metricType !== "Value" || kedaAtLeast(versions, "2.18");
}

/** Strictly more failures than the threshold: with 3, the fourth. */
export const isBeyondThreshold = (fallback: FallbackSpec, health: MetricHealth | undefined): boolean =>
  (health?.numberOfFailures ?? 0) > (fallback.failureThreshold ?? 0);

/** How many replicas the fallback stands for. An unknown behavior is `static`. */
export function fallbackReplicas(fallback: FallbackSpec, currentReplicas: number): number {
  const replicas = fallback.replicas ?? 0;
  switch (fallback.behavior) {
    case "currentReplicas":
      return currentReplicas;
    case "currentReplicasIfHigher":
      return Math.max(currentReplicas, replicas);
    case "currentReplicasIfLower":
      return Math.min(currentReplicas, replicas);
    default:
      return replicas;
  }
}

/**
 * The value served in place of the trigger's, in milli units: target × N, so that the HPA arrives at N. Null where
 * metricType Value has no ready pod to divide by: then the original error stands.
 */
export function fallbackMilli(subject: FallbackSubject, trigger: TriggerSpec): number | null {
  const { spec, versions } = subject;
  const fallback = spec.fallback ?? {};
  const replicas = fallbackReplicas(fallback, subject.currentReplicas ?? 1);
  const modifiers = scalingModifiersOf(spec);
  let target =
    modifiers === null
      ? targetMilliOf(trigger, versions) / 1000
      : (quantityFloat(modifiers.target ?? 0) ?? 0);
  // 2.15 to 2.17 went through a whole number.
  if (kedaAtLeast(versions, "2.15") && !kedaAtLeast(versions, "2.18")) target = Math.trunc(target);
  if (modifiers === null && trigger.metricType === "Value") {
    if ((subject.readyPods ?? 0) === 0) return null;
    target /= subject.readyPods!;
  }
  return Math.trunc(target * 1000 * replicas);
}

/** Condition Fallback, judged over all metrics. */
export function fallbackCondition(
  fallback: FallbackSpec,
  health: Readonly<Record<string, MetricHealth>>,
): Condition {
  const active = Object.values(health).some(
    (one) => one.status === "Failing" && isBeyondThreshold(fallback, one),
  );
  return active ? condition("True", "FallbackExists") : condition("False", "NoFallbackFound");
}

/** The event for a change of condition Fallback; null where there was none that KEDA reports. */
export function fallbackEvent(before: Condition, after: Condition): ControllerEvent | null {
  if (after.status === "True" && before.status !== "True") {
    return { type: "Warning", reason: "ScaledObjectFallbackActivated", message: after.message };
  }
  if (after.status === "False" && before.status === "True") {
    return { type: "Normal", reason: "ScaledObjectFallbackDeactivated", message: after.message };
  }
  return null;
}

/** The status with one more answer counted. */
export function withHealth(
  status: KedaStatus,
  fallback: FallbackSpec,
  metricName: string,
  failed: boolean,
): KedaStatus {
  const health = { ...status.health, [metricName]: counted(status.health[metricName], failed) };
  const Fallback = fallbackCondition(fallback, health);
  return { ...status, health, conditions: { ...status.conditions, Fallback } };
}
