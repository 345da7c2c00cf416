/**
 * One pass of the HorizontalPodAutoscaler controller: metric → proposal (tolerance inside) → stabilise → rate limit
 * and bounds → write. Without `spec.behavior` an older path runs, which caps a step at max(2 × current, 4).
 *
 * @see kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go, reconcileAutoscaler
 */
import { condition } from "./hpa-conditions.ts";
import {
  DEFAULT_DOWNSCALE_WINDOW_SECONDS,
  DEFAULT_TOLERANCE,
  defaultedBehavior,
  minReplicasOf,
} from "./hpa-spec.ts";
import { limitLegacy } from "./legacy-limit.ts";
import { limitByPolicies, storeScaleEvent } from "./policies.ts";
import { propose, type Tolerances } from "./proposal.ts";
import { stabilize, stabilizeLegacy } from "./stabilize.ts";
import { kubernetesAtLeast } from "./versions.ts";
import type {
  Condition,
  ControllerEvent,
  HpaConditions,
  HpaInput,
  HpaResult,
  HpaState,
  HpaWriteReport,
  Recommendation,
  Versions,
} from "./types.ts";

export { hpaSpecFromScaledObject } from "./hpa-spec.ts";

/** An HPA that has just been created: no history, no conditions, `status.desiredReplicas` 0. */
export function newHpaState(): HpaState {
  return {
    conditions: { AbleToScale: null, ScalingActive: null, ScalingLimited: null, ScaledToZero: null },
    desiredReplicas: 0,
    recommendations: null,
    scaleUpEvents: [],
    scaleDownEvents: [],
  };
}

/** The same HPA after its controller was restarted: status stays, history is gone. */
export const restartedHpa = (state: HpaState): HpaState => ({
  ...state,
  recommendations: null,
  scaleUpEvents: [],
  scaleDownEvents: [],
});

/** The pass again, with what became of its write. Call it with the very input of `hpaSync()`. */
export const hpaWriteReported = (input: HpaInput, report: HpaWriteReport): HpaResult =>
  hpaSync({ ...input, report });

type Behavior = ReturnType<typeof defaultedBehavior>;

/** What was decided, before anything is written. */
type Decision = {
  readonly desired: number;
  readonly rescaleReason: string;
  readonly conditions: HpaConditions;
  readonly recommendations: readonly Recommendation[];
  readonly proposal: number | null;
  readonly averagesMilli: readonly (number | null)[];
};

/** Nothing is written: `desired` null leaves `status.desiredReplicas` as it was. */
type Stop = Omit<Decision, "desired" | "rescaleReason"> & {
  readonly desired: number | null;
  readonly events: readonly ControllerEvent[];
};

/** Decides one pass. Pure: `state` goes in, the next one comes out. */
export function hpaSync(input: HpaInput): HpaResult {
  const before = input.state.conditions;
  if (input.scaleError !== undefined) {
    const message = `the HPA controller was unable to get the target's current scale: ${input.scaleError}`;
    return stopped(input, {
      desired: null,
      conditions: { ...before, AbleToScale: condition("False", "FailedGetScale", message) },
      recommendations: [],
      proposal: null,
      averagesMilli: [],
      events: [{ type: "Warning", reason: "FailedGetScale", message: input.scaleError }],
    });
  }
  const behavior = defaultedBehavior(input.spec.behavior);
  const recommendations = input.state.recommendations ?? [
    { atUs: input.nowUs, replicas: input.specReplicas },
  ];
  const conditions = { ...before, AbleToScale: condition("True", "SucceededGetScale") };
  const current = input.specReplicas;
  const min = minReplicasOf(input.spec);
  const base = { conditions, recommendations, proposal: null, averagesMilli: [] };
  if (current === 0 && isDisabled(input)) {
    const ScalingActive = condition("False", "ScalingDisabled");
    return stopped(input, { ...base, desired: 0, conditions: { ...conditions, ScalingActive }, events: [] });
  }
  if (current > input.spec.maxReplicas) {
    const rescaleReason = "Current number of replicas above Spec.MaxReplicas";
    return written(input, behavior, { ...base, desired: input.spec.maxReplicas, rescaleReason });
  }
  // A zero of its own is lifted by what the metrics say, and by no less than min.
  if (current !== 0 && current < min) {
    const rescaleReason = BELOW_MIN;
    return written(input, behavior, { ...base, desired: min, rescaleReason });
  }
  const metrics = computeMetrics(input, behavior);
  if ("error" in metrics) {
    const ScalingActive = condition("False", metrics.reason, metrics.error);
    return stopped(input, {
      ...base,
      desired: null,
      conditions: { ...conditions, ScalingActive },
      averagesMilli: metrics.averagesMilli,
      events: [
        { type: "Warning", reason: metrics.reason, message: metrics.error },
        { type: "Warning", reason: "FailedComputeMetricsReplicas", message: metrics.error },
      ],
    });
  }
  const decision = normalise(input, behavior, recommendations, conditions, metrics);
  return written(input, behavior, current === 0 ? atLeastMin(decision, min) : decision);
}

const BELOW_MIN = "Current number of replicas below Spec.MinReplicas";

const atLeastMin = (decision: Decision, min: number): Decision =>
  decision.desired >= min
    ? decision
    : { ...decision, desired: min, rescaleReason: decision.rescaleReason || BELOW_MIN };

/**
 * Whether a pass would ask for metrics at all: not where it is disabled at zero, nor outside its bounds. A request to
 * KEDA counts failures, so one that the HPA would not make must not be made.
 */
export function hpaNeedsMetrics(
  input: Pick<HpaInput, "spec" | "state" | "specReplicas" | "versions">,
): boolean {
  const { spec, specReplicas } = input;
  if (specReplicas === 0) return !isDisabled(input);
  return specReplicas <= spec.maxReplicas && specReplicas >= minReplicasOf(spec);
}

/**
 * At zero the HPA only works where it went there itself: the gate HPAScaleToZero, on since 1.37; 1.36 has the same code with the
 * gate off, so never. Older ones only looked at minReplicas.
 */
function isDisabled({ state, spec, versions }: Pick<HpaInput, "spec" | "state" | "versions">): boolean {
  return kubernetesAtLeast(versions, "1.36")
    ? state.conditions.ScaledToZero?.status !== "True"
    : minReplicasOf(spec) !== 0;
}

/** Of its own for each direction where `behavior` gives one and the release reads it (1.33 and 1.34 only know the field). */
function tolerancesOf(behavior: Behavior, versions: Versions | undefined): Tolerances {
  const { scaleUp, scaleDown } = (kubernetesAtLeast(versions, "1.35") ? behavior : null) ?? {};
  return {
    up: scaleUp?.tolerance ?? DEFAULT_TOLERANCE,
    down: scaleDown?.tolerance ?? DEFAULT_TOLERANCE,
  };
}

type Metrics = {
  readonly proposal: number;
  readonly metricName: string;
  readonly averagesMilli: readonly (number | null)[];
};
type MetricsError = {
  readonly reason: string;
  readonly error: string;
  readonly averagesMilli: readonly (number | null)[];
};

/** The largest proposal; an error where all metrics failed, or some did and the rest would scale down. */
function computeMetrics(input: HpaInput, behavior: Behavior): Metrics | MetricsError {
  const { spec, versions, readings } = input;
  let best: { replicas: number; name: string } | null = null;
  let firstError: string | null = null;
  let failed = 0;
  const averagesMilli: (number | null)[] = [];
  spec.metrics.forEach((metric, index) => {
    const reading = readings[index] ?? { error: "no metrics returned from external metrics API" };
    const proposal =
      "error" in reading
        ? reading
        : propose({
            targetType: metric.targetType,
            targetMilli: metric.targetMilli,
            milli: reading.milli,
            specReplicas: input.specReplicas,
            statusReplicas: input.statusReplicas,
            pods: input.pods,
            tolerances: tolerancesOf(behavior, versions),
            oldTolerance: !kubernetesAtLeast(versions, "1.33"),
            overflowGuard: kubernetesAtLeast(versions, "1.34"),
          });
    if ("error" in proposal) {
      failed += 1;
      averagesMilli.push(null);
      firstError ??= `the HPA was unable to compute the replica count: unable to get external metric ${metric.name}: ${proposal.error}`;
      return;
    }
    averagesMilli.push(proposal.reportedMilli);
    if (best === null || best.replicas === 0 || proposal.replicas > best.replicas) {
      best = { replicas: proposal.replicas, name: metric.name };
    }
  });
  // The closure above hides the assignments from the compiler.
  const found = best as { replicas: number; name: string } | null;
  if (found === null || (failed > 0 && found.replicas < input.specReplicas)) {
    return { reason: "FailedGetExternalMetric", error: firstError ?? "no metrics", averagesMilli };
  }
  return { proposal: Math.max(found.replicas, 0), metricName: found.name, averagesMilli };
}

function normalise(
  input: HpaInput,
  behavior: Behavior,
  history: readonly Recommendation[],
  conditions: HpaConditions,
  { proposal, metricName, averagesMilli }: Metrics,
): Decision {
  const { nowUs, specReplicas: currentReplicas, spec, state } = input;
  const minReplicas = minReplicasOf(spec);
  const stable =
    behavior === null
      ? stabilizeLegacy({
          nowUs,
          desiredReplicas: proposal,
          history,
          windowSeconds: DEFAULT_DOWNSCALE_WINDOW_SECONDS,
        })
      : stabilize({
          nowUs,
          currentReplicas,
          desiredReplicas: proposal,
          history,
          scaleUpWindowSeconds: behavior.scaleUp.stabilizationWindowSeconds,
          scaleDownWindowSeconds: behavior.scaleDown.stabilizationWindowSeconds,
        });
  const limited =
    behavior === null
      ? limitLegacy(currentReplicas, stable.replicas, minReplicas, spec.maxReplicas)
      : limitByPolicies({
          nowUs,
          currentReplicas,
          desiredReplicas: stable.replicas,
          minReplicas,
          maxReplicas: spec.maxReplicas,
          ...behavior,
          scaleUpEvents: state.scaleUpEvents,
          scaleDownEvents: state.scaleDownEvents,
        });
  const isLimited = limited.replicas !== stable.replicas;
  // The text compares the proposal, not the result: where history lifts the workload it says "below", or nothing.
  let rescaleReason = "";
  if (proposal > currentReplicas) rescaleReason = `external metric ${metricName} above target`;
  if (proposal < currentReplicas) rescaleReason = "All metrics below target";
  return {
    desired: limited.replicas,
    rescaleReason,
    proposal,
    averagesMilli,
    recommendations: stable.history,
    conditions: {
      ...conditions,
      ScalingActive: condition(
        "True",
        "ValidMetricFound",
        `the HPA was able to successfully calculate a replica count from external metric ${metricName}`,
      ),
      AbleToScale: condition("True", stable.reason),
      ScalingLimited: condition(isLimited ? "True" : "False", limited.reason),
    },
  };
}

function stopped(input: HpaInput, stop: Stop): HpaResult {
  const unread = input.scaleError !== undefined;
  const state: HpaState = {
    ...input.state,
    conditions: stop.conditions,
    desiredReplicas: stop.desired ?? input.state.desiredReplicas,
    recommendations: unread ? input.state.recommendations : stop.recommendations,
  };
  return {
    write: null,
    replicas: input.specReplicas,
    desired: state.desiredReplicas,
    state,
    conditions: stop.conditions,
    events: stop.events,
    rescaleReason: null,
    proposal: null,
    averagesMilli: stop.averagesMilli,
    highestRecommendation: highestRecommendation(input, state.recommendations ?? []),
  };
}

/** Brings the decision to the scale, where it differs, and keeps what the controller keeps about it. */
function written(input: HpaInput, behavior: Behavior, decision: Decision): HpaResult {
  const current = input.specReplicas;
  const { desired } = decision;
  const wants = desired !== current;
  const failed = wants ? input.report?.failed : undefined;
  const succeeded = wants && failed === undefined;
  const events: ControllerEvent[] = [];
  let conditions = decision.conditions;
  if (failed !== undefined) {
    const message = `the HPA controller was unable to update the target scale: ${failed}`;
    conditions = { ...conditions, AbleToScale: condition("False", "FailedUpdateScale", message) };
    const text = `New size: ${desired}; reason: ${decision.rescaleReason}; error: ${failed}`;
    events.push({ type: "Warning", reason: "FailedRescale", message: text });
  } else if (succeeded) {
    const message = `the HPA controller was able to update the target scale to ${desired}`;
    conditions = {
      ...conditions,
      AbleToScale: condition("True", "SucceededRescale", message),
      ScaledToZero: scaledToZero(input, desired),
    };
    const text = `New size: ${desired}; reason: ${decision.rescaleReason}`;
    events.push({ type: "Normal", reason: "SuccessfulRescale", message: text });
  }
  const state: HpaState = {
    conditions,
    desiredReplicas: failed === undefined ? desired : input.state.desiredReplicas,
    recommendations: decision.recommendations,
    ...(succeeded ? rescaleEvents(input, behavior, desired) : eventsOf(input.state)),
  };
  return {
    write: wants ? desired : null,
    replicas: succeeded ? desired : current,
    desired: state.desiredReplicas,
    state,
    conditions,
    events,
    rescaleReason: wants ? decision.rescaleReason : null,
    proposal: decision.proposal,
    averagesMilli: decision.averagesMilli,
    highestRecommendation: highestRecommendation(input, decision.recommendations),
  };
}

function scaledToZero(input: HpaInput, desired: number): Condition | null {
  if (!kubernetesAtLeast(input.versions, "1.37")) return null;
  return desired === 0 ? condition("True", "ScaledToZero") : condition("False", "NotScaledToZero");
}

const eventsOf = ({
  scaleUpEvents,
  scaleDownEvents,
}: HpaState): Pick<HpaState, "scaleUpEvents" | "scaleDownEvents"> => ({
  scaleUpEvents,
  scaleDownEvents,
});

/** Only an HPA with `behavior` keeps events; they carry the time at which the last try of the write ended. */
function rescaleEvents(
  input: HpaInput,
  behavior: Behavior,
  desired: number,
): Pick<HpaState, "scaleUpEvents" | "scaleDownEvents"> {
  const kept = eventsOf(input.state);
  if (behavior === null) return kept;
  const change = desired - input.specReplicas;
  const atUs = input.report?.atUs ?? input.nowUs;
  return change > 0
    ? { ...kept, scaleUpEvents: storeScaleEvent(kept.scaleUpEvents, change, atUs, behavior.scaleUp.policies) }
    : {
        ...kept,
        scaleDownEvents: storeScaleEvent(kept.scaleDownEvents, -change, atUs, behavior.scaleDown.policies),
      };
}

/** The highest record that a scale-down would still have to respect. */
function highestRecommendation(input: HpaInput, history: readonly Recommendation[]): number | null {
  const behavior = defaultedBehavior(input.spec.behavior);
  const seconds = behavior?.scaleDown.stabilizationWindowSeconds ?? DEFAULT_DOWNSCALE_WINDOW_SECONDS;
  const cutoffUs = input.nowUs - seconds * 1e6;
  let highest: number | null = null;
  for (const { atUs, replicas } of history) {
    // Strictly younger with a behavior, also exactly as old without; what this pass recorded always counts.
    const counts = atUs === input.nowUs || (behavior === null ? atUs >= cutoffUs : atUs > cutoffUs);
    if (counts) highest = Math.max(highest ?? 0, replicas);
  }
  return highest;
}
