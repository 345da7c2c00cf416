import type { LabelSet } from "../promql/labels.ts";
import type { Tsdb } from "./tsdb.ts";

/** One target of a scrape job and what the store remembers of its last scrape; made once, kept while the target lives. */
export type ScrapeTarget = {
  /** Target labels after relabelling, `job` and `instance` among them. */
  readonly labels: LabelSet;
  /** Whether exposed labels win over the target's; else they are renamed to `exported_…`. Default false. */
  readonly honorLabels?: boolean;
  /** Whether timestamps in the exposition count. Default true. */
  readonly honorTimestamps?: boolean;
  /** More samples than this and the whole scrape counts as failed; 0 = no limit. */
  readonly sampleLimit?: number;
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

/** Takes the pages of one target into the store. */
export declare class ScrapeIngest {
  constructor(tsdb: Tsdb, target: ScrapeTarget);
  /** Takes one scrape that started at `tMs` (unix milliseconds). */
  ingestScrape(tMs: number, outcome: ScrapeOutcome): IngestResult;
  /** The target is gone: every series it still had, `up` too, goes stale. */
  remove(tMs: number): void;
}
export declare function ingestScrape(ingest: ScrapeIngest, tMs: number, outcome: ScrapeOutcome): IngestResult;
