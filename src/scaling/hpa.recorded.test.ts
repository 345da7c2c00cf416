/** Every pass that the real controller made over 420 random courses of events, replayed row by row. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { hpaSync, newHpaState } from "./hpa.ts";
import { formatMilli, quantityMilli } from "./quantity.ts";
import type { HpaBehavior, HpaConditions, HpaInput, HpaReading, HpaSpec } from "./types.ts";

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
type Trace = {
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

const load = (name: string): Trace[] =>
  readFileSync(new URL(`./fixtures/${name}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Trace);

const readingsOf = (entry: string): HpaReading[] =>
  entry
    .split("|")
    .map((source) =>
      source === "E"
        ? { error: "HTTP 500" }
        : { milli: source.split("+").map((value) => quantityMilli(value)) },
    );

function specOf(trace: Trace): HpaSpec {
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

for (const file of ["hpa-external", "hpa-value", "hpa-multi"]) {
  describe(`${file}.jsonl: replicas, desired, conditions, averages and reasons as recorded`, () => {
    for (const trace of load(file)) {
      test(trace.id, () => {
        let spec = specOf(trace);
        let state = newHpaState();
        const edits = [...(trace.edits ?? [])];
        for (const [
          ms,
          specReplicas,
          statusReplicas,
          metric,
          after,
          desired,
          conditions,
          extra,
        ] of trace.rows) {
          while (edits[0] !== undefined && ms >= edits[0].at) {
            const { at: _, min, max, ...rest } = edits.shift()!;
            spec = { ...spec, ...rest };
            if (min !== undefined) spec = { ...spec, minReplicas: min };
            if (max !== undefined) spec = { ...spec, maxReplicas: max };
          }
          const letters = extra?.pods === undefined ? undefined : trace.pods?.[extra.pods];
          const input: HpaInput = {
            nowUs: ms * 1000,
            spec,
            state,
            specReplicas,
            statusReplicas,
            readings: readingsOf(trace.metrics[metric]!),
            ...(letters === undefined ? {} : { pods: podsOf(letters) }),
            ...(extra?.unread ? { scaleError: "HTTP 500" } : {}),
            report: {
              ...(extra?.failed ? { failed: "conflict" } : {}),
              ...(extra?.wroteMs === undefined ? {} : { atUs: extra.wroteMs * 1000 }),
            },
          };
          const result = hpaSync(input);
          const found = [ms, result.replicas, result.desired, conditionsText(result.conditions)];
          expect(found).toEqual([ms, after, desired, trace.conditions[conditions]]);
          if (extra?.why !== undefined)
            expect([ms, whyOf(result.rescaleReason ?? "")]).toEqual([ms, extra.why]);
          if (extra?.avg !== undefined && !extra.unread) {
            const text = result.averagesMilli
              .map((milli) => (milli === null ? "" : formatMilli(milli)))
              .join("|");
            expect([ms, text]).toEqual([ms, extra.avg]);
          }
          state = result.state;
        }
      });
    }
  });
}
