import type { Aggregation } from "./ast.ts";
import type { Annotations } from "./annotations.ts";
import { executionError } from "./errors.ts";
import {
  ascending,
  descending,
  formatFloat,
  goSort,
  GoHeap,
  incrementalMean,
  KahanMean,
  KahanSum,
  quantile,
} from "./go-math.ts";
import { shortest } from "./annotations.ts";
import { goQuote, Labels, METADATA_LABELS } from "./labels.ts";
import type { VectorSample } from "./value.ts";

type Group = { readonly labels: Labels; readonly samples: VectorSample[] };

function grouper({
  grouping,
  without,
}: Pick<Aggregation, "grouping" | "without">): (labels: Labels) => Labels {
  if (without) {
    const dropped = [...METADATA_LABELS, ...grouping];
    return (labels) => (grouping.length === 0 ? labels.withoutName() : labels.dropping(dropped));
  }
  if (grouping.length === 0) return () => Labels.empty;
  return (labels) => labels.keeping(grouping);
}

function group(samples: readonly VectorSample[], labelsOf: (labels: Labels) => Labels): Group[] {
  const groups = new Map<string, Group>();
  for (const sample of samples) {
    const labels = labelsOf(sample.labels);
    const known = groups.get(labels.key);
    if (known === undefined) groups.set(labels.key, { labels, samples: [sample] });
    else known.samples.push(sample);
  }
  return [...groups.values()];
}

/** `sum`, `topk` and the like over one vector; `param` is the number before the vector. */
export function aggregate(
  expr: Aggregation,
  samples: readonly VectorSample[],
  param: number | string | null,
  { annotations, version }: { readonly annotations: Annotations; readonly version: 2 | 3 },
): readonly VectorSample[] {
  switch (expr.operator) {
    case "count_values":
      return countValues(expr, samples, String(param));
    case "topk":
    case "bottomk":
    case "limitk":
      return largest(expr, samples, Number(param));
    case "limit_ratio":
      throw executionError("limit_ratio is not supported by limpet's built-in Prometheus");
    case "quantile": {
      const q = Number(param);
      const at = expr.param?.span ?? expr.span;
      if (Number.isNaN(q) || q < 0 || q > 1)
        annotations.warning(`quantile value should be between 0 and 1, got ${shortest(q)}`, at);
      return reduce(expr, samples, (values) => quantile(q, values, version));
    }
    default: {
      const fold = (version === 2 ? foldsOf2 : folds)[expr.operator];
      return reduce(expr, samples, fold);
    }
  }
}

const reduce = (
  expr: Aggregation,
  samples: readonly VectorSample[],
  fold: (values: readonly number[]) => number,
): VectorSample[] =>
  group(samples, grouper(expr)).map(({ labels, samples: members }) => ({
    labels,
    value: fold(members.map((sample) => sample.value)),
  }));

function sum(values: readonly number[]): number {
  const total = new KahanSum(values[0] ?? 0);
  for (let i = 1; i < values.length; i++) total.add(values[i] ?? NaN);
  return total.total;
}

function average(values: readonly number[]): number {
  const mean = new KahanMean(values[0] ?? NaN);
  for (let i = 1; i < values.length; i++) mean.add(values[i] ?? NaN);
  return mean.mean;
}

function variance(values: readonly number[], start?: number): number {
  let mean = values[0] ?? NaN;
  // Version 2 started from zero whatever the first value.
  let squares = start ?? (Number.isFinite(mean) ? 0 : NaN);
  for (let i = 1; i < values.length; i++) {
    const value = values[i] ?? NaN;
    const delta = value - mean;
    mean += delta / (i + 1);
    squares += delta * (value - mean);
  }
  return squares / values.length;
}

const best = (values: readonly number[], better: (value: number, than: number) => boolean): number =>
  values.reduce((chosen, value) => (better(value, chosen) || Number.isNaN(chosen) ? value : chosen));

const folds = {
  sum,
  avg: average,
  count: (values: readonly number[]) => values.length,
  group: () => 1,
  max: (values: readonly number[]) => best(values, (value, than) => value > than),
  min: (values: readonly number[]) => best(values, (value, than) => value < than),
  stdvar: (values: readonly number[]) => variance(values),
  stddev: (values: readonly number[]) => Math.sqrt(variance(values)),
};

/** Version 2 summed plainly. */
const foldsOf2: typeof folds = {
  ...folds,
  sum: (values) => values.reduce((total, value) => total + value, 0),
  avg: (values) => incrementalMean(values, false),
  stdvar: (values) => variance(values, 0),
  stddev: (values) => Math.sqrt(variance(values, 0)),
};

const MAX_INT64 = 2 ** 63;

function largest(
  expr: Aggregation,
  samples: readonly VectorSample[],
  param: number,
): readonly VectorSample[] {
  if (Number.isNaN(param)) throw executionError("Parameter value is NaN");
  if (param < 1) {
    if (param <= -MAX_INT64) throw executionError(`Scalar value ${shortest(param)} underflows int64`);
    return [];
  }
  if (param >= MAX_INT64) throw executionError(`Scalar value ${shortest(param)} overflows int64`);
  const k = Math.min(Math.trunc(param), samples.length);
  const { operator } = expr;
  const out: VectorSample[] = [];
  for (const { samples: members } of group(samples, grouper(expr))) {
    if (operator === "limitk") {
      out.push(...members.slice(0, k));
      continue;
    }
    const less = operator === "topk" ? ascending : descending;
    const before = (a: VectorSample, b: VectorSample): boolean => less(a.value, b.value);
    const heap = new GoHeap<VectorSample>(before);
    for (const sample of members) {
      const top = heap.items[0];
      if (heap.items.length < k || top === undefined) heap.push(sample);
      else if (operator === "topk" ? top.value < sample.value : top.value > sample.value)
        heap.replaceTop(sample);
      else if (Number.isNaN(top.value) && !Number.isNaN(sample.value)) heap.replaceTop(sample);
    }
    out.push(...goSort([...heap.items], (a, b) => before(b, a)));
  }
  return out;
}

function countValues(expr: Aggregation, samples: readonly VectorSample[], label: string): VectorSample[] {
  if (label === "") throw executionError(`invalid label name ${goQuote(label)}`);
  const labelsOf = grouper({
    without: expr.without,
    grouping: expr.without ? expr.grouping : [...expr.grouping, label],
  });
  const marked = samples.map(({ labels, value }) => ({
    labels: labels.with(label, formatFloat(value)),
    value,
  }));
  return group(marked, labelsOf).map(({ labels, samples: members }) => ({ labels, value: members.length }));
}
