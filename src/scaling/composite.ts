/**
 * `advanced.scalingModifiers`: one composite metric from a formula over named triggers.
 * @see kedacore/keda pkg/scaling/modifiers/modifiers.go
 */
import { evaluateFormula, type FormulaValue } from "./formula.ts";
import { fallbackMilli } from "./fallback.ts";
import { quantityFloat } from "./quantity.ts";
import { isResourceTrigger, metricMilli, scalingModifiersOf } from "./scaled-object.ts";
import type { KedaInput, TriggerRecord } from "./types.ts";

export type Composite = {
  readonly value: number | null;
  readonly milli: number | null;
  readonly error: string | null;
  readonly active: boolean;
  readonly fallback: boolean;
};

/** The composite metric of one check or request. While a fallback is active the formula is skipped. */
export function compositeOf(
  input: Pick<KedaInput, "spec" | "currentReplicas" | "readyPods" | "versions">,
  records: readonly TriggerRecord[],
): Composite {
  const { spec, versions } = input;
  const modifiers = scalingModifiersOf(spec)!;
  const triggers = spec.triggers ?? [];
  const failedIndex = records.findIndex(({ error, fallback }) => error !== null && !fallback);
  if (failedIndex >= 0) {
    return { value: null, milli: null, error: records[failedIndex]!.error, active: false, fallback: false };
  }
  const fallbackIndex = records.findIndex(({ fallback }) => fallback);
  const seesNil = spec.fallback?.behavior === "scalingModifiers";
  if (fallbackIndex >= 0 && !seesNil) {
    return served(fallbackMilli(input, triggers[fallbackIndex]!));
  }
  const values: Record<string, FormulaValue> = {};
  triggers.forEach((trigger, index) => {
    const record = records[index];
    if (trigger.name === undefined || record === undefined || isResourceTrigger(trigger)) return;
    values[trigger.name] = record.fallback ? null : (record.milli ?? 0) / 1000;
  });
  const result = evaluateFormula(modifiers.formula!, values);
  if ("error" in result)
    return { value: null, milli: null, error: result.error, active: false, fallback: false };
  if (result.value === null) {
    if (fallbackIndex >= 0) return served(fallbackMilli(input, triggers[fallbackIndex]!));
    return { value: null, milli: null, error: "the formula gave nil", active: false, fallback: false };
  }
  const activation = quantityFloat(modifiers.activationTarget ?? 0) ?? 0;
  return {
    value: result.value,
    milli: metricMilli(result.value, versions),
    error: null,
    active: result.value > activation,
    fallback: fallbackIndex >= 0,
  };
}

const served = (milli: number | null): Composite => ({
  value: milli === null ? null : milli / 1000,
  milli,
  error: milli === null ? "no fallback value" : null,
  active: milli !== null,
  fallback: milli !== null,
});
