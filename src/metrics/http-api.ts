import type { IncomingMessage, ServerResponse } from "node:http";
import type { LabelSet } from "../promql/labels.ts";
import type { QueryOptions } from "../promql/query.ts";
import type { Tsdb } from "./tsdb.ts";

/** One scrape target as `/api/v1/targets` shows it. */
export type TargetStatus = {
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly discoveredLabels: LabelSet;
  readonly labels: LabelSet;
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
  /** Unix milliseconds; null before the first scrape. */
  readonly lastScrapeMs: number | null;
  readonly lastScrapeDurationSeconds: number;
  readonly scrapeIntervalSeconds: number;
  readonly scrapeTimeoutSeconds: number;
};

export type MetricMetadata = { readonly type: string; readonly help: string; readonly unit: string };

export type PrometheusApiOptions = {
  readonly tsdb: Tsdb;
  /** Topology time as unix milliseconds: what a query without `time` is asked at. */
  readonly nowUnixMs: () => number;
  readonly targets: () => readonly TargetStatus[];
  /** Metric name → what the targets' pages say of it. */
  readonly metadata?: () => ReadonlyMap<string, readonly MetricMetadata[]>;
  readonly query?: QueryOptions;
};

/** Prometheus' HTTP API over `tsdb`, as far as KEDA, Grafana and promtool use it. */
export declare function prometheusApi(
  options: PrometheusApiOptions,
): (request: IncomingMessage, response: ServerResponse) => void;
