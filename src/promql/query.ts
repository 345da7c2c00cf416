import type { Labels } from "./labels.ts";
import type { Storage } from "./storage.ts";

export type QueryOptions = {
  /** How far back an instant selector looks for a sample. Default 5 min. */
  readonly lookbackMs?: number;
  /** 3 (default): windows are left-open; 2: left-closed, as Prometheus 2 had them. */
  readonly version?: 2 | 3;
};

export type VectorSample = { readonly labels: Labels; readonly value: number };
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

/** Asks `query` of `storage` at `tMs` (unix milliseconds). Throws a `PromqlError`. */
export declare function instantQuery(
  storage: Storage,
  query: string,
  tMs: number,
  options?: QueryOptions,
): QueryResult;

/** Asks `query` at `startMs`, then every `stepMs` until `endMs` (included). Throws a `PromqlError`. */
export declare function rangeQuery(
  storage: Storage,
  query: string,
  startMs: number,
  endMs: number,
  stepMs: number,
  options?: QueryOptions,
): QueryResult;
