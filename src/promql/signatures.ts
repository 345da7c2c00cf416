/** Prometheus' functions: what they take, what they give (prometheus/prometheus promql/parser/functions.go). */
import type { ValueType } from "./ast.ts";
import { goQuote } from "./labels.ts";

export type FunctionSignature = {
  readonly args: readonly ValueType[];
  /** 0: exactly `args`. n > 0: the last of `args` may be left out, or come up to n times. -1: as often as one likes. */
  readonly variadic: number;
  readonly returns: ValueType;
  /** Refused unless experimental functions are on. */
  readonly experimental: boolean;
};

const signature = (
  args: readonly ValueType[],
  variadic = 0,
  returns: ValueType = "vector",
): FunctionSignature => ({ args, variadic, returns, experimental: false });

const experimental = (of: FunctionSignature): FunctionSignature => ({ ...of, experimental: true });

const onVector = signature(["vector"]);
const onMatrix = signature(["matrix"]);
const onTime = signature(["vector"], 1);
const smoothing = signature(["matrix", "scalar", "scalar"]);

const named = (names: string, of: FunctionSignature): [string, FunctionSignature][] =>
  names.split(" ").map((name) => [name, of]);

const common = new Map<string, FunctionSignature>([
  ...named(
    "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad",
    onVector,
  ),
  ...named("sgn sin sinh sort sort_desc sqrt tan tanh timestamp", onVector),
  ...named("histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum", onVector),
  ...named(
    "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta",
    onMatrix,
  ),
  ...named(
    "increase irate last_over_time max_over_time min_over_time present_over_time rate resets",
    onMatrix,
  ),
  ...named("stddev_over_time stdvar_over_time sum_over_time", onMatrix),
  ...named("days_in_month day_of_month day_of_week day_of_year hour minute month year", onTime),
  ...named("clamp_max clamp_min", signature(["vector", "scalar"])),
  ["clamp", signature(["vector", "scalar", "scalar"])],
  ["histogram_fraction", signature(["scalar", "scalar", "vector"])],
  ["histogram_quantile", signature(["scalar", "vector"])],
  ["label_join", signature(["vector", "string", "string", "string"], -1)],
  ["label_replace", signature(["vector", "string", "string", "string", "string"])],
  ["pi", signature([], 0, "scalar")],
  ["predict_linear", signature(["matrix", "scalar"])],
  ["quantile_over_time", signature(["scalar", "matrix"])],
  ["round", signature(["vector", "scalar"], 1)],
  ["scalar", signature(["vector"], 0, "scalar")],
  ["time", signature([], 0, "scalar")],
  ["vector", signature(["scalar"])],
]);

const inVersion3 = new Map<string, FunctionSignature>([
  ...common,
  ...named(
    "mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time",
    experimental(onMatrix),
  ),
  ...named("sort_by_label sort_by_label_desc", experimental(signature(["vector", "string"], -1))),
  ["double_exponential_smoothing", experimental(smoothing)],
]);

const inVersion2 = new Map<string, FunctionSignature>([...common, ["holt_winters", smoothing]]);
// Native histograms' averages came with 2.51 and later; classic ones never were their input.
inVersion2.delete("histogram_avg");
inVersion2.delete("histogram_stddev");
inVersion2.delete("histogram_stdvar");
inVersion2.delete("first_over_time");

export const functionSignatures = (version: 2 | 3): ReadonlyMap<string, FunctionSignature> =>
  version === 2 ? inVersion2 : inVersion3;

/** Experimental in version 3, and not done here. */
const notDone: ReadonlySet<string> = new Set(
  "end histogram_quantiles info integral max_of min_of range start start_timestamp step".split(" "),
);

/** Why `name` cannot be called, in Prometheus' words where it refuses too; null where it can. */
export function whyNotCallable(name: string, version: 2 | 3, withExperimental: boolean): string | null {
  const known = functionSignatures(version).get(name);
  const experimentalOne = known?.experimental ?? (version === 3 && notDone.has(name));
  if (known === undefined && !experimentalOne) return `unknown function with name ${goQuote(name)}`;
  if (experimentalOne && !withExperimental) return `function ${goQuote(name)} is not enabled`;
  if (known === undefined)
    return `function ${goQuote(name)} is not supported by limpet's built-in Prometheus`;
  return null;
}
