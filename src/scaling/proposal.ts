/** From a metric to a number of pods, before history and limits have their say. */
import { INT32_MAX, INT64_MAX, INT64_MIN } from "./quantity.ts";

/** Bounds of the ratio of usage to target inside which nothing is done: 0.1 is 10 %. */
export type Tolerances = { readonly up: number; readonly down: number };

export type ProposalInput = {
  readonly targetType: "AverageValue" | "Value";
  readonly targetMilli: number;
  /** One figure per returned item, in the order they came. */
  readonly milli: readonly number[];
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly pods: { readonly total: number; readonly ready: number } | undefined;
  readonly tolerances: Tolerances;
  /** Kubernetes < 1.33 compared |1 − ratio| with one tolerance, which differs at a ratio of exactly 1.1. */
  readonly oldTolerance: boolean;
  /** Since 1.34 a negative sum is taken for an overflow and replaced by the largest number. */
  readonly overflowGuard: boolean;
};

export type Proposal =
  | { readonly replicas: number; readonly reportedMilli: number }
  | { readonly error: string };

/**
 * What one External metric asks for. `AverageValue` divides the sum by the target and compares with
 * `status.replicas`, which it also answers inside the tolerance (kubernetes/kubernetes#138505). `Value` multiplies the
 * ready pods, so a constant sum above the target compounds.
 * @see kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, GetExternalPerPodMetricReplicas and
 *   GetExternalMetricReplicas.
 */
export function propose(input: ProposalInput): Proposal {
  if (input.milli.length === 0) return { error: "no metrics returned from external metrics API" };
  return input.targetType === "AverageValue" ? proposeAverage(input) : proposeValue(input);
}

function proposeAverage(input: ProposalInput): Proposal {
  const { targetMilli, statusReplicas } = input;
  const { sum, overflowed } = sumOf(input.milli, input.overflowGuard);
  const ratio = sum / (targetMilli * statusReplicas);
  const replicas = isWithin(ratio, input) ? statusReplicas : toInt32(Math.ceil(sum / targetMilli));
  return {
    replicas: input.overflowGuard && overflowed ? INT32_MAX : replicas,
    reportedMilli: overflowed ? INT64_MAX : toInt64(Math.ceil(sum / statusReplicas)),
  };
}

function proposeValue(input: ProposalInput): Proposal {
  const { specReplicas, pods } = input;
  const { sum } = sumOf(input.milli, false);
  const ratio = sum / input.targetMilli;
  if (specReplicas === 0) return { replicas: toInt32(Math.ceil(ratio)), reportedMilli: sum };
  if (isWithin(ratio, input)) return { replicas: specReplicas, reportedMilli: sum };
  if (pods === undefined || pods.total === 0) {
    return {
      error: "unable to calculate ready pods: no pods returned by selector while calculating replica count",
    };
  }
  return { replicas: toInt32(Math.ceil(ratio * pods.ready)), reportedMilli: sum };
}

/** Adds in list order: a running sum below zero is an overflow and stays the largest number, less what follows. */
function sumOf(milli: readonly number[], guard: boolean): { sum: number; overflowed: boolean } {
  let sum = 0;
  let overflowed = false;
  for (const value of milli) {
    sum += value;
    if (guard && (sum < 0 || sum >= INT64_MAX)) {
      sum = INT64_MAX;
      overflowed = true;
    }
  }
  return { sum, overflowed };
}

function isWithin(ratio: number, { tolerances, oldTolerance }: ProposalInput): boolean {
  if (oldTolerance) return Math.abs(1 - ratio) <= tolerances.up;
  return 1 - tolerances.down <= ratio && ratio <= 1 + tolerances.up;
}

/** Go's conversion with the recent clamp. `+ 0` turns −0 into 0. */
function toInt32(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.min(Math.max(value, -INT32_MAX - 1), INT32_MAX) + 0;
}

/** On amd64 a double that does not fit, or is not a number, becomes the smallest int64. */
function toInt64(value: number): number {
  return Number.isFinite(value) && Math.abs(value) < INT64_MAX ? value + 0 : INT64_MIN;
}
