import type { IncomingMessage, ServerResponse } from "node:http";
import { PromqlError } from "../promql/errors.ts";
import { rfc3339Of } from "../promql/dates.ts";
import { compareLabels, type LabelSet } from "../promql/labels.ts";
import { formatDuration } from "../promql/literals.ts";
import { instantQuery, rangeQuery, type QueryOptions } from "../promql/query.ts";
import { ApiError, apiErrorOf, badData, invalidParameter } from "./api-error.ts";
import { errorBody, labelsJson, resultJson, successBody } from "./api-json.ts";
import {
  durationOf,
  durationParam,
  limitParam,
  matchParams,
  readParams,
  requiredTime,
  timeParam,
} from "./api-params.ts";
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

export type MetricMetadata = { readonly type: string; readonly help: string; readonly unit?: string };

export type PrometheusApiOptions = {
  readonly tsdb: Tsdb;
  /** Topology time as unix milliseconds: what a query without `time` is asked at. */
  readonly nowUnixMs: () => number;
  readonly targets: () => readonly TargetStatus[];
  /** Metric name → what the targets' pages say of it. */
  readonly metadata?: () => ReadonlyMap<string, readonly MetricMetadata[]>;
  readonly query?: QueryOptions;
};

const MAX_POINTS = 11_000;
const TRUNCATED = "results truncated due to limit";

type Answer = {
  readonly json: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
};
type Handler = (options: PrometheusApiOptions, params: URLSearchParams, name: string) => Answer;

const query: Handler = (options, params) => {
  const limit = limitParam(params);
  const tMs = timeParam(params, "time", options.nowUnixMs());
  const asked = queryOptions(options, params);
  const result = instantQuery(options.tsdb, params.get("query") ?? "", tMs, asked);
  return answerOf(result, limit);
};

/** `timeout` has to be one, though nothing here takes that long; `lookback_delta` is for this query alone. */
function queryOptions({ query = {} }: PrometheusApiOptions, params: URLSearchParams): QueryOptions {
  if ((params.get("timeout") ?? "") !== "") durationParam(params, "timeout");
  const lookback = params.get("lookback_delta") ?? "";
  if (lookback === "") return query;
  const lookbackMs = durationOf(lookback);
  if (typeof lookbackMs === "string") throw badData(`error parsing lookback delta duration: ${lookbackMs}`);
  return lookbackMs > 0 ? { ...query, lookbackMs } : query;
}

const queryRange: Handler = (options, params) => {
  const limit = limitParam(params);
  const startMs = requiredTime(params, "start");
  const endMs = requiredTime(params, "end");
  if (endMs < startMs) throw invalidParameter("end", "end timestamp must not be before start time");
  const stepMs = durationParam(params, "step");
  if (stepMs <= 0)
    throw invalidParameter(
      "step",
      "zero or negative query resolution step widths are not accepted. Try a positive integer",
    );
  if (Math.trunc((endMs - startMs) / stepMs) > MAX_POINTS)
    throw badData(
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
    );
  const asked = queryOptions(options, params);
  const text = params.get("query") ?? "";
  // Prometheus counts steps in whole milliseconds.
  return answerOf(
    rangeQuery(options.tsdb, text, startMs, endMs, Math.max(1, Math.trunc(stepMs)), asked),
    limit,
  );
};

function answerOf(result: ReturnType<typeof instantQuery>, limit: number): Answer {
  const { warnings, infos } = result;
  if (limit > 0 && result.resultType === "vector" && result.samples.length > limit)
    return {
      json: resultJson({ ...result, samples: result.samples.slice(0, limit) }),
      warnings: [...warnings, TRUNCATED],
      infos,
    };
  if (limit > 0 && result.resultType === "matrix" && result.series.length > limit)
    return {
      json: resultJson({ ...result, series: result.series.slice(0, limit) }),
      warnings: [...warnings, TRUNCATED],
      infos,
    };
  return { json: resultJson(result), warnings, infos };
}

function found(
  options: PrometheusApiOptions,
  params: URLSearchParams,
  refuse: (message: string) => ApiError,
) {
  const startMs = timeParam(params, "start", -Infinity);
  const endMs = timeParam(params, "end", Infinity);
  const selectors = matchParams(params, refuse);
  const all = new Map(
    (selectors.length === 0 ? [[]] : selectors)
      .flatMap((matchers) => options.tsdb.select(matchers, startMs, endMs))
      .map(({ labels }) => [labels.key, labels]),
  );
  return [...all.values()];
}

const listed = (items: readonly string[], limit: number, toJson: (item: string) => string): Answer => {
  const shown = limit > 0 ? items.slice(0, limit) : items;
  return {
    json: `[${shown.map(toJson).join(",")}]`,
    warnings: shown.length < items.length ? [TRUNCATED] : [],
  };
};

const series: Handler = (options, params) => {
  if (!params.has("match[]")) throw badData("no match[] parameter provided");
  const all = found(options, params, (message) => invalidParameter("match[]", message));
  all.sort(compareLabels);
  return listed(all.map(labelsJson), limitParam(params), (item) => item);
};

const labels: Handler = (options, params) => {
  const names = new Set<string>();
  for (const one of found(options, params, badData))
    for (const name of Object.keys(one.toObject())) names.add(name);
  return listed([...names].sort(), limitParam(params), (name) => JSON.stringify(name));
};

const labelValues: Handler = (options, params, name) => {
  if (name === "") throw badData(`invalid label name: ""`);
  const values = new Set(found(options, params, badData).map((one) => one.get(name)));
  values.delete("");
  return listed([...values].sort(), limitParam(params), (value) => JSON.stringify(value));
};

const targets: Handler = (options, params) => {
  const state = params.get("state") ?? "any";
  const pool = params.get("scrapePool") ?? "";
  const all = options.targets().filter((target) => pool === "" || target.scrapePool === pool);
  const activeTargets =
    state === "dropped"
      ? []
      : all.map((target) => ({
          discoveredLabels: target.discoveredLabels,
          labels: target.labels,
          scrapePool: target.scrapePool,
          scrapeUrl: target.scrapeUrl,
          globalUrl: target.scrapeUrl,
          lastError: target.lastError,
          lastScrape: target.lastScrapeMs === null ? "0001-01-01T00:00:00Z" : rfc3339Of(target.lastScrapeMs),
          lastScrapeDuration: target.lastScrapeDurationSeconds,
          health: target.health,
          scrapeInterval: formatDuration(Math.round(target.scrapeIntervalSeconds * 1000)),
          scrapeTimeout: formatDuration(Math.round(target.scrapeTimeoutSeconds * 1000)),
        }));
  const droppedTargetCounts =
    state === "active" ? null : Object.fromEntries(all.map((target) => [target.scrapePool, 0]));
  return { json: JSON.stringify({ activeTargets, droppedTargets: [], droppedTargetCounts }) };
};

/** Worded otherwise than everywhere else; below zero is all. */
function metadataLimit(params: URLSearchParams): number {
  const text = params.get("limit") ?? "";
  if (text !== "" && !/^[+-]?\d+$/.test(text)) throw badData("limit must be a number");
  return Number(text);
}

const metadata: Handler = (options, params) => {
  const metric = params.get("metric") ?? "";
  const limit = metadataLimit(params);
  let entries = [...(options.metadata?.() ?? new Map<string, readonly MetricMetadata[]>())];
  if (metric !== "") entries = entries.filter(([name]) => name === metric);
  if (limit > 0) entries = entries.slice(0, limit);
  const full = entries.map(([name, all]) => [
    name,
    all.map(({ type, help, unit }) => ({ type, help, unit: unit ?? "" })),
  ]);
  return { json: JSON.stringify(Object.fromEntries(full)) };
};

const buildInfo: Handler = (options) => ({
  json: JSON.stringify({
    version: options.query?.version === 2 ? "2.42.0" : "3.0.0",
    revision: "limpet",
    branch: "built in",
    buildUser: "",
    buildDate: "",
    goVersion: "",
  }),
});

const fixed =
  (value: unknown): Handler =>
  () => ({ json: JSON.stringify(value) });

const routes: ReadonlyMap<string, Handler> = new Map([
  ["query", query],
  ["query_range", queryRange],
  ["query_exemplars", fixed([])],
  ["series", series],
  ["labels", labels],
  ["targets", targets],
  ["metadata", metadata],
  ["rules", fixed({ groups: [] })],
  ["alerts", fixed({ alerts: [] })],
  ["alertmanagers", fixed({ activeAlertmanagers: [], droppedAlertmanagers: [] })],
  ["status/buildinfo", buildInfo],
]);
const postable: ReadonlySet<string> = new Set([
  "query",
  "query_range",
  "query_exemplars",
  "series",
  "labels",
]);

const pages: Readonly<Record<string, string>> = {
  "/-/ready": "Prometheus Server is Ready.\n",
  "/-/healthy": "Prometheus Server is Healthy.\n",
  "/": "limpet's built-in Prometheus: ask /api/v1/query?query=up\n",
  "/graph": "limpet's built-in Prometheus: ask /api/v1/query?query=up\n",
};

function labelName(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    throw badData(`invalid label name: ${JSON.stringify(escaped)}`);
  }
}

/** Prometheus' HTTP API over `tsdb`, as far as KEDA, Grafana and promtool use it. */
export function prometheusApi(
  options: PrometheusApiOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void answer(options, request, response);
  };
}

async function answer(
  options: PrometheusApiOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, type: string, body: string): void => {
    // A body that was not read to its end must not be taken for the next request.
    const close = request.complete || request.method === "GET" ? {} : { connection: "close" };
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      ...close,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  };
  try {
    const url = new URL(request.url ?? "/", "http://localhost");
    const page = pages[url.pathname];
    if (page !== undefined) return send(200, "text/plain; charset=utf-8", page);
    const path = /^\/api\/v1\/(.+)$/.exec(url.pathname)?.[1] ?? "";
    const label = /^label\/([^/]+)\/values$/.exec(path)?.[1];
    const handler = label === undefined ? routes.get(path) : labelValues;
    if (handler === undefined) return send(404, "text/plain; charset=utf-8", "404 page not found\n");
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    if (request.method !== "GET" && !(request.method === "POST" && postable.has(path)))
      return send(405, "text/plain; charset=utf-8", "Method Not Allowed\n");
    const params = await readParams(request, url);
    const { json, warnings, infos } = handler(options, params, labelName(label ?? ""));
    send(200, "application/json", successBody(json, warnings, infos));
  } catch (problem) {
    const refused = problem instanceof PromqlError ? apiErrorOf(problem) : problem;
    if (refused instanceof ApiError)
      send(refused.httpStatus, "application/json", errorBody(refused.errorType, refused.message));
    else {
      const words = problem instanceof Error ? problem.message : String(problem);
      if (!response.headersSent) send(500, "application/json", errorBody("internal", words));
    }
  }
}
