/** The HPA's conditions in Kubernetes' own words. */
import type { Condition } from "./types.ts";

const MESSAGES: Readonly<Record<string, string>> = {
  SucceededGetScale: "the HPA controller was able to get the target's current scale",
  ReadyForNewScale: "recommended size matches current size",
  ScaleUpStabilized:
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
  ScaleDownStabilized:
    "recent recommendations were higher than current one, applying the highest recent recommendation",
  ScalingDisabled: "scaling is disabled since the replica count of the target is zero",
  DesiredWithinRange: "the desired count is within the acceptable range",
  ScaleUpLimit: "the desired replica count is increasing faster than the maximum scale rate",
  ScaleDownLimit: "the desired replica count is decreasing faster than the maximum scale rate",
  TooManyReplicas: "the desired replica count is more than the maximum replica count",
  TooFewReplicas: "the desired replica count is less than the minimum replica count",
  ScaledToZero: "the HPA controller scaled the target to zero replicas",
  NotScaledToZero: "the HPA controller has not scaled the target to zero replicas",
};

export function condition(
  status: Condition["status"],
  reason: string,
  message: string = MESSAGES[reason] ?? "",
): Condition {
  return { status, reason, message };
}
