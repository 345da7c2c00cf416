/** Parameters of the HTTP API (prometheus/prometheus web/api/v1/api.go). */
import type { IncomingMessage } from "node:http";
import { parseDuration } from "../promql/literals.ts";
import { parseFloat64 } from "../promql/go-math.ts";
import { parse } from "../promql/parse.ts";
import { PromqlError } from "../promql/errors.ts";
import type { Matcher } from "../promql/matchers.ts";
import { ApiError, badData, invalidParameter } from "./api-error.ts";

const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** The query string and, for a form, the body, whose values come first. */
export async function readParams(request: IncomingMessage, url: URL): Promise<URLSearchParams> {
  if (request.method !== "POST") return url.searchParams;
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("application/x-www-form-urlencoded")) return url.searchParams;
  const params = new URLSearchParams(await readBody(request));
  for (const [name, value] of url.searchParams) params.append(name, value);
  return params;
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      // What comes after that flows by until the answer has closed the connection.
      if (bytes > MAX_BODY_BYTES) reject(badData("error parsing form values: http: POST too large"));
      else chunks.push(chunk);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

/** Unix seconds, perhaps with a fraction, as whole milliseconds, by the same steps that Prometheus takes. */
export function msOfSeconds(seconds: number): number {
  const whole = Math.trunc(seconds);
  const nanoseconds = Math.trunc((Math.round((seconds - whole) * 1000) / 1000) * 1e9);
  return whole * 1000 + Math.trunc(nanoseconds / 1e6);
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** Unix seconds or RFC 3339 as unix milliseconds; null where it is neither. */
export function parseTime(text: string): number | null {
  const seconds = parseFloat64(text);
  if (seconds !== null) return Number.isFinite(seconds) ? msOfSeconds(seconds) : null;
  const parts = rfc3339.exec(text);
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour, offsetMinute] = parts;
  const utc = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    Number(fraction.padEnd(3, "0").slice(0, 3)),
  );
  const offsetMs = sign === undefined ? 0 : (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  return sign === "-" ? utc + offsetMs : utc - offsetMs;
}

/** A time that may be left out. */
export function timeParam(params: URLSearchParams, name: string, fallback: number): number {
  const text = params.get(name) ?? "";
  if (text === "") return fallback;
  const tMs = parseTime(text);
  if (tMs === null)
    throw invalidParameter(
      name,
      `invalid time value for '${name}': cannot parse ${JSON.stringify(text)} to a valid timestamp`,
    );
  return tMs;
}

export function requiredTime(params: URLSearchParams, name: string): number {
  const text = params.get(name) ?? "";
  const tMs = parseTime(text);
  if (tMs === null) throw invalidParameter(name, `cannot parse ${JSON.stringify(text)} to a valid timestamp`);
  return tMs;
}

/** A number of seconds or a duration, as milliseconds; a text says why it is neither. */
export function durationOf(text: string): number | string {
  const seconds = parseFloat64(text);
  if (seconds !== null) {
    if (Number.isNaN(seconds) || Math.abs(seconds) >= 2 ** 63 / 1e9)
      return `cannot parse ${JSON.stringify(text)} to a valid duration. It overflows int64`;
    return Math.trunc(seconds * 1e9) / 1e6;
  }
  return (
    parseDuration(text) ?? (text === "0" ? 0 : `cannot parse ${JSON.stringify(text)} to a valid duration`)
  );
}

export function durationParam(params: URLSearchParams, name: string): number {
  const ms = durationOf(params.get(name) ?? "");
  if (typeof ms === "string") throw invalidParameter(name, ms);
  return ms;
}

/** How many results at most; 0 = all. */
export function limitParam(params: URLSearchParams): number {
  const text = params.get("limit") ?? "";
  if (text === "") return 0;
  if (!/^[+-]?\d+$/.test(text))
    throw invalidParameter("limit", `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const limit = Number(text);
  if (limit < 0) throw invalidParameter("limit", "limit must be non-negative");
  return limit;
}

/** Worded without a place here. */
const EMPTY = "must contain at least one non-empty matcher";

/** The selectors of `match[]`, each a list of matchers. */
export function matchParams(
  params: URLSearchParams,
  refuse: (message: string) => ApiError,
): (readonly Matcher[])[] {
  return params.getAll("match[]").map((text) => {
    try {
      const expr = parse(text);
      if (expr.kind === "vectorSelector" && expr.offsetMs === 0 && expr.at === null) return expr.matchers;
    } catch (problem) {
      if (problem instanceof PromqlError)
        throw refuse(problem.message.endsWith(EMPTY) ? `match[] ${EMPTY}` : problem.message);
      throw problem;
    }
    throw refuse(`1:1: parse error: ${JSON.stringify(text)} is not a series selector`);
  });
}
