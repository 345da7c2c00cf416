/**
 * What KEDA answers when the HPA asks for an external metric: a fresh query each time (the loop's value is not reused),
 * unless `useCachedMetrics` is on.
 *
 * Requests count failures on the copy of the object that the scalers were built with, so with a fallback their counts
 * and the loop's can overwrite each other, and a change of condition Fallback writes that copy's other conditions too.
 *
 * @see kedacore/keda pkg/scaling/scale_handler.go, GetScaledObjectMetrics; pkg/fallback/fallback.go
 */
import { compositeOf } from "./composite.ts";
import { hasValidFallback, withHealth } from "./fallback.ts";
import { recordOf, withFallback } from "./keda-triggers.ts";
import {
  COMPOSITE_METRIC,
  isResourceTrigger,
  metricMilli,
  scalingModifiersOf,
  triggerMetricName,
  withoutNulls,
} from "./scaled-object.ts";
import type {
  KedaInput,
  KedaState,
  KedaStatus,
  MetricHealth,
  ServedInput,
  ServedResult,
  TriggerRecord,
} from "./types.ts";

/** A metric's value in the milli units it is served in, an exact tie going to the even digit (since 2.20). */
export const quantityMilli = metricMilli;

/** The triggers that a request needs: one, or all of them for `composite-metric`. */
function wanted(input: Pick<ServedInput, "spec" | "metricName">): readonly number[] {
  const composite = scalingModifiersOf(input.spec) !== null && input.metricName === COMPOSITE_METRIC;
  return (input.spec.triggers ?? []).flatMap((trigger, index) =>
    !isResourceTrigger(trigger) && (composite || triggerMetricName(trigger, index) === input.metricName)
      ? [index]
      : [],
  );
}

/** The triggers whose source a request asks: those without a cached record. */
export const servedMetricAsks = (
  input: Pick<ServedInput, "spec" | "metricName" | "state">,
): readonly number[] =>
  wanted({ ...input, spec: withoutNulls(input.spec) }).filter(
    (index) =>
      input.spec.triggers![index]!.useCachedMetrics !== true ||
      input.state.memory.cached[index] === undefined,
  );

/** Answers one request of the HPA. */
export function servedMetric(given: ServedInput): ServedResult {
  const input = { ...given, spec: withoutNulls(given.spec) };
  const indexes = wanted(input);
  if (indexes.length === 0) {
    const error = `no matching metrics found for ${input.metricName}`;
    return { milli: null, error, fallbackUsed: false, state: input.state };
  }
  const asked = new Set(servedMetricAsks(input));
  const readings = input.readings.map((reading) => reading ?? "error");
  const full: KedaInput = { ...input, readings, hpaScalingActive: null };
  let { state } = input;
  const records: TriggerRecord[] = [];
  for (const index of indexes) {
    const raw = asked.has(index) ? recordOf(full, index) : asSuccess(state.memory.cached[index]!);
    const counted = count(full, state, index, raw);
    state = counted.state;
    records[index] = counted.record;
  }
  const errored = indexes.some((index) => records[index]!.error !== null && !records[index]!.fallback);
  const requested = { ...state.memory.requested };
  for (const index of indexes) requested[index] = records[index]!;
  state = {
    ...state,
    memory: { ...state.memory, requested, scalers: errored ? null : state.memory.scalers },
  };
  const answer =
    input.metricName === COMPOSITE_METRIC
      ? compositeOf(
          input,
          (input.spec.triggers ?? []).map((_, index) => records[index] ?? NOT_ASKED),
        )
      : records[indexes[0]!]!;
  const served = answer.error === null || answer.fallback ? answer.milli : null;
  return {
    milli: served,
    error: served === null ? (answer.error ?? "no value") : null,
    fallbackUsed: answer.fallback,
    state,
  };
}

const NOT_ASKED: TriggerRecord = { value: null, milli: null, error: null, active: false, fallback: false };

/** A poll keeps what it decided with: a fallback's value is a success to the request that finds it. */
const asSuccess = (record: TriggerRecord): TriggerRecord =>
  record.fallback ? { ...record, error: null, fallback: false } : record;

/** Counts one answer on the copy that the scalers carry, and patches the stored status where that changed it. */
function count(
  input: KedaInput,
  state: KedaState,
  index: number,
  record: TriggerRecord,
): { readonly state: KedaState; readonly record: TriggerRecord } {
  const trigger = input.spec.triggers![index]!;
  const { fallback } = input.spec;
  const scalers = state.memory.scalers ?? { copy: state.status, builtByPoll: false };
  const { copy } = scalers;
  const built: KedaState = { ...state, memory: { ...state.memory, scalers } };
  if (!hasValidFallback(fallback, trigger, input.versions)) return { state: built, record };
  const name = triggerMetricName(trigger, index);
  const next = withHealth(copy, fallback!, name, record.error !== null);
  const fallen = withFallback(input, index, record, next);
  const healthBefore = copy.health[name];
  const healthAfter = next.health[name]!;
  const before = copy.conditions.Fallback;
  const after = next.conditions.Fallback;
  const conditionChanged = before.status !== after.status || before.reason !== after.reason;
  const healthChanged =
    healthBefore?.numberOfFailures !== healthAfter.numberOfFailures ||
    healthBefore.status !== healthAfter.status;
  if (!conditionChanged && !healthChanged) return { state: built, record: fallen };
  // A merge patch carries only the fields that changed on the copy.
  const stored = state.status.health[name] ?? healthAfter;
  const patched: MetricHealth = {
    numberOfFailures:
      healthBefore?.numberOfFailures === healthAfter.numberOfFailures
        ? stored.numberOfFailures
        : healthAfter.numberOfFailures,
    status: healthBefore?.status === healthAfter.status ? stored.status : healthAfter.status,
  };
  const status: KedaStatus = {
    ...state.status,
    health: healthChanged ? { ...state.status.health, [name]: patched } : state.status.health,
    conditions: conditionChanged ? next.conditions : state.status.conditions,
  };
  return {
    state: { ...built, status, memory: { ...built.memory, scalers: { ...scalers, copy: status } } },
    record: fallen,
  };
}
