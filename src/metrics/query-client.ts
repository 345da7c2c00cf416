import { PromqlError } from "../promql/errors.ts";
import { instantQuery, type QueryOptions } from "../promql/query.ts";
import type { Storage } from "../promql/storage.ts";
import type { PrometheusAnswer } from "./answer.ts";
import { errorBody, resultJson, successBody } from "./api-json.ts";
import { apiErrorOf } from "./api-error.ts";
import { msOfSeconds } from "./api-params.ts";

const nothing: PrometheusAnswer = {
  httpStatus: null,
  status: null,
  resultType: null,
  result: null,
  errorType: null,
  error: null,
  warnings: [],
};

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** The parts of an answer's body. */
export function readAnswer(httpStatus: number, body: string): PrometheusAnswer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    const start = body.slice(0, 200).trim();
    return {
      ...nothing,
      httpStatus,
      error: start === "" ? "the answer is empty" : `the answer is not JSON: ${start}`,
    };
  }
  if (!isRecord(parsed)) return { ...nothing, httpStatus, error: "the answer is not a JSON object" };
  const data = isRecord(parsed.data) ? parsed.data : {};
  const warnings = Array.isArray(parsed.warnings)
    ? parsed.warnings.filter((one) => typeof one === "string")
    : [];
  return {
    httpStatus,
    status: textOrNull(parsed.status),
    resultType: textOrNull(data.resultType),
    result: data.result ?? null,
    errorType: textOrNull(parsed.errorType),
    error: textOrNull(parsed.error),
    warnings,
  };
}

/** Asks a real Prometheus. Never throws: what went wrong is in the answer. */
export async function queryPrometheus(asked: {
  readonly baseUrl: string;
  readonly query: string;
  /** Left out of the request where undefined. */
  readonly timeUnixSeconds?: number;
  readonly timeoutMs: number;
}): Promise<PrometheusAnswer> {
  try {
    const url = new URL(`${asked.baseUrl.replace(/\/$/, "")}/api/v1/query`);
    url.searchParams.set("query", asked.query);
    if (asked.timeUnixSeconds !== undefined) url.searchParams.set("time", String(asked.timeUnixSeconds));
    // Loaded at the first question over HTTP: who asks the built-in store never needs it.
    const { request } = await import("undici");
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(asked.timeoutMs) });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES)
        return {
          ...nothing,
          httpStatus: statusCode,
          error: `the answer is larger than ${MAX_ANSWER_BYTES} bytes`,
        };
      chunks.push(chunk);
    }
    return readAnswer(statusCode, Buffer.concat(chunks).toString("utf8"));
  } catch (problem) {
    return { ...nothing, error: wordsOf(problem, asked.timeoutMs) };
  }
}

function wordsOf(problem: unknown, timeoutMs: number): string {
  if (!(problem instanceof Error)) return String(problem);
  if (problem.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  const code = "code" in problem && typeof problem.code === "string" ? problem.code : "";
  return problem.message === "" ? code : problem.message;
}

/** The answer that the HTTP API would give, without the HTTP. `timeUnixSeconds` may have a fraction. */
export function queryTsdb(
  storage: Storage,
  asked: { readonly query: string; readonly timeUnixSeconds: number; readonly options?: QueryOptions },
): PrometheusAnswer {
  try {
    const result = instantQuery(storage, asked.query, msOfSeconds(asked.timeUnixSeconds), asked.options);
    return readAnswer(200, successBody(resultJson(result), result.warnings, result.infos));
  } catch (problem) {
    if (!(problem instanceof PromqlError)) throw problem;
    const { httpStatus, errorType, message } = apiErrorOf(problem);
    return readAnswer(httpStatus, errorBody(errorType, message));
  }
}
