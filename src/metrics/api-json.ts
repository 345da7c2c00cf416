/** The HTTP API's JSON, number for number as Prometheus writes it (prometheus/prometheus util/jsonutil/marshal.go). */
import { formatFloat } from "../promql/go-math.ts";
import type { Labels } from "../promql/labels.ts";
import type { QueryResult } from "../promql/query.ts";

/** A sample's value: as JavaScript prints it, but with Go's exponents of two digits. */
export function sampleText(value: number): string {
  if (!Number.isFinite(value) || value === 0) return formatFloat(value);
  return String(value).replace(/e([+-])(\d)$/, "e$10$2");
}

/** Unix milliseconds as seconds, with three decimals or none. */
export function timeText(tMs: number): string {
  const sign = tMs < 0 ? "-" : "";
  const ms = Math.abs(tMs);
  const fraction = ms % 1000;
  return `${sign}${Math.floor(ms / 1000)}${fraction === 0 ? "" : `.${String(fraction).padStart(3, "0")}`}`;
}

export const labelsJson = (labels: Labels): string => JSON.stringify(labels.toObject());

const point = (tMs: number, value: number): string => `[${timeText(tMs)},"${sampleText(value)}"]`;

/** `data` of a query's answer. */
export function resultJson(result: QueryResult): string {
  const data = (inner: string): string => `{"resultType":"${result.resultType}","result":${inner}}`;
  switch (result.resultType) {
    case "vector":
      return data(
        `[${result.samples.map(({ labels, value }) => `{"metric":${labelsJson(labels)},"value":${point(result.tMs, value)}}`).join(",")}]`,
      );
    case "matrix":
      return data(
        `[${result.series
          .map(({ labels, times, values }) => {
            const points = times.map((tMs, i) => point(tMs, values[i] ?? NaN)).join(",");
            return `{"metric":${labelsJson(labels)},"values":[${points}]}`;
          })
          .join(",")}]`,
      );
    case "scalar":
      return data(`[${result.tMs / 1000},"${formatFloat(result.value)}"]`);
    default:
      return data(`[${result.tMs / 1000},${JSON.stringify(result.value)}]`);
  }
}

export function successBody(
  dataJson: string,
  warnings: readonly string[] = [],
  infos: readonly string[] = [],
): string {
  const notes =
    (warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : "") +
    (infos.length > 0 ? `,"infos":${JSON.stringify(infos)}` : "");
  return `{"status":"success","data":${dataJson}${notes}}`;
}

/** Go's JSON spells these out, so that the text can stand in HTML. */
const htmlSafe = (json: string): string =>
  json.replaceAll(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const errorBody = (errorType: string, error: string): string =>
  htmlSafe(JSON.stringify({ status: "error", errorType, error }));
