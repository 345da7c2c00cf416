/**
 * The memory of the HPA: it acts only as far as its recent recommendations agree. Two rules exist. Without
 * `spec.behavior` the highest of the last 300 s is taken whatever the current size, so an old peak can scale *up*
 * (kubernetes/kubernetes#98174). With a `behavior`, even an empty one, history only holds the workload where it is.
 */
import type { Recommendation } from "./types.ts";

export type Stabilized = {
  readonly replicas: number;
  readonly reason: "ReadyForNewScale" | "ScaleUpStabilized" | "ScaleDownStabilized";
  readonly history: readonly Recommendation[];
};

export type LegacyStabilizeInput = {
  readonly nowUs: number;
  readonly desiredReplicas: number;
  readonly history: readonly Recommendation[];
  /** The controller's `--horizontal-pod-autoscaler-downscale-stabilization`, 300 by default. */
  readonly windowSeconds: number;
};

/**
 * The rule for an HPA without `behavior`. A record exactly as old as the window still counts.
 * @see kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, stabilizeRecommendation.
 */
export function stabilizeLegacy(input: LegacyStabilizeInput): Stabilized {
  const { nowUs, desiredReplicas } = input;
  const cutoffUs = nowUs - input.windowSeconds * 1e6;
  let highest = desiredReplicas;
  for (const { atUs, replicas } of input.history) {
    if (atUs >= cutoffUs) highest = Math.max(highest, replicas);
  }
  return {
    replicas: highest,
    reason: highest === desiredReplicas ? "ReadyForNewScale" : "ScaleDownStabilized",
    history: remember(input.history, { atUs: nowUs, replicas: desiredReplicas }, cutoffUs),
  };
}

export type StabilizeInput = {
  readonly nowUs: number;
  readonly currentReplicas: number;
  readonly desiredReplicas: number;
  readonly history: readonly Recommendation[];
  readonly scaleUpWindowSeconds: number;
  readonly scaleDownWindowSeconds: number;
};

/**
 * The rule for an HPA with `behavior`: moves from the current size only as far as every record younger than the
 * matching window agrees to. A record exactly as old as the window no longer counts.
 * @see kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, stabilizeRecommendationWithBehaviors.
 */
export function stabilize(input: StabilizeInput): Stabilized {
  const { nowUs, currentReplicas, desiredReplicas } = input;
  const upCutoffUs = nowUs - input.scaleUpWindowSeconds * 1e6;
  const downCutoffUs = nowUs - input.scaleDownWindowSeconds * 1e6;
  let lowest = desiredReplicas;
  let highest = desiredReplicas;
  for (const { atUs, replicas } of input.history) {
    if (atUs > upCutoffUs) lowest = Math.min(lowest, replicas);
    if (atUs > downCutoffUs) highest = Math.max(highest, replicas);
  }
  const replicas = Math.min(Math.max(currentReplicas, lowest), highest);
  const held = desiredReplicas >= currentReplicas ? "ScaleUpStabilized" : "ScaleDownStabilized";
  return {
    replicas,
    reason: replicas === desiredReplicas ? "ReadyForNewScale" : held,
    history: remember(
      input.history,
      { atUs: nowUs, replicas: desiredReplicas },
      Math.min(upCutoffUs, downCutoffUs),
    ),
  };
}

/**
 * Takes the place of the last record older than `cutoffUs`, else is appended. Earlier obsolete ones stay, as they do
 * upstream: where an edit widens a window they count again.
 */
function remember(
  history: readonly Recommendation[],
  record: Recommendation,
  cutoffUs: number,
): readonly Recommendation[] {
  const place = history.findLastIndex(({ atUs }) => atUs < cutoffUs);
  return place < 0 ? [...history, record] : history.with(place, record);
}
