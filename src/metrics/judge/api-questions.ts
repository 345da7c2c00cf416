/** Requests to the HTTP API that both must answer alike: parameters, forms, limits, errors and what Grafana and promtool ask. */
import { RECORDING_END_MS, RECORDING_START_MS } from "./recording.ts";

export type ApiQuestion = {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  readonly path: string;
  /** The body, form-encoded. */
  readonly form?: string;
};

const START = String(RECORDING_START_MS / 1000);
const END = String(RECORDING_END_MS / 1000);
const TIME = String((RECORDING_START_MS + RECORDING_END_MS) / 2000);
const METRIC = "active_tenants";
const encoded = (params: Readonly<Record<string, string>>): string => new URLSearchParams(params).toString();

const whole = { start: START, end: END };
const range = { query: METRIC, ...whole, step: "60" };
const of = (selector: string, more: Readonly<Record<string, string>> = whole): Record<string, string> => ({
  "match[]": selector,
  ...more,
});

/** [endpoint, parameters]. */
const asked: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["query", { query: METRIC, time: TIME }],
  ["query", { query: METRIC, time: "2023-11-14T22:33:20.5Z" }],
  ["query", { query: METRIC, time: TIME, limit: "2" }],
  ["query", { query: METRIC, time: TIME, limit: "-1" }],
  ["query", { query: METRIC, time: TIME, limit: "two" }],
  ["query", { query: METRIC, time: "soon" }],
  ["query", { query: METRIC, time: TIME, timeout: "30s" }],
  ["query", { query: METRIC, time: TIME, timeout: "long" }],
  ["query", { query: METRIC, time: TIME, lookback_delta: "10s" }],
  ["query", { query: METRIC, time: TIME, lookback_delta: "10" }],
  ["query", { query: METRIC, time: TIME, lookback_delta: "far" }],
  ["query", { query: "up[", time: TIME }],
  ["query", { time: TIME }],
  ["query_range", range],
  ["query_range", { ...range, query: `rate(${METRIC}[5m])`, step: "1m" }],
  ["query_range", { ...range, limit: "1" }],
  ["query_range", { ...range, lookback_delta: "10s" }],
  ["query_range", { ...range, timeout: "long" }],
  ["query_range", { ...range, start: END, end: START }],
  ["query_range", { ...range, step: "0" }],
  ["query_range", { ...range, step: "-5" }],
  ["query_range", { ...range, step: "0.05" }],
  ["query_range", { ...range, step: "" }],
  ["query_range", { query: METRIC, end: END, step: "60" }],
  ["query_range", { ...range, query: `${METRIC}[5m]` }],
  ["query_range", { ...range, query: '"text"' }],
  ["series", of(METRIC)],
  ["series", of(METRIC, { start: END, end: START })],
  ["series", of("{}")],
  ["series", of('{__name__=~".*"}')],
  ["series", of("a{")],
  ["series", whole],
  ["labels", whole],
  ["labels", of(METRIC)],
  ["labels", of("{}")],
  ["labels", { ...whole, limit: "1" }],
  ["labels", { start: "soon", end: END }],
];
const POSTED = new Set(["query", "query_range", "series", "labels"]);

export const apiQuestions: readonly ApiQuestion[] = [
  ...asked.flatMap(([endpoint, params]): ApiQuestion[] => {
    const path = `/api/v1/${endpoint}`;
    const get: ApiQuestion = { method: "GET", path: `${path}?${encoded(params)}` };
    return POSTED.has(endpoint) ? [get, { method: "POST", path, form: encoded(params) }] : [get];
  }),
  { method: "POST", path: "/api/v1/query?query=2&time=5", form: encoded({ query: "1", time: "6" }) },
  ...["PUT", "DELETE", "OPTIONS"].map((method) => ({ method, path: "/api/v1/query" }) as ApiQuestion),
  ...[
    "/-/ready",
    "/-/healthy",
    `/api/v1/label/__name__/values?${encoded(whole)}`,
    `/api/v1/label/job/values?${encoded(of(METRIC))}`,
    `/api/v1/label/nosuch/values?${encoded(whole)}`,
    `/api/v1/label/a-b/values?${encoded(whole)}`,
    "/api/v1/metadata",
    "/api/v1/metadata?metric=up&limit=1",
    "/api/v1/metadata?limit=all",
    "/api/v1/targets",
    "/api/v1/targets?state=active",
    "/api/v1/targets?state=dropped",
    "/api/v1/rules",
    "/api/v1/alerts",
    "/api/v1/alertmanagers",
    `/api/v1/query_exemplars?${encoded({ query: METRIC, ...whole })}`,
    "/api/v1/nosuch",
  ].map((path): ApiQuestion => ({ method: "GET", path })),
];
