/** Rate policies of an HPA with `behavior`, and the scale events that they count. */
import type { Limited } from "./legacy-limit.ts";
import type { HpaPolicy, ScaleEvent } from "./types.ts";

/** `behavior.scaleUp` or `.scaleDown` after API defaulting. */
export type Rules = {
  readonly stabilizationWindowSeconds: number;
  readonly selectPolicy: "Max" | "Min" | "Disabled";
  readonly policies: readonly HpaPolicy[];
  readonly tolerance: number;
};

export type PolicyInput = {
  readonly nowUs: number;
  readonly currentReplicas: number;
  readonly desiredReplicas: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly scaleUp: Rules;
  readonly scaleDown: Rules;
  readonly scaleUpEvents: readonly ScaleEvent[];
  readonly scaleDownEvents: readonly ScaleEvent[];
};

/**
 * Limits one step to what the policies and the bounds allow. The current size itself always passes.
 * @see kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, convertDesiredReplicasWithBehaviorRate.
 */
export function limitByPolicies(input: PolicyInput): Limited {
  const { currentReplicas, desiredReplicas, minReplicas, maxReplicas } = input;
  if (desiredReplicas > currentReplicas) {
    const limit = Math.max(scaleUpLimit(input), currentReplicas);
    const allowed = Math.min(limit, maxReplicas);
    if (desiredReplicas > allowed) {
      return { replicas: allowed, reason: maxReplicas > limit ? "ScaleUpLimit" : "TooManyReplicas" };
    }
  } else if (desiredReplicas < currentReplicas) {
    const limit = Math.min(scaleDownLimit(input), currentReplicas);
    const allowed = Math.max(limit, minReplicas);
    if (desiredReplicas < allowed) {
      return { replicas: allowed, reason: minReplicas < limit ? "ScaleDownLimit" : "TooFewReplicas" };
    }
  }
  return { replicas: desiredReplicas, reason: "DesiredWithinRange" };
}

/** How far the scale-up policies let the workload climb now. Double arithmetic on purpose: 100 plus 10 % is 111. */
export function scaleUpLimit(input: PolicyInput): number {
  const limits = input.scaleUp.policies.map((policy) => {
    const base = periodStart(input, policy);
    return policy.type === "Pods" ? base + policy.value : Math.ceil(base * (1 + policy.value / 100));
  });
  return select(input.scaleUp, limits, input.currentReplicas, Math.max, Math.min);
}

/** How far the scale-down policies let it shrink now; percentages are cut toward zero: fewer pods stay. */
export function scaleDownLimit(input: PolicyInput): number {
  const limits = input.scaleDown.policies.map((policy) => {
    const base = periodStart(input, policy);
    return policy.type === "Pods" ? base - policy.value : Math.trunc(base * (1 - policy.value / 100));
  });
  return select(input.scaleDown, limits, input.currentReplicas, Math.min, Math.max);
}

type Choose = (...limits: number[]) => number;

function select(
  rules: Rules,
  limits: readonly number[],
  current: number,
  most: Choose,
  least: Choose,
): number {
  if (rules.selectPolicy === "Disabled") return current;
  return (rules.selectPolicy === "Min" ? least : most)(...limits);
}

/** The size at the start of the policy's period: what the HPA itself added since is taken off, what it removed, put back. */
function periodStart(input: PolicyInput, { periodSeconds }: HpaPolicy): number {
  const cutoffUs = input.nowUs - periodSeconds * 1e6;
  const sum = (events: readonly ScaleEvent[]): number =>
    events.reduce((total, event) => total + (event.atUs > cutoffUs ? event.change : 0), 0);
  return input.currentReplicas - sum(input.scaleUpEvents) + sum(input.scaleDownEvents);
}

/**
 * Stores a rescale. Events older than the longest period of *their own direction* are marked for good, and the last
 * marked one gives up its place, even where a policy of the other direction still looks that far back.
 * @see kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, storeScaleEvent.
 */
export function storeScaleEvent(
  events: readonly ScaleEvent[],
  change: number,
  atUs: number,
  policies: readonly HpaPolicy[],
): readonly ScaleEvent[] {
  const longest = Math.max(0, ...policies.map(({ periodSeconds }) => periodSeconds));
  const cutoffUs = atUs - longest * 1e6;
  const marked = events.map((event) => (event.atUs < cutoffUs ? { ...event, outdated: true } : event));
  const stored = { atUs, change, outdated: false };
  const place = marked.findLastIndex(({ outdated }) => outdated);
  return place < 0 ? [...marked, stored] : marked.with(place, stored);
}
