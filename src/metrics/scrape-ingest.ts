/** One target's pages into the store, as Prometheus' scrape loop does (prometheus/prometheus scrape/scrape.go). */
import { Labels, METRIC_NAME, type LabelSet } from "../promql/labels.ts";
import { ExpositionError, parseExposition, parseSeries, type MetricType } from "./exposition.ts";
import type { Series } from "./series.ts";
import type { Tsdb } from "./tsdb.ts";

export type ScrapeTarget = {
  /** Target labels after relabelling, `job` and `instance` among them. */
  readonly labels: LabelSet;
  /** Whether exposed labels win over the target's; else they are renamed to `exported_…`. Default false. */
  readonly honorLabels?: boolean;
  /** Whether timestamps in the page count. Default true. */
  readonly honorTimestamps?: boolean;
  /** More samples than this and the whole scrape counts as failed; 0 (default) = no limit. */
  readonly sampleLimit?: number;
  /** `metric_relabel_configs`: the labels to keep instead, or null to drop the series. */
  readonly metricRelabel?: (labels: LabelSet) => LabelSet | null;
};

/** What came of fetching the target's metrics page. */
export type ScrapeOutcome =
  | { readonly ok: true; readonly body: string; readonly durationSeconds: number }
  | { readonly ok: false; readonly error: string; readonly durationSeconds: number };

export type IngestResult = {
  readonly up: boolean;
  /** Why it is not up: the connection's words, or the parser's with the line. */
  readonly error: string | null;
  readonly samplesScraped: number;
  readonly samplesPostMetricRelabeling: number;
  readonly seriesAdded: number;
  /** Samples that the store refused (its cap, or out of order). */
  readonly samplesRefused: number;
};

/** What a line of the page was found to mean; kept from scrape to scrape, so that a known line costs one look-up. */
type Known = {
  /** Null: dropped by relabelling, or refused by the store. */
  series: Series | null;
  dropped: boolean;
  lastSeen: number;
};

type Sample = {
  readonly text: string;
  readonly value: number;
  readonly tMs: number | null;
  readonly line: number;
};

const reportNames = [
  "up",
  "scrape_duration_seconds",
  "scrape_samples_scraped",
  "scrape_samples_post_metric_relabeling",
  "scrape_series_added",
] as const;

/** How many scrapes a line may be missing before it is forgotten. */
const FORGET_AFTER = 10;

/** Takes the pages of one target into the store; made once for a target and kept while it lives. */
export class ScrapeIngest {
  private readonly tsdb: Tsdb;
  private readonly target: ScrapeTarget;
  private readonly known = new Map<string, Known>();
  private readonly types = new Map<string, MetricType>();
  private readonly helps = new Map<string, string>();
  private readonly reports: ReadonlyMap<string, Labels>;
  /** Series of the last good scrape without timestamps of their own: what goes stale when missing. */
  private current = new Set<Series>();
  private scrapes = 0;

  constructor(tsdb: Tsdb, target: ScrapeTarget) {
    this.tsdb = tsdb;
    this.target = target;
    this.reports = new Map(
      reportNames.map((name) => [name, Labels.from({ ...target.labels, [METRIC_NAME]: name })]),
    );
  }

  /** What the page's comments said of a metric. */
  metadata(): ReadonlyMap<string, { readonly type: string; readonly help: string }> {
    const names = new Set([...this.types.keys(), ...this.helps.keys()]);
    return new Map(
      [...names].map((name) => {
        const type = this.types.get(name) ?? "unknown";
        return [name, { type: type === "untyped" ? "unknown" : type, help: this.helps.get(name) ?? "" }];
      }),
    );
  }

  /** Takes one scrape that started at `tMs` (unix milliseconds). */
  ingest(tMs: number, outcome: ScrapeOutcome): IngestResult {
    this.scrapes++;
    const page = outcome.ok ? this.read(outcome.body) : { samples: [], error: outcome.error };
    const seen = new Set<Series>();
    let kept = 0;
    let added = 0;
    let refused = 0;
    let { error } = page;
    if (error === null) {
      const resolved: (readonly [Sample, Known])[] = [];
      try {
        for (const sample of page.samples) {
          const known = this.resolve(sample);
          if (known.lastSeen === 0) added++;
          resolved.push([sample, known]);
        }
      } catch (problem) {
        if (!(problem instanceof ExpositionError)) throw problem;
        error = problem.message;
      }
      if (error === null)
        for (const [sample, known] of resolved) {
          known.lastSeen = this.scrapes;
          if (known.dropped) continue;
          kept++;
          if (!this.append(known, sample, tMs, seen)) refused++;
        }
    }
    this.markMissing(seen, tMs);
    this.forget();
    const result = {
      up: error === null,
      error,
      samplesScraped: page.samples.length,
      samplesPostMetricRelabeling: kept,
      seriesAdded: added,
      samplesRefused: refused,
    };
    this.report(tMs, result, outcome.durationSeconds);
    return result;
  }

  private read(body: string): { readonly samples: readonly Sample[]; readonly error: string | null } {
    const samples: Sample[] = [];
    const honor = this.target.honorTimestamps ?? true;
    try {
      parseExposition(body, {
        sample: (text, value, tMs, line) => samples.push({ text, value, tMs: honor ? tMs : null, line }),
        type: (metric, type) => this.types.set(metric, type),
        help: (metric, help) => this.helps.set(metric, help),
      });
    } catch (problem) {
      if (problem instanceof ExpositionError) return { samples, error: problem.message };
      throw problem;
    }
    const limit = this.target.sampleLimit ?? 0;
    if (limit > 0 && samples.length > limit) return { samples, error: "sample limit exceeded" };
    return { samples, error: null };
  }

  private resolve({ text, line }: Sample): Known {
    const before = this.known.get(text);
    if (before !== undefined) return before;
    const exposed = withTargetLabels(parseSeries(text, line), this.target);
    const labels = this.target.metricRelabel === undefined ? exposed : this.target.metricRelabel(exposed);
    const known: Known = {
      series: labels === null ? null : this.tsdb.series(labels),
      dropped: labels === null,
      lastSeen: 0,
    };
    // A series that the store had no room for is asked for again at the next scrape.
    if (known.series !== null || known.dropped) this.known.set(text, known);
    return known;
  }

  private append(known: Known, sample: Sample, tMs: number, seen: Set<Series>): boolean {
    if (known.series === null) return false;
    if (known.series.dropped) known.series = this.tsdb.series(known.series.labels);
    if (known.series === null) return false;
    if (sample.tMs === null) seen.add(known.series);
    return this.tsdb.appendTo(known.series, sample.tMs ?? tMs, sample.value) === "appended";
  }

  /** Series of the last scrape that this one lacks (all of them, where it failed) go stale. */
  private markMissing(seen: Set<Series>, tMs: number): void {
    for (const series of this.current) if (!seen.has(series)) this.tsdb.appendStaleTo(series, tMs);
    this.current = seen;
  }

  private forget(): void {
    for (const [text, known] of this.known)
      if (this.scrapes - known.lastSeen > FORGET_AFTER) this.known.delete(text);
  }

  private report(tMs: number, result: Omit<IngestResult, "error">, durationSeconds: number): void {
    const values: Record<(typeof reportNames)[number], number> = {
      up: result.up ? 1 : 0,
      scrape_duration_seconds: durationSeconds,
      scrape_samples_scraped: result.samplesScraped,
      scrape_samples_post_metric_relabeling: result.samplesPostMetricRelabeling,
      scrape_series_added: result.seriesAdded,
    };
    for (const name of reportNames) {
      const labels = this.reports.get(name);
      if (labels !== undefined) this.tsdb.append(labels, tMs, values[name]);
    }
  }

  /**
   * The target is gone: every series it still had, `up` too, goes stale at `tMs`. Prometheus stamps this with the time
   * at which the next scrape would have been.
   */
  remove(tMs: number): void {
    this.markMissing(new Set(), tMs);
    for (const labels of this.reports.values()) this.tsdb.appendStale(labels, tMs);
    this.known.clear();
  }
}

/** The same as `ingest.ingest(tMs, outcome)`. */
export const ingestScrape = (ingest: ScrapeIngest, tMs: number, outcome: ScrapeOutcome): IngestResult =>
  ingest.ingest(tMs, outcome);

function withTargetLabels(exposed: LabelSet, target: ScrapeTarget): LabelSet {
  const labels: Record<string, string> = { ...exposed };
  if (target.honorLabels === true) {
    // An exposed label that is empty counts too: it takes the target's away.
    for (const [name, value] of Object.entries(target.labels))
      if (!Object.hasOwn(exposed, name)) labels[name] = value;
    return labels;
  }
  const conflicts: [string, string][] = [];
  for (const [name, value] of Object.entries(target.labels)) {
    const before = exposed[name] ?? "";
    if (before !== "") conflicts.push([name, before]);
    labels[name] = value;
  }
  conflicts.sort(([a], [b]) => a.length - b.length);
  for (const [name, value] of conflicts) {
    let renamed = `exported_${name}`;
    while ((labels[renamed] ?? "") !== "") renamed = `exported_${renamed}`;
    labels[renamed] = value;
  }
  return labels;
}
