import { Annotations } from "./annotations.ts";
import type { Expr } from "./ast.ts";
import { typeOf } from "./check.ts";
import { unwrap } from "./call.ts";
import { PromqlError } from "./errors.ts";
import { Evaluator } from "./evaluator.ts";
import { compareLabels, Labels } from "./labels.ts";
import { parse } from "./parse.ts";
import type { Storage } from "./storage.ts";
import type { VectorSample } from "./value.ts";

export type { VectorSample } from "./value.ts";

export type QueryOptions = {
  /** How far back an instant selector looks for a sample. Default 5 min. */
  readonly lookbackMs?: number;
  /** 3 (default): windows are left-open; 2: left-closed, as Prometheus 2 had them. */
  readonly version?: 2 | 3;
  /** As `--enable-feature=promql-experimental-functions`. Default false. */
  readonly experimentalFunctions?: boolean;
  /** The step of subqueries that name none: `global.evaluation_interval`. Default 1 min. */
  readonly defaultStepMs?: number;
  /** How many samples a query may hold at once. Default 50,000,000, as `--query.max-samples`. */
  readonly maxSamples?: number;
};

export type MatrixSeries = {
  readonly labels: Labels;
  /** Unix milliseconds. */
  readonly times: readonly number[];
  readonly values: readonly number[];
};

/** What a query came to. `warnings` and `infos` are in Prometheus' words, with positions. */
export type QueryResult = (
  | { readonly resultType: "vector"; readonly tMs: number; readonly samples: readonly VectorSample[] }
  | { readonly resultType: "matrix"; readonly series: readonly MatrixSeries[] }
  | { readonly resultType: "scalar"; readonly tMs: number; readonly value: number }
  | { readonly resultType: "string"; readonly tMs: number; readonly value: string }
) & { readonly warnings: readonly string[]; readonly infos: readonly string[] };

const DEFAULT_LOOKBACK_MS = 5 * 60_000;
const DEFAULT_STEP_MS = 60_000;
const DEFAULT_MAX_SAMPLES = 50_000_000;
const PARSED_QUERIES = 500;

const parsed = new Map<string, Expr>();

/** Control loops ask the same few queries again and again; those that know the time of the query are read anew. */
function parseOnce(query: string, options: QueryOptions, times: { stepMs: number; rangeMs: number }): Expr {
  const key = `${options.version ?? 3} ${options.experimentalFunctions === true} ${query}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const expr = parse(query, { ...options, times });
  if (/\b(step|range)\b/i.test(query)) return expr;
  if (parsed.size >= PARSED_QUERIES) parsed.delete(parsed.keys().next().value ?? "");
  parsed.set(key, expr);
  return expr;
}

function evaluatorFor(
  storage: Storage,
  query: string,
  options: QueryOptions,
  startMs: number,
  endMs: number,
): { evaluator: Evaluator; annotations: Annotations } {
  const annotations = new Annotations(query);
  const evaluator = new Evaluator({
    storage,
    annotations,
    lookbackMs: options.lookbackMs ?? DEFAULT_LOOKBACK_MS,
    version: options.version ?? 3,
    defaultStepMs: options.defaultStepMs ?? DEFAULT_STEP_MS,
    startMs,
    endMs,
    maxSamples: options.maxSamples ?? DEFAULT_MAX_SAMPLES,
  });
  return { evaluator, annotations };
}

/** Asks `query` of `storage` at `tMs` (unix milliseconds). Throws a `PromqlError`. */
export function instantQuery(
  storage: Storage,
  query: string,
  tMs: number,
  options: QueryOptions = {},
): QueryResult {
  const expr = parseOnce(query, options, { stepMs: 0, rangeMs: 0 });
  const { evaluator, annotations } = evaluatorFor(storage, query, options, tMs, tMs);
  const inner = unwrap(expr);
  if (inner.kind === "matrixSelector" || inner.kind === "subquery") {
    const { series } = evaluator.range(inner, tMs);
    series.sort((a, b) => compareLabels(a.labels, b.labels));
    return { resultType: "matrix", series, ...annotations.result() };
  }
  const value = evaluator.evaluate(inner, tMs);
  const notes = annotations.result();
  if (value.type === "vector") return { resultType: "vector", tMs, samples: value.samples, ...notes };
  if (value.type === "scalar") return { resultType: "scalar", tMs, value: value.value, ...notes };
  return { resultType: "string", tMs, value: value.value, ...notes };
}

/** Asks `query` at `startMs`, then every `stepMs` until `endMs` (included). Throws a `PromqlError`. */
export function rangeQuery(
  storage: Storage,
  query: string,
  startMs: number,
  endMs: number,
  stepMs: number,
  options: QueryOptions = {},
): QueryResult {
  const expr = parseOnce(query, options, { stepMs, rangeMs: endMs - startMs });
  const type = typeOf(expr, options.version ?? 3);
  if (type !== "scalar" && type !== "vector")
    throw new PromqlError(
      "bad_data",
      `invalid expression type "${type === "matrix" ? "range vector" : type}" for range query, must be Scalar or instant Vector`,
    );
  const { evaluator, annotations } = evaluatorFor(storage, query, options, startMs, endMs);
  const byKey = new Map<string, { labels: Labels; times: number[]; values: number[] }>();
  for (let tMs = startMs; tMs <= endMs; tMs += stepMs) {
    const samples: readonly VectorSample[] = evaluator.vector(expr, tMs);
    evaluator.hold(samples.length);
    for (const { labels, value } of samples) {
      let series = byKey.get(labels.key);
      if (series === undefined) byKey.set(labels.key, (series = { labels, times: [], values: [] }));
      series.times.push(tMs);
      series.values.push(value);
    }
  }
  const series = [...byKey.values()].sort((a, b) => compareLabels(a.labels, b.labels));
  return { resultType: "matrix", series, ...annotations.result() };
}
