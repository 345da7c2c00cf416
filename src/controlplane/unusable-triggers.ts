/** Triggers that limpet does not act on, and those from which KEDA cannot build a scaler or an HPA: its reconciler stops there, and nothing scales. */
import { scalerProblems, withoutNulls } from "../scaling/scaled-object.ts";
import { listAt, textAt } from "../topology/json.ts";
import { nearest } from "../topology/suggest.ts";
import type { ScaledObject, Trigger } from "../topology/types.ts";

/**
 * What KEDA's reconciler says, or null where every trigger can be used. Triggers of other kinds are not looked at.
 * @see kedacore/keda controllers/keda/hpa.go, pkg/scalers/prometheus_scaler.go; the HPA's target must be positive
 *   (kubernetes/kubernetes pkg/apis/autoscaling/validation)
 */
export function unusableTriggers({ spec, triggers }: ScaledObject): string | null {
  const problems = [
    ...scalerProblems(withoutNulls(spec)),
    ...triggers.flatMap((trigger, index) =>
      problemsOf(trigger).map((problem) => `trigger ${index} (${trigger.type}): ${problem}`),
    ),
  ];
  return problems.length === 0 ? null : `KEDA cannot make the HPA: ${problems.join("; ")}`;
}

function problemsOf({ type, metadata }: Trigger): string[] {
  if (type !== "prometheus")
    return nearest(type, ["prometheus"]) === null
      ? []
      : [`no scaler found for type ${type}; did you mean prometheus?`];
  const missing = ["serverAddress", "query"].filter(
    (field) => (metadata[field] ?? "") === "" && metadata[`${field}FromEnv`] === undefined,
  );
  const threshold = Number(metadata["threshold"] ?? Number.NaN);
  return [
    ...missing.map((field) => `no ${field} given`),
    ...(threshold <= 0 ? [`threshold ${metadata["threshold"]} must be above 0`] : []),
  ];
}

const ACTED_ON: ReadonlySet<string> = new Set(["prometheus", "cpu", "memory"]);

/**
 * The object as if its triggers of other kinds were not there: asked, they would only fail, and a trigger that fails keeps
 * the HPA from scaling in.
 */
export function withTriggersActedOn(scaledObject: ScaledObject): ScaledObject {
  const { spec, triggers } = scaledObject;
  if (triggers.every(({ type }) => ACTED_ON.has(type))) return scaledObject;
  const kept = listAt(spec, "triggers").filter((trigger) => ACTED_ON.has(textAt(trigger, "type") ?? ""));
  return {
    ...scaledObject,
    spec: { ...spec, triggers: kept },
    triggers: triggers.filter(({ type }) => ACTED_ON.has(type)),
  };
}
