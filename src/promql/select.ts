import type { SeriesSamples } from "./storage.ts";
import type { RangeSeries } from "./value.ts";

/** The first index in `from` ≤ i < `to` whose time is after `tMs`. */
export function firstAfter(series: SeriesSamples, tMs: number): number {
  let low = series.from;
  let high = series.to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((series.times[middle] ?? 0) <= tMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The index of the sample that is current at `tMs`, or -1: the newest at or before it, unless that is a staleness
 * marker or too old. Prometheus 3 leaves out a sample exactly `lookbackMs` old, 2 takes it.
 */
export function currentAt(series: SeriesSamples, tMs: number, lookbackMs: number, version: 2 | 3): number {
  const index = firstAfter(series, tMs) - 1;
  if (index < series.from || series.stale[index] === 1) return -1;
  const age = tMs - (series.times[index] ?? -Infinity);
  return age < lookbackMs || (version === 2 && age === lookbackMs) ? index : -1;
}

/** The samples in (`startMs`, `endMs`], for version 2 in [`startMs`, `endMs`]; null where there are none. */
export function windowOf(
  series: SeriesSamples,
  startMs: number,
  endMs: number,
  version: 2 | 3,
): RangeSeries | null {
  const from = firstAfter(series, version === 2 ? startMs - 1 : startMs);
  const to = firstAfter(series, endMs);
  if (to <= from) return null;
  const times: number[] = [];
  const values: number[] = [];
  for (let i = from; i < to; i++) {
    if (series.stale[i] === 1) continue;
    times.push(series.times[i] ?? NaN);
    values.push(series.values[i] ?? NaN);
  }
  return times.length === 0 ? null : { labels: series.labels, times, values };
}
