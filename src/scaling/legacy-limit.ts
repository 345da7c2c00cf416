/** The rate limit of an HPA without `behavior`: at most double, but four pods are always allowed. */
export type Limited = {
  readonly replicas: number;
  readonly reason:
    | "DesiredWithinRange"
    | "TooFewReplicas"
    | "TooManyReplicas"
    | "ScaleUpLimit"
    | "ScaleDownLimit";
};

/**
 * Clamps to the bounds and to max(2 × current, 4). There is no downward limit.
 * @see kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, convertDesiredReplicasWithRules.
 */
export function limitLegacy(
  currentReplicas: number,
  desiredReplicas: number,
  minReplicas: number,
  maxReplicas: number,
): Limited {
  const cap = Math.max(2 * currentReplicas, 4);
  if (desiredReplicas < minReplicas) return { replicas: minReplicas, reason: "TooFewReplicas" };
  if (desiredReplicas > Math.min(cap, maxReplicas)) {
    return maxReplicas > cap
      ? { replicas: cap, reason: "ScaleUpLimit" }
      : { replicas: maxReplicas, reason: "TooManyReplicas" };
  }
  return { replicas: desiredReplicas, reason: "DesiredWithinRange" };
}
