/** The recorded traces that can be written as a trace of `limpet scale`, replayed as one: text in, rows out. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { replay, type PassRow } from "./replay.ts";
import { quantityFloat } from "./quantity.ts";
import { parseTrace } from "./trace.ts";
import type { HpaBehavior, ScaledObjectSpec } from "./types.ts";

const load = <T>(name: string): T[] =>
  readFileSync(new URL(`./fixtures/${name}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
const replayed = (lines: readonly object[]): PassRow[] => [
  ...replay(parseTrace(lines.map((line) => JSON.stringify(line)).join("\n"), "recorded")),
];
const conditionsText = (row: PassRow, types: readonly string[]): string =>
  types
    .map((type) => {
      const one = row.conditions[type];
      if (one === undefined) return ".";
      return `${{ True: "+", False: "-", Unknown: "?" }[one.status]}${one.reason}`;
    })
    .join(" ");

type HpaFields = { readonly min?: number; readonly max?: number; readonly behavior?: HpaBehavior | null };
type HpaTrace = {
  readonly id: string;
  readonly hpa: HpaFields & { readonly metrics: readonly (readonly [string, string, string])[] };
  readonly metrics: readonly string[];
  readonly conditions: readonly string[];
  readonly edits?: readonly (HpaFields & { readonly at: number })[];
  readonly rows: readonly (readonly [number, number, number, number, number, number, number, object?])[];
};

function hpaLines(trace: HpaTrace): object[] {
  let fields: HpaFields = trace.hpa;
  const metrics = trace.hpa.metrics.map(([name, type, target]) => ({
    type: "External",
    external: { metric: { name }, target: { type, [type === "Value" ? "value" : "averageValue"]: target } },
  }));
  const specLine = (at: number): object => ({
    t: at / 1000,
    hpa: {
      minReplicas: fields.min ?? null,
      maxReplicas: fields.max,
      behavior: fields.behavior ?? null,
      metrics,
    },
  });
  const lines = [{ at: -1, line: specLine(0) }];
  for (const edit of trace.edits ?? []) {
    fields = { ...fields, ...edit };
    lines.push({ at: edit.at, line: specLine(edit.at) });
  }
  for (const [at, replicas, statusReplicas, metric] of trace.rows) {
    const readings = trace.metrics[metric]!.split("|").map((source) =>
      source === "E" ? "error" : quantityFloat(source),
    );
    lines.push({ at, line: { t: at / 1000, replicas, statusReplicas, metrics: readings, pass: "hpa" } });
  }
  return lines.sort((a, b) => a.at - b.at).map(({ line }) => line);
}

/** A trace knows one number for each metric, writes that succeed at once, and no pods apart from their count. */
const canSay = ({ metrics, rows }: HpaTrace): boolean =>
  metrics.every((entry) => !entry.includes("+") || /e\+/.test(entry)) &&
  rows.every(([, , , , , , , extra]) =>
    Object.keys(extra ?? {}).every((key) => ["why", "avg"].includes(key)),
  );

describe.each(["hpa-external", "hpa-multi"])("%s", (name) => {
  const traces = load<HpaTrace>(name).filter(canSay);
  test("enough of them can be said", () => {
    expect(traces.length).toBeGreaterThan(10);
  });
  test.each(traces.map((trace) => [trace.id, trace] as const))("%s", (_, trace) => {
    const rows = replayed(hpaLines(trace));
    const types = ["AbleToScale", "ScalingActive", "ScalingLimited", "ScaledToZero"];
    expect(rows.map((row) => [row.t, row.replicas, row.desired, conditionsText(row, types)])).toEqual(
      trace.rows.map(([at, , , , after, desired, conditions]) => [
        at / 1000,
        after,
        desired,
        trace.conditions[conditions],
      ]),
    );
  });
});

type KedaTrace = {
  readonly id: string;
  readonly spec: Omit<ScaledObjectSpec, "triggers"> & {
    readonly triggers: readonly { readonly useCachedMetrics?: boolean; readonly threshold: string }[];
  };
  readonly offsetMs: number;
  readonly createdMs: number;
  readonly activeMs?: number;
  readonly changes: readonly {
    readonly at: number;
    readonly spec?: number;
    readonly values?: readonly string[];
  }[];
  readonly conditions: readonly string[];
  readonly rows: readonly (readonly [number, string, number, number | null, number, object?])[];
};

function kedaLines({ spec, offsetMs, createdMs, activeMs, changes, rows }: KedaTrace): object[] {
  const t = (at: number): number => (at + offsetMs) / 1000;
  const triggers = spec.triggers.map(({ useCachedMetrics, ...metadata }) => ({
    type: "prometheus",
    metadata,
    ...(useCachedMetrics === undefined ? {} : { useCachedMetrics }),
  }));
  const first = {
    t: t(0),
    scaledObject: { ...spec, triggers },
    creationTimestamp: t(-createdMs),
    ...(activeMs === undefined ? {} : { lastActiveTime: t(-activeMs) }),
  };
  // At 0 a change comes before the poll; later one at the same instant comes after it.
  const later = changes.map(({ at, spec: replicas, values }) => ({
    at: at === 0 ? -1 : at + 0.5,
    line: {
      t: t(at === 0 ? 0 : at + 0.001),
      ...(replicas === undefined ? {} : { replicas }),
      ...(values === undefined
        ? {}
        : {
            metrics: values.map((value) => (value === "empty" || value === "error" ? value : Number(value))),
          }),
    },
  }));
  const polls = rows.map(([at]) => ({ at, line: { t: t(at), pass: "keda" } }));
  return [first, ...[...later, ...polls].sort((a, b) => a.at - b.at).map(({ line }) => line)];
}

const SAYABLE = new Set(["at", "spec", "values"]);
const isKedaAlone = ({ changes }: KedaTrace): boolean =>
  changes.every((change) => Object.keys(change).every((key) => SAYABLE.has(key))) &&
  changes.every(({ values }) => values === undefined || values.every((value) => !/Inf|NaN/.test(value)));

describe("keda", () => {
  const traces = load<KedaTrace>("keda").filter(isKedaAlone);
  test("enough of them can be said", () => {
    expect(traces.length).toBeGreaterThan(10);
  });
  test.each(traces.map((trace) => [trace.id, trace] as const))("%s", (_, trace) => {
    const rows = replayed(kedaLines(trace));
    const types = ["Ready", "Active", "Fallback", "HPAActive"];
    expect(rows.map((row) => [row.replicas, conditionsText(row, types)])).toEqual(
      trace.rows.map(([, , replicas, , conditions]) => [replicas, trace.conditions[conditions]]),
    );
  });
});
