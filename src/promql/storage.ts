import type { Labels } from "./labels.ts";
import type { Matcher } from "./matchers.ts";

/**
 * Samples of one series, ascending in time. Only indices `from` ≤ i < `to` belong to the answer; the arrays are the
 * store's own and must not be written or kept.
 */
export type SeriesSamples = {
  readonly labels: Labels;
  /** Unix milliseconds. */
  readonly times: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** 1 where the sample is a staleness marker, which is never a value. */
  readonly stale: ArrayLike<number>;
  readonly from: number;
  readonly to: number;
};

/** What queries are asked of. */
export interface Storage {
  /** The series that all `matchers` match, with the samples of `startMs` ≤ t ≤ `endMs`; series without any are left out. */
  select(matchers: readonly Matcher[], startMs: number, endMs: number): SeriesSamples[];
}
