import { aggregate } from "./aggregate.ts";
import type { Annotations } from "./annotations.ts";
import type { Binary, Call, Expr, MatrixSelector, Subquery, VectorSelector } from "./ast.ts";
import { isSetOperator } from "./ast.ts";
import { scalarBinary, setOperation, vectorBinary, vectorScalarBinary } from "./binary.ts";
import { callFunction } from "./call.ts";
import { executionError } from "./errors.ts";
import { compareLabels, Labels } from "./labels.ts";
import { currentAt, windowOf } from "./select.ts";
import { isStepInvariant } from "./step-invariant.ts";
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
  private readonly subquerySteps = new Map<Subquery, ReadonlyMap<number, readonly VectorSample[]>>();
  /** Values of expressions that are the same at every instant; null for those that are not. */
  private readonly fixed = new Map<Expr, { value: Value | undefined } | null>();
  private readonly offsetless = new Map<VectorSelector, VectorSelector>();
  private heldSamples = 0;
  /** Whether what is evaluated now is evaluated at several instants. */
  stepping: boolean;
  /** First and last instant of what is evaluated now: the query's, or inside a subquery that one's. */
  private span: { readonly startMs: number; readonly endMs: number };

  constructor(options: EvaluatorOptions) {
    this.options = options;
    this.stepping = options.startMs !== options.endMs;
    this.span = { startMs: options.startMs, endMs: options.endMs };
  }

  /** Counts samples that are kept until the query ends. */
  hold(samples: number): void {
    this.heldSamples += samples;
    if (this.heldSamples > this.options.maxSamples)
      throw executionError("query processing would load too many samples into memory in query execution");
  }

  evaluate(expr: Expr, tMs: number): Value {
    if (!this.stepping || expr.kind === "number" || expr.kind === "vectorSelector")
      return this.compute(expr, tMs);
    let fixed = this.fixed.get(expr);
    if (fixed === undefined)
      this.fixed.set(expr, (fixed = isStepInvariant(expr) ? { value: undefined } : null));
    if (fixed === null) return this.compute(expr, tMs);
    if (fixed.value === undefined) {
      this.stepping = false;
      fixed.value = this.compute(expr, tMs);
      this.stepping = true;
    }
    return fixed.value;
  }

  private compute(expr: Expr, tMs: number): Value {
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
        const samples = aggregate(expr, this.vector(expr.expr, tMs), number, this.options);
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
    return { type: "vector", samples: distinct(vectors(expr, left, right, this.options.version)) };
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

  /** The same selector each time, so that what it selects is kept. */
  withoutOffset(selector: VectorSelector): VectorSelector {
    let known = this.offsetless.get(selector);
    if (known === undefined) this.offsetless.set(selector, (known = { ...selector, offsetMs: 0 }));
    return known;
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
    if (this.options.version === 2) found.sort((a, b) => compareLabels(a.labels, b.labels));
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
    const stepMs = expr.stepMs ?? this.options.defaultStepMs;
    let steps = this.subquerySteps.get(expr);
    if (steps === undefined) this.subquerySteps.set(expr, (steps = this.runSubquery(expr, stepMs)));
    const byKey = new Map<string, { labels: Labels; times: number[]; values: number[] }>();
    for (let tMs = this.firstStep(startMs, stepMs); tMs <= endMs; tMs += stepMs)
      for (const { labels, value } of steps.get(tMs) ?? []) {
        let series = byKey.get(labels.key);
        if (series === undefined) byKey.set(labels.key, (series = { labels, times: [], values: [] }));
        series.times.push(tMs);
        series.values.push(value);
      }
    return [...byKey.values()];
  }

  /** The first multiple of `stepMs` in a window that begins at `startMs`. */
  private firstStep(startMs: number, stepMs: number): number {
    const first = stepMs * Math.trunc(startMs / stepMs);
    return first < startMs || (this.options.version === 3 && first === startMs) ? first + stepMs : first;
  }

  /**
   * Evaluates a subquery once for all windows of the query that will ask for it. What lies between those windows is
   * evaluated too: Prometheus does so, and an error there is an error of the query.
   */
  private runSubquery(expr: Subquery, stepMs: number): ReadonlyMap<number, readonly VectorSample[]> {
    const { span: outer, stepping } = this;
    const endMs = this.reference(expr, outer.endMs);
    const startMs = this.firstStep(this.reference(expr, outer.startMs) - expr.rangeMs, stepMs);
    const steps = new Map<number, readonly VectorSample[]>();
    this.span = { startMs, endMs };
    this.stepping = startMs !== endMs;
    for (let tMs = startMs; tMs <= endMs; tMs += stepMs) {
      const samples = this.vector(expr.expr, tMs);
      this.hold(samples.length + 1);
      steps.set(tMs, samples);
    }
    this.span = outer;
    this.stepping = stepping;
    return steps;
  }
}

function vectors(expr: Binary, left: Value, right: Value, version: 2 | 3): readonly VectorSample[] {
  if (left.type === "vector" && right.type === "vector" && expr.matching !== null) {
    if (isSetOperator(expr.operator))
      return setOperation(expr.operator, expr.matching, left.samples, right.samples);
    return vectorBinary(expr, expr.matching, left.samples, right.samples, version);
  }
  if (left.type === "vector" && right.type === "scalar")
    return vectorScalarBinary(expr, left.samples, right.value, false, version);
  if (left.type === "scalar" && right.type === "vector")
    return vectorScalarBinary(expr, right.samples, left.value, true, version);
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
