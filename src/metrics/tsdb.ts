import { Labels, METRIC_NAME, type LabelSet } from "../promql/labels.ts";
import { matchesAll, type Matcher } from "../promql/matchers.ts";
import type { SeriesSamples, Storage } from "../promql/storage.ts";
import { Series } from "./series.ts";

export type TsdbOptions = {
  /** Samples older than this, counted from the newest appended, are pruned. Default 24 h. */
  readonly retentionMs?: number;
  /** How many series are held at once; appends that would need another are refused and counted. Default 100,000. */
  readonly maxSeries?: number;
};

export type AppendResult = "appended" | "outOfOrder" | "duplicate" | "refused";

export type TsdbStats = {
  readonly series: number;
  readonly samples: number;
  /** Appends refused because of `maxSeries`. */
  readonly refused: number;
  /** Appends refused because a newer sample of the series was there already. */
  readonly outOfOrder: number;
};

/** How much newest time must pass before pruning is tried again. */
const PRUNE_EVERY_MS = 60_000;

/**
 * Samples in memory. Times are unix milliseconds of topology time, whole; a series' samples must come in order of time, as
 * for Prometheus (an older one is refused, the same time with another value too).
 */
export class Tsdb implements Storage {
  private readonly retentionMs: number;
  private readonly maxSeries: number;
  private readonly byKey = new Map<string, Series>();
  private readonly byName = new Map<string, Set<Series>>();
  private newestMs = -Infinity;
  private prunedAtMs = -Infinity;
  private refused = 0;
  private outOfOrder = 0;

  constructor(options: TsdbOptions = {}) {
    this.retentionMs = options.retentionMs ?? 24 * 3600 * 1000;
    this.maxSeries = options.maxSeries ?? 100_000;
  }

  append(labels: LabelSet | Labels, tMs: number, value: number): AppendResult {
    const series = this.series(labels);
    return series === null ? "refused" : this.appendTo(series, tMs, value);
  }

  /** Writes a staleness marker: from `tMs` on the series is absent until its next sample. */
  appendStale(labels: LabelSet | Labels, tMs: number): AppendResult {
    const series = this.series(labels);
    return series === null ? "refused" : this.appendStaleTo(series, tMs);
  }

  /** The series of these labels, made where it is not there; null (and counted) where the cap is reached. */
  series(labels: LabelSet | Labels): Series | null {
    const known = labels instanceof Labels ? labels : Labels.from(labels);
    const found = this.byKey.get(known.key);
    if (found !== undefined) return found;
    if (this.byKey.size >= this.maxSeries) {
      this.refused++;
      return null;
    }
    const series = new Series(known);
    this.byKey.set(known.key, series);
    const name = known.get(METRIC_NAME);
    const named = this.byName.get(name);
    if (named === undefined) this.byName.set(name, new Set([series]));
    else named.add(series);
    return series;
  }

  /** The quick way in for who kept the `Series`; one that was pruned meanwhile is taken back in. */
  appendTo(series: Series, tMs: number, value: number): AppendResult {
    return this.write(series, tMs, value, false);
  }

  appendStaleTo(series: Series, tMs: number): AppendResult {
    return this.write(series, tMs, NaN, true);
  }

  private write(series: Series, tMs: number, value: number, stale: boolean): AppendResult {
    let target = series;
    if (series.dropped) {
      const again = this.series(series.labels);
      if (again === null) return "refused";
      target = again;
    }
    const result = target.append(tMs, value, stale);
    if (result === "outOfOrder") this.outOfOrder++;
    if (tMs > this.newestMs) {
      this.newestMs = tMs;
      if (tMs - this.prunedAtMs >= PRUNE_EVERY_MS) this.prune(tMs - this.retentionMs);
    }
    return result;
  }

  /** Forgets samples before `beforeMs`, and series that have none left. */
  prune(beforeMs: number): void {
    this.prunedAtMs = this.newestMs;
    for (const [key, series] of this.byKey) {
      series.dropBefore(beforeMs);
      // A series without any sample yet was only just asked for.
      if (series.length > 0 || !series.wasWritten) continue;
      series.dropped = true;
      this.byKey.delete(key);
      const name = series.labels.get(METRIC_NAME);
      const named = this.byName.get(name);
      named?.delete(series);
      if (named?.size === 0) this.byName.delete(name);
    }
  }

  select(matchers: readonly Matcher[], startMs: number, endMs: number): SeriesSamples[] {
    const found: SeriesSamples[] = [];
    for (const series of this.candidates(matchers)) {
      if (!matchesAll(series.labels, matchers)) continue;
      const samples = series.between(startMs, endMs);
      if (samples.to > samples.from) found.push(samples);
    }
    return found;
  }

  private candidates(matchers: readonly Matcher[]): Iterable<Series> {
    const named = matchers.find(
      (one) => one.name === METRIC_NAME && one.operator === "=" && one.value !== "",
    );
    return named === undefined ? this.byKey.values() : (this.byName.get(named.value) ?? []);
  }

  stats(): TsdbStats {
    let samples = 0;
    for (const series of this.byKey.values()) samples += series.length;
    return { series: this.byKey.size, samples, refused: this.refused, outOfOrder: this.outOfOrder };
  }
}
