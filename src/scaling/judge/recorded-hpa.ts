/** Traces of the real HPA controller, as `conformance/` records them, replayed row by row. */
import { hpaSync, newHpaState } from "../hpa.ts";
import { formatMilli, quantityMilli } from "../quantity.ts";
import type { HpaBehavior, HpaConditions, HpaInput, HpaReading, HpaSpec, Versions } from "../types.ts";

type Extra = {
  readonly tries?: number;
  readonly failed?: boolean;
  readonly wroteMs?: number;
  readonly why?: string;
  readonly unread?: boolean;
  readonly avg?: string;
  readonly pods?: number;
};
type Row = readonly [number, number, number, number, number, number, number, Extra?];
type Edit = {
  readonly at: number;
  readonly min?: number;
  readonly max?: number;
  readonly behavior?: HpaBehavior | null;
};
export type RecordedHpa = {
  readonly id: string;
  readonly hpa: {
    readonly min?: number;
    readonly max: number;
    readonly metrics: readonly (readonly [string, "AverageValue" | "Value", string])[];
    readonly behavior?: HpaBehavior;
  };
  readonly metrics: readonly string[];
  readonly conditions: readonly string[];
  readonly pods?: readonly string[];
  readonly edits?: readonly Edit[];
  readonly rows: readonly Row[];
};

const readingsOf = (entry: string): HpaReading[] =>
  entry
    .split("|")
    .map((source) =>
      source === "E"
        ? { error: "HTTP 500" }
        : { milli: source.split("+").map((value) => quantityMilli(value)) },
    );

function specOf(trace: RecordedHpa): HpaSpec {
  const { hpa } = trace;
  return {
    name: trace.id,
    maxReplicas: hpa.max,
    metrics: hpa.metrics.map(([, targetType, target], index) => ({
      name: `s${index}-prometheus`,
      targetType,
      targetMilli: quantityMilli(target),
    })),
    ...(hpa.min === undefined ? {} : { minReplicas: hpa.min }),
    ...(hpa.behavior === undefined ? {} : { behavior: hpa.behavior }),
  };
}

/** Running and ready: R, Y (young), T (terminating). The others are there, but do not count: P, N, F. */
const podsOf = (letters: string): { total: number; ready: number } => ({
  total: letters.length,
  ready: letters.replaceAll(/[^RYT]/g, "").length,
});

const conditionsText = (conditions: HpaConditions): string =>
  [conditions.AbleToScale, conditions.ScalingActive, conditions.ScalingLimited, conditions.ScaledToZero]
    .map((one) => (one === null ? "." : `${one.status === "True" ? "+" : "-"}${one.reason}`))
    .join(" ");

const whyOf = (reason: string): string => {
  if (reason.endsWith("above target")) return "above";
  if (reason.endsWith("below target")) return "below";
  if (reason.endsWith("Spec.MaxReplicas")) return "max";
  return reason.endsWith("Spec.MinReplicas") ? "min" : "empty";
};

/** A retried write leaves the controller's rhythm with decimals of a millisecond. */
const microseconds = (ms: number): number => Math.round(ms * 1000);

const columnsOf = (row: Row, trace: RecordedHpa): unknown[] => {
  const [ms, , , , after, desired, conditions, extra] = row;
  return [ms, after, desired, trace.conditions[conditions], extra?.why ?? "", extra?.avg ?? ""];
};

/**
 * What `hpaSync` makes of the values that the controller read, keeping its own history: a line for each row in which it
 * differs, in replicas, desired, conditions, averages or the reason of a rescale.
 */
export function hpaDifferences(trace: RecordedHpa, versions: Versions = {}): string[] {
  let spec = specOf(trace);
  let state = newHpaState();
  const edits = [...(trace.edits ?? [])];
  const differences: string[] = [];
  for (const row of trace.rows) {
    const [ms, specReplicas, statusReplicas, metric, , , , extra] = row;
    while (edits[0] !== undefined && ms >= edits[0].at) spec = edited(spec, edits.shift()!);
    const letters = extra?.pods === undefined ? undefined : trace.pods?.[extra.pods];
    const input: HpaInput = {
      nowUs: microseconds(ms),
      spec,
      state,
      specReplicas,
      statusReplicas,
      readings: readingsOf(trace.metrics[metric]!),
      versions,
      ...(letters === undefined ? {} : { pods: podsOf(letters) }),
      ...(extra?.unread ? { scaleError: "HTTP 500" } : {}),
      report: {
        ...(extra?.failed ? { failed: "conflict" } : {}),
        ...(extra?.wroteMs === undefined ? {} : { atUs: microseconds(extra.wroteMs) }),
      },
    };
    const result = hpaSync(input);
    state = result.state;
    const averages = result.averagesMilli.map((milli) => (milli === null ? "" : formatMilli(milli)));
    const found = [
      ms,
      result.replicas,
      result.desired,
      conditionsText(result.conditions),
      extra?.why === undefined ? "" : whyOf(result.rescaleReason ?? ""),
      extra?.avg === undefined || extra.unread ? (extra?.avg ?? "") : averages.join("|"),
    ];
    const recorded = columnsOf(row, trace);
    if (found.join() !== recorded.join())
      differences.push(`${trace.id}: found ${JSON.stringify(found)}, recorded ${JSON.stringify(recorded)}`);
  }
  return differences;
}

function edited(spec: HpaSpec, { min, max, behavior }: Edit): HpaSpec {
  return {
    ...spec,
    ...(behavior === undefined ? {} : { behavior }),
    ...(min === undefined ? {} : { minReplicas: min }),
    ...(max === undefined ? {} : { maxReplicas: max }),
  };
}
