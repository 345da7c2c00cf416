import type { Call, Expr, MatrixSelector, Span, Subquery } from "./ast.ts";
import { shortest, type Annotations } from "./annotations.ts";
import { dateFunctions, mathFunctions } from "./instant-functions.ts";
import { executionError } from "./errors.ts";
import type { Evaluator } from "./evaluator.ts";
import { ascending, descending, goSort, max, min, parseFloat64 } from "./go-math.ts";
import { bucketFraction, bucketQuantile, type Bucket } from "./histogram.ts";
import { labelJoin, labelReplace, naturallyBefore } from "./label-functions.ts";
import { compareLabels, goQuote, Labels, METRIC_NAME } from "./labels.ts";
import { rangeFunctions } from "./range-functions.ts";
import type { Value, VectorSample } from "./value.ts";

const vectorOf = (samples: readonly VectorSample[]): Value => ({ type: "vector", samples });
const scalarOf = (value: number): Value => ({ type: "scalar", value });

export const unwrap = (expr: Expr): Expr => (expr.kind === "paren" ? unwrap(expr.expr) : expr);

/** Evaluates a call at `tMs`. Two samples of equal labels in the result are for the caller to refuse. */
export function callFunction(evaluator: Evaluator, expr: Call, tMs: number): Value {
  const args = expr.args.map(unwrap);
  const range = args.find((arg) => arg.kind === "matrixSelector" || arg.kind === "subquery");
  if (range !== undefined) return overRange(evaluator, expr, args, range, tMs);
  const { name } = expr;
  const vector = (i: number): readonly VectorSample[] => {
    const arg = args[i];
    return arg === undefined ? [] : evaluator.vector(arg, tMs);
  };
  const scalar = (i: number): number => {
    const arg = args[i];
    return arg === undefined ? NaN : evaluator.scalar(arg, tMs);
  };
  const each = (change: (value: number) => number): Value =>
    vectorOf(vector(0).map(({ labels, value }) => ({ labels: labels.withoutName(), value: change(value) })));

  const math = mathFunctions.get(name);
  if (math !== undefined) return each(math);
  const date = dateFunctions.get(name);
  if (date !== undefined)
    return args.length === 0
      ? vectorOf([{ labels: Labels.empty, value: date(Math.trunc(tMs / 1000)) }])
      : each(date);

  switch (name) {
    case "absent":
      return vectorOf(vector(0).length > 0 ? [] : [{ labels: absentLabels(args[0]), value: 1 }]);
    case "clamp":
    case "clamp_min":
    case "clamp_max": {
      const least = name === "clamp_max" ? -Infinity : scalar(1);
      const most = name === "clamp_min" ? Infinity : scalar(name === "clamp" ? 2 : 1);
      const clamped = each((value) => max(least, min(most, value)));
      return most < least ? vectorOf([]) : clamped;
    }
    case "histogram_quantile":
      return histogramQuantile(evaluator.options.annotations, args, scalar(0), vector(1), tMs);
    case "histogram_fraction": {
      const span = args[2]?.span ?? expr.span;
      // Version 2 knew it for native histograms only.
      if (evaluator.options.version === 2) return vectorOf([]);
      const groups = bucketGroups(vector(2), evaluator.options.annotations, span);
      return vectorOf(
        groups.map(({ labels, buckets }) => ({
          labels,
          value: bucketFraction(scalar(0), scalar(1), buckets),
        })),
      );
    }
    // Native histograms only, of which there are none.
    case "histogram_avg":
    case "histogram_count":
    case "histogram_stddev":
    case "histogram_stdvar":
    case "histogram_sum":
      vector(0);
      return vectorOf([]);
    case "label_replace":
      return vectorOf(labelReplace(vector(0), texts(args.slice(1)), evaluator.options.version));
    case "label_join":
      return vectorOf(labelJoin(vector(0), texts(args.slice(1)), evaluator.options.version));
    case "pi":
      return scalarOf(Math.PI);
    case "round": {
      const inverse = 1 / (args.length > 1 ? scalar(1) : 1);
      return each((value) => Math.floor(value * inverse + 0.5) / inverse);
    }
    case "scalar": {
      const samples = vector(0);
      return scalarOf(samples.length === 1 ? (samples[0]?.value ?? NaN) : NaN);
    }
    case "sort":
    case "sort_desc":
    case "sort_by_label":
    case "sort_by_label_desc":
      return vectorOf(sorted(evaluator, expr, vector(0), texts(args.slice(1))));
    case "time":
      return scalarOf(tMs / 1000);
    case "timestamp":
      return vectorOf(timestamps(evaluator, args[0], tMs));
    case "vector":
      return vectorOf([{ labels: Labels.empty, value: scalar(0) }]);
    default:
      throw executionError(`function ${goQuote(name)} is not supported by limpet's built-in Prometheus`);
  }
}

const texts = (args: readonly Expr[]): string[] =>
  args.map((arg) => (arg.kind === "string" ? arg.value : ""));

const nonCounter = /(_total|_sum|_count|_bucket)$/;

function overRange(
  evaluator: Evaluator,
  expr: Call,
  args: readonly Expr[],
  range: MatrixSelector | Subquery,
  tMs: number,
): Value {
  const { name } = expr;
  const { annotations, version } = evaluator.options;
  const compute = rangeFunctions.get(name);
  if (compute === undefined)
    throw executionError(`function ${goQuote(name)} is not supported by limpet's built-in Prometheus`);
  const scalars = args.filter((arg) => arg !== range).map((arg) => evaluator.scalar(arg, tMs));
  const { series, startMs, endMs } = evaluator.range(range, tMs);
  if (name === "absent_over_time")
    return vectorOf(series.length > 0 ? [] : [{ labels: absentLabels(range), value: 1 }]);
  const keepsName = name === "last_over_time" || name === "first_over_time";
  const out: VectorSample[] = [];
  for (const { labels, times, values } of series) {
    const value = compute({ times, values, startMs, endMs, tMs, version }, scalars);
    if (value === undefined) continue;
    out.push({ labels: keepsName ? labels : labels.withoutName(), value });
    if (version === 3 && (name === "rate" || name === "increase")) {
      const metric = labels.get(METRIC_NAME);
      if (metric !== "" && !nonCounter.test(metric))
        annotations.info(
          `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${goQuote(metric)}`,
          // Prometheus has lost the place of a subquery by then.
          range.kind === "subquery" ? { start: 0, end: 0 } : range.span,
        );
    }
  }
  if (name === "quantile_over_time" && series.length > 0)
    warnOfQuantile(annotations, scalars[0] ?? NaN, args[0]?.span ?? expr.span);
  return vectorOf(out);
}

function warnOfQuantile(annotations: Annotations, q: number, span: Span): void {
  if (Number.isNaN(q) || q < 0 || q > 1)
    annotations.warning(`quantile value should be between 0 and 1, got ${shortest(q)}`, span);
}

/** The labels that a selector fixes by equality, once each. */
function absentLabels(expr: Expr | undefined): Labels {
  const selector =
    expr?.kind === "matrixSelector" ? expr.selector : expr?.kind === "vectorSelector" ? expr : undefined;
  let labels = Labels.empty;
  const seen = new Set<string>();
  for (const { name, operator, value } of selector?.matchers ?? []) {
    if (name === METRIC_NAME) continue;
    labels = labels.with(name, operator === "=" && !seen.has(name) ? value : "");
    if (operator === "=") seen.add(name);
  }
  return labels;
}

/** The time of each sample; of samples that an expression made, that of the evaluation. */
function timestamps(evaluator: Evaluator, arg: Expr | undefined, tMs: number): VectorSample[] {
  if (arg === undefined) return [];
  if (arg.kind === "vectorSelector")
    // With `@`, Prometheus forgets the offset here.
    return evaluator
      .instant(arg.at === null ? arg : evaluator.withoutOffset(arg), tMs)
      .map(([sample, takenMs]) => ({ labels: sample.labels.withoutName(), value: takenMs / 1000 }));
  return evaluator
    .vector(arg, tMs)
    .map(({ labels }) => ({ labels: labels.withoutName(), value: tMs / 1000 }));
}

function sorted(
  evaluator: Evaluator,
  expr: Call,
  samples: readonly VectorSample[],
  labels: readonly string[],
): VectorSample[] {
  const { annotations, version } = evaluator.options;
  if (evaluator.stepping && version === 3)
    annotations.warning(
      "sort is ineffective for range queries since results are always ordered by labels",
      expr.span,
    );
  if (expr.name === "sort") return goSort([...samples], (a, b) => descending(b.value, a.value));
  if (expr.name === "sort_desc") return goSort([...samples], (a, b) => ascending(b.value, a.value));
  const sign = expr.name === "sort_by_label" ? 1 : -1;
  return [...samples].sort((a, b) => {
    for (const label of labels) {
      const [left, right] = [a.labels.get(label), b.labels.get(label)];
      if (left !== right) return naturallyBefore(left, right) ? -sign : sign;
    }
    return sign * compareLabels(a.labels, b.labels);
  });
}

function bucketGroups(
  samples: readonly VectorSample[],
  annotations: Annotations,
  span: Span,
): readonly { readonly labels: Labels; readonly buckets: Bucket[] }[] {
  // Told apart with their names, which are dropped after.
  const groups = new Map<string, { labels: Labels; buckets: Bucket[] }>();
  for (const { labels, value } of samples) {
    const bound = labels.get("le");
    const upperBound = parseFloat64(bound);
    if (upperBound === null || Number.isNaN(upperBound)) {
      annotations.warning(`bucket label "le" is missing or has a malformed value of ${goQuote(bound)}`, span);
      continue;
    }
    const rest = labels.dropping(["le"]);
    const known = groups.get(rest.key);
    if (known === undefined)
      groups.set(rest.key, { labels: rest.withoutName(), buckets: [{ upperBound, count: value }] });
    else known.buckets.push({ upperBound, count: value });
  }
  return [...groups.values()];
}

function histogramQuantile(
  annotations: Annotations,
  args: readonly Expr[],
  q: number,
  samples: readonly VectorSample[],
  tMs: number,
): Value {
  const [first, second] = args;
  if (first !== undefined) warnOfQuantile(annotations, q, first.span);
  if (second === undefined) return vectorOf([]);
  const groups = bucketGroups(samples, annotations, second.span);
  return vectorOf(
    groups.map(({ labels, buckets }) => {
      const { value, forced } = bucketQuantile(q, buckets);
      if (forced !== null) annotations.forcedMonotonicity(second.span, forced, tMs);
      return { labels, value };
    }),
  );
}
