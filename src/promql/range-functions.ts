/** Functions over a window of one series (prometheus/prometheus promql/functions.go). */
import { incrementalMean, KahanMean, KahanSum, quantile } from "./go-math.ts";
import { executionError } from "./errors.ts";
import { extrapolatedRate, instantRate } from "./rate.ts";
import type { Window } from "./window.ts";

/** The value for one series; undefined where the window does not suffice and the series is left out. */
type RangeFunction = (window: Window, args: readonly number[]) => number | undefined;

function fold(window: Window, step: (best: number, value: number) => boolean): { value: number; at: number } {
  let value = window.values[0] ?? NaN;
  let at = 0;
  for (const [i, candidate] of window.values.entries())
    if (step(value, candidate)) {
      value = candidate;
      at = i;
    }
  return { value, at };
}

const seconds = (window: Window, i: number): number => (window.times[i] ?? NaN) / 1000;

function variance({ values, version }: Window): number {
  const mean = new KahanSum(0, version);
  const squares = new KahanSum(0, version);
  let count = 0;
  for (const value of values) {
    count++;
    const delta = value - mean.total;
    mean.add(delta / count);
    squares.add(delta * (value - mean.total));
  }
  return squares.total / count;
}

/** Least squares over the window: the slope, and the value at `atMs`. */
function regression(
  { times, values, version }: Window,
  atMs: number,
): { readonly slope: number; readonly intercept: number } {
  const [x, y, xy, xx] = [0, 0, 0, 0].map((zero) => new KahanSum(zero, version)) as [
    KahanSum,
    KahanSum,
    KahanSum,
    KahanSum,
  ];
  const first = values[0] ?? NaN;
  const n = values.length;
  for (const [i, value] of values.entries()) {
    const dx = ((times[i] ?? NaN) - atMs) / 1000;
    x.add(dx);
    y.add(value);
    xy.add(dx * value);
    xx.add(dx * dx);
  }
  if (values.every((value, i) => i === 0 || value === first))
    return Number.isFinite(first) || Number.isNaN(first)
      ? { slope: 0, intercept: first }
      : { slope: NaN, intercept: NaN };
  const covariance = xy.total - (x.total * y.total) / n;
  const spread = xx.total - (x.total * x.total) / n;
  const slope = covariance / spread;
  return { slope, intercept: y.total / n - (slope * x.total) / n };
}

function smoothed({ values }: Window, smoothing: number, trend: number): number | undefined {
  const factor = (name: string, letter: string, value: number): void => {
    if (!(value > 0 && value < 1) && !Number.isNaN(value))
      throw executionError(`invalid ${name} factor. Expected: 0 < ${letter} < 1, got: ${goFixed(value)}`);
  };
  factor("smoothing", "sf", smoothing);
  factor("trend", "tf", trend);
  if (values.length < 2) return undefined;
  let [before, level] = [0, values[0] ?? NaN];
  let slope = (values[1] ?? NaN) - level;
  for (const [i, value] of values.entries()) {
    if (i === 0) continue;
    if (i > 1) slope = trend * (level - before) + (1 - trend) * slope;
    before = [level, (level = smoothing * value + (1 - smoothing) * (level + slope))][0] as number;
  }
  return level;
}

/** Go's `%f`. */
const goFixed = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(6) : value > 0 ? "+Inf" : "-Inf";

function meanOf({ values, version }: Window): number {
  if (version === 2) return incrementalMean(values, true);
  const mean = new KahanMean(values[0] ?? NaN);
  for (let i = 1; i < values.length; i++) mean.add(values[i] ?? NaN);
  return mean.mean;
}

function sumOf({ values, version }: Window): number {
  const sum = new KahanSum(0, version);
  for (const value of values) sum.add(value);
  return sum.isInfinite ? sum.sum : sum.total;
}

const pairs = ({ values }: Window, counts: (before: number, value: number) => boolean): number =>
  values.reduce((count, value, i) => (i > 0 && counts(values[i - 1] ?? NaN, value) ? count + 1 : count), 0);

function medianDeviation({ values, version }: Window): number {
  if (values.some((value) => Number.isNaN(value))) return NaN;
  const median = quantile(0.5, values, version);
  return quantile(
    0.5,
    values.map((value) => Math.abs(value - median)),
    version,
  );
}

const greater = (best: number, value: number): boolean => value > best || Number.isNaN(best);
const smaller = (best: number, value: number): boolean => value < best || Number.isNaN(best);
const notSmaller = (best: number, value: number): boolean => value >= best || Number.isNaN(best);
const notGreater = (best: number, value: number): boolean => value <= best || Number.isNaN(best);

const doubleExponentialSmoothing: RangeFunction = (window, [sf = NaN, tf = NaN]) => smoothed(window, sf, tf);

/** Scalar arguments come in the order of the call, without the window. */
export const rangeFunctions: ReadonlyMap<string, RangeFunction> = new Map<string, RangeFunction>([
  ["absent_over_time", () => 1],
  ["avg_over_time", meanOf],
  ["changes", (window) => pairs(window, (a, b) => a !== b && !(Number.isNaN(a) && Number.isNaN(b)))],
  ["count_over_time", (window) => window.values.length],
  ["delta", (window) => extrapolatedRate(window, false, false)],
  [
    "deriv",
    (window) => (window.values.length < 2 ? undefined : regression(window, window.times[0] ?? NaN).slope),
  ],
  ["double_exponential_smoothing", doubleExponentialSmoothing],
  ["first_over_time", (window) => window.values[0]],
  ["holt_winters", doubleExponentialSmoothing],
  ["idelta", (window) => instantRate(window, false)],
  ["increase", (window) => extrapolatedRate(window, true, false)],
  ["irate", (window) => instantRate(window, true)],
  ["last_over_time", (window) => window.values.at(-1)],
  ["mad_over_time", medianDeviation],
  ["max_over_time", (window) => fold(window, greater).value],
  ["min_over_time", (window) => fold(window, smaller).value],
  [
    "predict_linear",
    (window, [ahead = NaN]) => {
      if (window.values.length < 2) return undefined;
      const { slope, intercept } = regression(window, window.tMs);
      return slope * ahead + intercept;
    },
  ],
  ["present_over_time", () => 1],
  ["quantile_over_time", (window, [q = NaN]) => quantile(q, window.values, window.version)],
  ["rate", (window) => extrapolatedRate(window, true, true)],
  ["resets", (window) => pairs(window, (before, value) => value < before)],
  ["stddev_over_time", (window) => Math.sqrt(variance(window))],
  ["stdvar_over_time", variance],
  ["sum_over_time", sumOf],
  ["ts_of_first_over_time", (window) => seconds(window, 0)],
  ["ts_of_last_over_time", (window) => seconds(window, window.times.length - 1)],
  ["ts_of_max_over_time", (window) => seconds(window, fold(window, notSmaller).at)],
  ["ts_of_min_over_time", (window) => seconds(window, fold(window, notGreater).at)],
]);
