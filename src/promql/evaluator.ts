import { aggregate } from "./aggregate.ts";
import type { Annotations } from "./annotations.ts";
import type { Binary, Call, Expr, MatrixSelector, Subquery, VectorSelector } from "./ast.ts";
import { isSetOperator } from "./ast.ts";
import { scalarBinary, setOperation, vectorBinary, vectorScalarBinary } from "./binary.ts";
import { callFunction } from "./call.ts";
import { executionError } from "./errors.ts";
import { Labels } from "./labels.ts";
import { currentAt, windowOf } from "./select.ts";
import type { SeriesSamples, Storage } from "./storage.ts";
import type { RangeSeries, Value, VectorSample } from "./value.ts";

export type EvaluatorOptions = {
  readonly storage: Storage;
  readonly annotations: Annotations;
  readonly lookbackMs: number;
  readonly version: 2 | 3;
  /** The step of subqueries that name none (`global.evaluation_interval`). */
  readonly defaultStepMs: number;
  /** First and last instant of the query. */
  readonly startMs: number;
  readonly endMs: number;
  /** How many samples a query may hold at once. */
  readonly maxSamples: number;
};

/** Evaluates expressions at one instant after the other, which must not go back by more than their windows. */
export class Evaluator {
  readonly options: EvaluatorOptions;
  private readonly selected = new Map<VectorSelector, SeriesSamples[]>();
  private readonly subquerySteps = new Map<Subquery, Map<number, readonly VectorSample[]>>();
  private heldSamples = 0;

  constructor(options: EvaluatorOptions) {
    this.options = options;
  }

  /** Counts samples that are kept until the query ends. */
  hold(samples: number): void {
    this.heldSamples += samples;
    if (this.heldSamples > this.options.maxSamples)
      throw executionError("query processing would load too many samples into memory in query execution");
  }

  evaluate(expr: Expr, tMs: number): Value {
    switch (expr.kind) {
      case "number":
        return { type: "scalar", value: expr.value };
      case "string":
        return { type: "string", value: expr.value };
      case "paren":
        return this.evaluate(expr.expr, tMs);
      case "unary": {
        const value = this.evaluate(expr.expr, tMs);
        if (expr.operator === "+" || value.type === "string") return value;
        if (value.type === "scalar") return { type: "scalar", value: -value.value };
        const samples = value.samples.map((one) => ({ labels: one.labels.withoutName(), value: -one.value }));
        return { type: "vector", samples: distinct(samples) };
      }
      case "binary":
        return this.binary(expr, tMs);
      case "aggregation": {
        const { param } = expr;
        const given = param === null ? null : this.evaluate(param, tMs);
        const number = given === null || given.type === "vector" ? null : given.value;
        const samples = aggregate(expr, this.vector(expr.expr, tMs), number, this.options.annotations);
        return { type: "vector", samples };
      }
      case "call":
        return this.call(expr, tMs);
      case "vectorSelector":
        return { type: "vector", samples: this.instant(expr, tMs).map(([sample]) => sample) };
      default:
        throw executionError("a range vector has no value at one instant");
    }
  }

  vector(expr: Expr, tMs: number): readonly VectorSample[] {
    const value = this.evaluate(expr, tMs);
    if (value.type === "vector") return value.samples;
    if (value.type === "scalar") return [{ labels: Labels.empty, value: value.value }];
    return [];
  }

  scalar(expr: Expr, tMs: number): number {
    const value = this.evaluate(expr, tMs);
    return value.type === "scalar" ? value.value : NaN;
  }

  private call(expr: Call, tMs: number): Value {
    const value = callFunction(this, expr, tMs);
    return value.type === "vector" ? { type: "vector", samples: distinct(value.samples) } : value;
  }

  private binary(expr: Binary, tMs: number): Value {
    const left = this.evaluate(expr.left, tMs);
    const right = this.evaluate(expr.right, tMs);
    if (left.type === "scalar" && right.type === "scalar")
      return { type: "scalar", value: scalarBinary(expr.operator, left.value, right.value) };
    return { type: "vector", samples: distinct(vectors(expr, left, right)) };
  }

  /** The samples current at `tMs`, each with the time it was taken. */
  instant(selector: VectorSelector, tMs: number): (readonly [VectorSample, number])[] {
    const { lookbackMs, version } = this.options;
    const at = this.reference(selector, tMs);
    const found: (readonly [VectorSample, number])[] = [];
    for (const series of this.series(selector)) {
      const index = currentAt(series, at, lookbackMs, version);
      if (index < 0) continue;
      found.push([{ labels: series.labels, value: series.values[index] ?? NaN }, series.times[index] ?? NaN]);
    }
    return found;
  }

  /** The end of the window that a selector or subquery looks at. */
  reference({ at, offsetMs }: Pick<VectorSelector, "at" | "offsetMs">, tMs: number): number {
    const { startMs, endMs } = this.options;
    const base = at === null ? tMs : at === "start" ? startMs : at === "end" ? endMs : at;
    return base - offsetMs;
  }

  private series(selector: VectorSelector): SeriesSamples[] {
    const known = this.selected.get(selector);
    if (known !== undefined) return known;
    const found = this.options.storage.select(selector.matchers, -Infinity, Infinity);
    this.selected.set(selector, found);
    return found;
  }

  /** The series of a range selector or subquery, and the window's ends. */
  range(
    expr: MatrixSelector | Subquery,
    tMs: number,
  ): { series: RangeSeries[]; startMs: number; endMs: number } {
    const endMs = this.reference(expr.kind === "subquery" ? expr : expr.selector, tMs);
    const startMs = endMs - expr.rangeMs;
    if (expr.kind === "subquery") return { series: this.subquery(expr, startMs, endMs), startMs, endMs };
    const series: RangeSeries[] = [];
    for (const one of this.series(expr.selector)) {
      const window = windowOf(one, startMs, endMs, this.options.version);
      if (window !== null) series.push(window);
    }
    return { series, startMs, endMs };
  }

  private subquery(expr: Subquery, startMs: number, endMs: number): RangeSeries[] {
    const { defaultStepMs, version } = this.options;
    const stepMs = expr.stepMs ?? defaultStepMs;
    let known = this.subquerySteps.get(expr);
    if (known === undefined) this.subquerySteps.set(expr, (known = new Map()));
    let first = stepMs * Math.trunc(startMs / stepMs);
    if (first < startMs || (version === 3 && first === startMs)) first += stepMs;
    const byKey = new Map<string, { labels: Labels; times: number[]; values: number[] }>();
    for (let tMs = first; tMs <= endMs; tMs += stepMs) {
      let samples = known.get(tMs);
      if (samples === undefined) {
        samples = this.vector(expr.expr, tMs);
        this.hold(samples.length + 1);
        known.set(tMs, samples);
      }
      for (const { labels, value } of samples) {
        let series = byKey.get(labels.key);
        if (series === undefined) byKey.set(labels.key, (series = { labels, times: [], values: [] }));
        series.times.push(tMs);
        series.values.push(value);
      }
    }
    return [...byKey.values()];
  }
}

function vectors(expr: Binary, left: Value, right: Value): readonly VectorSample[] {
  if (left.type === "vector" && right.type === "vector" && expr.matching !== null) {
    if (isSetOperator(expr.operator))
      return setOperation(expr.operator, expr.matching, left.samples, right.samples);
    return vectorBinary(expr, expr.matching, left.samples, right.samples);
  }
  if (left.type === "vector" && right.type === "scalar")
    return vectorScalarBinary(expr, left.samples, right.value, false);
  if (left.type === "scalar" && right.type === "vector")
    return vectorScalarBinary(expr, right.samples, left.value, true);
  return [];
}

/** Refuses a vector that holds two samples of the same labels, as dropping names may make one. */
function distinct(samples: readonly VectorSample[]): readonly VectorSample[] {
  if (samples.length < 2) return samples;
  const seen = new Set<string>();
  for (const { labels } of samples) {
    if (seen.has(labels.key)) throw executionError("vector cannot contain metrics with the same labelset");
    seen.add(labels.key);
  }
  return samples;
}
