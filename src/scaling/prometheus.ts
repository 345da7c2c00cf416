/**
 * What KEDA's prometheus scaler makes of an answer. Only the HTTP status and `data.result` are looked at, and the one
 * surprise that people meet is here: no series is the number 0, not an error, unless `ignoreNullValues` is false.
 *
 * @see kedacore/keda pkg/scalers/prometheus_scaler.go, ExecutePromQuery
 */
import { ignoresNullValues } from "./scaled-object.ts";
import { kedaAtLeast } from "./versions.ts";
import type { Reading, TriggerSpec, Versions } from "./types.ts";

/** Reduces the answer of `/api/v1/query`. `status` is the HTTP status; 0 stands for no answer at all. */
export function prometheusTriggerValue(answer: { readonly status: number; readonly body: string }): Reading {
  if (answer.status < 200 || answer.status > 299) {
    return {
      error: `prometheus query api returned error. status: ${answer.status} response: ${answer.body}`,
    };
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.body);
  } catch {
    return { error: "prometheus query api returned unparsable JSON" };
  }
  const data = member(parsed, "data");
  const result = data === undefined || data === null ? [] : (member(data, "result") ?? []);
  if (!Array.isArray(result) || result.some((item) => typeof item !== "object" || Array.isArray(item))) {
    return { error: "json: cannot unmarshal result: only a vector can be read" };
  }
  if (result.length === 0) return "empty";
  if (result.length > 1) return { error: "prometheus query returned multiple elements" };
  return valueOf(member(result[0], "value") ?? []);
}

function valueOf(value: unknown): Reading {
  if (!Array.isArray(value)) return { error: "json: cannot unmarshal value" };
  if (value.length === 0) return "empty";
  if (value.length < 2) return { error: "prometheus query didn't return enough values" };
  const text: unknown = value[1];
  // The scaler starts from −1 and leaves it so where the value is null.
  if (text === null) return -1;
  if (typeof text !== "string") {
    return { error: "the scaler panics: interface conversion: the value is not a string" };
  }
  const number = goFloat(text);
  return number ?? { error: `strconv.ParseFloat: parsing "${text}": invalid syntax` };
}

/** Go's ParseFloat, which knows more words for infinity than JavaScript and refuses the empty text. */
function goFloat(text: string): number | null {
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (special !== null) {
    if (/nan/i.test(special[2]!)) return Number.NaN;
    return special[1] === "-" ? -Infinity : Infinity;
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

const member = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;

/** A reading as the trigger's own settings take it: a number, or words for what is wrong. */
export function interpretReading(
  trigger: TriggerSpec,
  reading: Reading | undefined,
  versions?: Versions,
): { readonly value: number } | { readonly error: string } {
  if (reading === undefined) return { error: "the trigger was not asked" };
  const ignoreNull = ignoresNullValues(trigger);
  if (reading === "error") return { error: "the source of the trigger did not answer" };
  if (reading === "empty") {
    return ignoreNull
      ? { value: 0 }
      : { error: "prometheus metrics target may be lost, the result is empty" };
  }
  if (typeof reading === "object") return reading;
  const isNull = kedaAtLeast(versions, "2.20") ? !Number.isFinite(reading) : isInfinite(reading);
  if (!isNull) return { value: reading };
  return ignoreNull ? { value: 0 } : { error: `prometheus query returns ${reading}` };
}

const isInfinite = (value: number): boolean => value === Infinity || value === -Infinity;

/** Whether KEDA asks a second time in the same check: a failing trigger is rebuilt and queried once more. */
export const isTriggerError = (trigger: TriggerSpec, reading: Reading, versions?: Versions): boolean =>
  "error" in interpretReading(trigger, reading, versions);
