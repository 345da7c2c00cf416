import type { Labels } from "./labels.ts";

export type VectorSample = { readonly labels: Labels; readonly value: number };

export type Value =
  | { readonly type: "scalar"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "vector"; readonly samples: readonly VectorSample[] };

/** A window of one series, ascending, without staleness markers, never empty. */
export type RangeSeries = {
  readonly labels: Labels;
  readonly times: readonly number[];
  readonly values: readonly number[];
};
