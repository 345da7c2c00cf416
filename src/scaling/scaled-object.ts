/** A ScaledObject's spec read with KEDA's defaults. */
import { kedaAtLeast } from "./versions.ts";
import type { ScaledObjectSpec, ScalingModifiersSpec, TriggerSpec, Versions } from "./types.ts";

export const DEFAULT_POLLING_INTERVAL_SECONDS = 30;
export const DEFAULT_COOLDOWN_SECONDS = 300;
export const COMPOSITE_METRIC = "composite-metric";

/** Specs are values; every check of a run asks for the same few. */
const withoutNullsOf = new WeakMap<ScaledObjectSpec, ScaledObjectSpec>();

/** The spec as the API server stores it: a field that is written as null counts as not written. */
export function withoutNulls(spec: ScaledObjectSpec): ScaledObjectSpec {
  let stored = withoutNullsOf.get(spec);
  if (!stored) withoutNullsOf.set(spec, (stored = dropNulls(spec) as ScaledObjectSpec));
  return stored;
}

function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === null ? [] : [[key, dropNulls(one)]])),
  );
}

export const isResourceTrigger = ({ type }: TriggerSpec): boolean => type === "cpu" || type === "memory";

/** The name under which the metric is served. `metricName` in the metadata is ignored since 2.12. */
export const triggerMetricName = (trigger: TriggerSpec, index: number): string =>
  `s${index}-${trigger.type.replaceAll(/[/.:%]/g, "-")}`;

/** A metadata value as text: manifests may carry numbers and booleans where KEDA wants strings. */
export function metadataText(trigger: TriggerSpec, key: string): string | undefined {
  const value = trigger.metadata?.[key];
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

function metadataNumber(trigger: TriggerSpec, key: string, fallback: number): number {
  const text = metadataText(trigger, key)?.trim();
  const value = text === undefined || text === "" ? fallback : Number(text);
  return Number.isFinite(value) ? value : fallback;
}

export const thresholdOf = (trigger: TriggerSpec): number => metadataNumber(trigger, "threshold", 0);
export const activationThresholdOf = (trigger: TriggerSpec): number =>
  metadataNumber(trigger, "activationThreshold", 0);

/** `ignoreNullValues`, true by default; Go's words for false are understood. */
export const ignoresNullValues = (trigger: TriggerSpec): boolean =>
  !["false", "0", "f", "F", "FALSE", "False"].includes(metadataText(trigger, "ignoreNullValues") ?? "true");

export const targetMilliOf = (trigger: TriggerSpec, versions: Versions | undefined): number =>
  metricMilli(thresholdOf(trigger), versions);

/** The composite metric's settings; null where there is no formula. */
export function scalingModifiersOf(spec: ScaledObjectSpec): ScalingModifiersSpec | null {
  const modifiers = spec.advanced?.scalingModifiers;
  return modifiers?.formula === undefined || modifiers.formula === "" ? null : modifiers;
}

/**
 * Why KEDA could not build the scalers of this object, which ends each check before anything is decided. Only what
 * decides here is looked at, a prometheus trigger's numbers; that a server and a query are named is the loader's.
 */
export function scalerProblems(spec: ScaledObjectSpec): readonly string[] {
  return (spec.triggers ?? []).flatMap((trigger, index) => {
    const at = `trigger ${index} (${trigger.type})`;
    const problems: string[] = [];
    if (trigger.metricType === "Utilization" && !isResourceTrigger(trigger)) {
      problems.push(`${at}: metricType Utilization is only for cpu and memory`);
    }
    if (trigger.type !== "prometheus") return problems;
    if ((metadataText(trigger, "threshold") ?? "") === "") problems.push(`${at}: no threshold given`);
    for (const key of ["threshold", "activationThreshold"]) {
      const text = metadataText(trigger, key) ?? "";
      if (text !== "" && !Number.isFinite(Number(text)))
        problems.push(`${at}: ${key} "${text}" is no number`);
    }
    return problems;
  });
}

/**
 * A metric's value in the milli units in which KEDA serves it. Up to 2.19 the product with 1000 was cut off; since
 * 2.20 it is the nearest three decimals, an exact tie going to the even digit (`toFixed` would round it up), and what
 * is negative or no number is 0.
 * @see kedacore/keda pkg/scalers/scaler.go, GenerateMetricInMili
 */
export function metricMilli(value: number, versions?: Versions): number {
  if (!kedaAtLeast(versions, "2.20")) return Number.isFinite(value) ? Math.trunc(value * 1000) + 0 : 0;
  if (!(value > 0) || !Number.isFinite(value)) return 0;
  if (value >= 2 ** 53 / 1000) return value * 1000;
  // Only odd sixteenths lie exactly between two thousandths.
  if ((value * 16) % 2 === 1) {
    const below = Math.floor(value * 1000);
    return below % 2 === 0 ? below : below + 1;
  }
  return Number(value.toFixed(3).replace(".", ""));
}
