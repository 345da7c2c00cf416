/** What a check makes of the triggers' answers: records, counts of failures, activity. */
import { compositeOf } from "./composite.ts";
import { fallbackEvent, fallbackMilli, hasValidFallback, isBeyondThreshold, withHealth } from "./fallback.ts";
import { interpretReading } from "./prometheus.ts";
import {
  activationThresholdOf,
  isResourceTrigger,
  metricMilli,
  scalingModifiersOf,
  triggerMetricName,
  withoutNulls,
} from "./scaled-object.ts";
import { kedaAtLeast } from "./versions.ts";
import type { ControllerEvent, KedaInput, KedaStatus, TriggerRecord } from "./types.ts";

export type Evaluated = {
  /** By trigger index. */
  readonly records: readonly TriggerRecord[];
  readonly status: KedaStatus;
  readonly events: readonly ControllerEvent[];
  readonly active: boolean;
  readonly errored: boolean;
  readonly fallbackUsed: boolean;
  readonly activeTriggers: readonly string[];
};

/**
 * The triggers that this check asks. Since 2.21 an object that stays above zero anyway reuses what its HPA's own
 * requests saw last, as long as the HPA works.
 */
export function triggersToAsk(
  input: Pick<KedaInput, "spec" | "state" | "hpaScalingActive" | "versions">,
): readonly number[] {
  const { state } = input;
  const spec = withoutNulls(input.spec);
  const triggers = spec.triggers ?? [];
  const reuses =
    kedaAtLeast(input.versions, "2.21") &&
    (spec.minReplicaCount ?? 0) > 0 &&
    spec.idleReplicaCount === undefined &&
    scalingModifiersOf(spec) === null &&
    !triggers.some(({ useCachedMetrics }) => useCachedMetrics === true) &&
    input.hpaScalingActive?.status === "True";
  return triggers.flatMap((trigger, index) =>
    isResourceTrigger(trigger) || (reuses && state.memory.requested[index] !== undefined) ? [] : [index],
  );
}

/** A reading as one record; `active` is strictly above the activation value. */
export function recordOf(input: KedaInput, index: number): TriggerRecord {
  const trigger = input.spec.triggers![index]!;
  const read = interpretReading(trigger, input.readings[index], input.versions);
  if ("error" in read) {
    return { value: null, milli: null, error: read.error, active: false, fallback: false };
  }
  return {
    value: read.value,
    milli: metricMilli(read.value, input.versions),
    error: null,
    active: read.value > activationThresholdOf(trigger),
    fallback: false,
  };
}

/** Puts the fallback's value in place of a failed answer, where there is one. */
export function withFallback(
  input: Pick<KedaInput, "spec" | "currentReplicas" | "readyPods" | "versions">,
  index: number,
  record: TriggerRecord,
  status: KedaStatus,
): TriggerRecord {
  const trigger = input.spec.triggers![index]!;
  const { fallback } = input.spec;
  if (record.error === null || fallback === undefined) return record;
  if (!hasValidFallback(fallback, trigger, input.versions)) return record;
  if (!isBeyondThreshold(fallback, status.health[triggerMetricName(trigger, index)])) return record;
  const milli = fallbackMilli(input, trigger);
  return milli === null
    ? record
    : { value: milli / 1000, milli, error: record.error, active: true, fallback: true };
}

/** Evaluates all triggers of one check. */
export function evaluate(input: KedaInput): Evaluated {
  const { spec, state, versions } = input;
  const triggers = spec.triggers ?? [];
  const asked = new Set(triggersToAsk(input));
  // Before 2.19 only HPA requests count failures and fall back; the loop does not.
  const counts = kedaAtLeast(versions, "2.19");
  const events: ControllerEvent[] = [];
  let { status } = state;
  const records = triggers.map((trigger, index): TriggerRecord => {
    if (isResourceTrigger(trigger)) return RESOURCE_RECORD;
    if (!asked.has(index)) return state.memory.requested[index]!;
    const record = recordOf(input, index);
    if (record.error !== null) {
      events.push({ type: "Warning", reason: "KEDAScalerFailed", message: record.error });
    }
    if (!counts || !hasValidFallback(spec.fallback, trigger, versions)) return record;
    const next = withHealth(status, spec.fallback!, triggerMetricName(trigger, index), record.error !== null);
    status = next;
    return withFallback(input, index, record, status);
  });
  const fell = fallbackEvent(state.status.conditions.Fallback, status.conditions.Fallback);
  if (fell !== null) events.push(fell);
  const errored = records.some(({ error, fallback }) => error !== null && !fallback);
  const fallbackUsed = records.some(({ fallback }) => fallback);
  const activeTriggers = triggers.flatMap((trigger, index) =>
    records[index]!.active && !isResourceTrigger(trigger) ? [triggerMetricName(trigger, index)] : [],
  );
  const outcome = { records, status, events, errored, fallbackUsed };
  if (scalingModifiersOf(spec) !== null) {
    const composite = compositeOf(input, records);
    const failed = errored || composite.error !== null;
    return {
      ...outcome,
      errored: failed,
      active: !failed && composite.active,
      activeTriggers: !failed && composite.active ? ["composite-metric"] : [],
    };
  }
  // A workload that only follows cpu or memory is always active: those cannot see a pod that is not there.
  const resourcesOnly = triggers.length > 0 && triggers.every(isResourceTrigger);
  return { ...outcome, active: resourcesOnly || activeTriggers.length > 0, activeTriggers };
}

const RESOURCE_RECORD: TriggerRecord = {
  value: null,
  milli: null,
  error: null,
  active: false,
  fallback: false,
};
