/** Prometheus' text format 0.0.4, line by line (prometheus/prometheus model/textparse/promparse.go). */
import { METRIC_NAME, type LabelSet } from "../promql/labels.ts";
import { parseFloat64 } from "../promql/go-math.ts";

/** A metrics page that cannot be read; the message names the line, from 1. */
export class ExpositionError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = "ExpositionError";
    this.line = line;
  }
}

export type MetricType = "counter" | "gauge" | "histogram" | "summary" | "untyped";

export type ExpositionEvents = {
  /** A sample. `series` is the text before the value, the same text meaning the same series; see `parseSeries`. */
  readonly sample: (series: string, value: number, tMs: number | null, line: number) => void;
  readonly type?: (metric: string, type: MetricType) => void;
  readonly help?: (metric: string, help: string) => void;
};

const types: ReadonlySet<string> = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);

/** Reads a page. Throws an `ExpositionError` at the first line that is not the format. */
export function parseExposition(page: string, events: ExpositionEvents): void {
  let line = 0;
  for (let from = 0; from < page.length;) {
    let to = page.indexOf("\n", from);
    if (to < 0) to = page.length;
    line++;
    const start = skipBlanks(page, from, to);
    if (start < to) {
      if (page.charCodeAt(start) === 35) comment(page.slice(start, to), line, events);
      else sampleLine(page, start, to, line, events);
    }
    from = to + 1;
  }
}

function skipBlanks(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9)) at++;
  return at;
}

function comment(text: string, line: number, events: ExpositionEvents): void {
  const meta = /^#[ \t]+(HELP|TYPE)[ \t]+(?:"((?:[^"\\]|\\.)*)"|(\S+))(?:[ \t](.*))?$/.exec(text);
  if (meta === null) {
    if (/^#[ \t]+(HELP|TYPE)\s*$/.test(text))
      throw new ExpositionError(
        line,
        `expected metric name after ${text.slice(1).trim()}, got the end of the line`,
      );
    return;
  }
  const metric = meta[2] ?? meta[3] ?? "";
  const rest = meta[4] ?? "";
  if (meta[1] === "HELP")
    events.help?.(
      metric,
      rest.replaceAll(/\\(\\|n)/g, (_, char: string) => (char === "n" ? "\n" : "\\")),
    );
  else {
    const type = rest.trim();
    if (!types.has(type)) throw new ExpositionError(line, `invalid metric type ${shown(type)}`);
    events.type?.(metric, type as MetricType);
  }
}

/** The end of `name{…}`: past the closing brace outside of quotes, or past the name. */
function seriesEnd(page: string, start: number, to: number): number {
  let at = start;
  for (; at < to; at++) {
    const char = page.charCodeAt(at);
    if (char === 32 || char === 9 || char === 123) break;
  }
  const brace = skipBlanks(page, at, to);
  if (page.charCodeAt(brace) !== 123 || brace >= to) return at;
  let quoted = false;
  for (at = brace + 1; at < to; at++) {
    const char = page.charCodeAt(at);
    if (quoted) {
      if (char === 92) at++;
      else if (char === 34) quoted = false;
    } else if (char === 34) quoted = true;
    else if (char === 125) return at + 1;
  }
  return -1;
}

function sampleLine(page: string, start: number, to: number, line: number, events: ExpositionEvents): void {
  const end = seriesEnd(page, start, to);
  if (end < 0)
    throw new ExpositionError(line, `expected "}" after the labels in ${shown(page.slice(start, to))}`);
  if (end === start)
    throw new ExpositionError(line, `expected a metric name, got ${shown(page.slice(start, to))}`);
  const valueFrom = skipBlanks(page, end, to);
  const rest = page.slice(valueFrom, to);
  const gap = rest.search(/[ \t]/);
  const valueText = gap < 0 ? rest : rest.slice(0, gap);
  if (valueText === "")
    throw new ExpositionError(
      line,
      `expected value after metric, got the end of the line in ${shown(page.slice(start, to))}`,
    );
  // Hexadecimal floats and digit groups are Go's, not the format's.
  const value = /[pP_xX]/.test(valueText) ? null : parseFloat64(valueText);
  if (value === null)
    throw new ExpositionError(
      line,
      `expected a number as value, got ${shown(valueText)} in ${shown(page.slice(start, to))}`,
    );
  const timeText = gap < 0 ? "" : rest.slice(gap).replace(/^[ \t]+|[ \t]+$/g, "");
  if (timeText !== "" && !/^-?\d+$/.test(timeText))
    throw new ExpositionError(
      line,
      `expected a timestamp in milliseconds or the end of the line, got ${shown(timeText)} in ${shown(page.slice(start, to))}`,
    );
  events.sample(page.slice(start, end), value, timeText === "" ? null : Number(timeText), line);
}

const namePattern = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const labelPattern =
  /[ \t]*(?:([A-Za-z_][A-Za-z0-9_]*)|"((?:[^"\\\n]|\\.)*)")[ \t]*(?:=[ \t]*"((?:[^"\\\n]|\\.)*)")?[ \t]*(,|$)/y;

const unescape = (text: string): string =>
  text.includes("\\")
    ? text.replaceAll(/\\(.)/g, (whole, char: string) =>
        char === "n" ? "\n" : char === '"' || char === "\\" ? char : whole,
      )
    : text;

/** The labels of a sample's series text, its name as `__name__`. Throws an `ExpositionError` for `line`. */
export function parseSeries(series: string, line: number): LabelSet {
  const brace = series.indexOf("{");
  const name = (brace < 0 ? series : series.slice(0, brace)).trimEnd();
  const labels: Record<string, string> = {};
  const set = (label: string, value: string): void => {
    if (Object.hasOwn(labels, label))
      throw new ExpositionError(line, `label name ${shown(label)} is not unique in ${shown(series)}`);
    labels[label] = value;
  };
  if (name !== "") {
    if (!namePattern.test(name)) throw new ExpositionError(line, `${shown(name)} is not a valid metric name`);
    set(METRIC_NAME, name);
  }
  if (brace >= 0) {
    const body = series.slice(brace + 1, -1);
    for (let at = 0; body.slice(at).trim() !== "";) {
      labelPattern.lastIndex = at;
      const found = labelPattern.exec(body);
      if (found === null)
        throw new ExpositionError(
          line,
          `expected name="value", got ${shown(body.slice(at))} in ${shown(series)}`,
        );
      const [whole, bare, quoted, value] = found;
      if (value !== undefined) set(bare ?? unescape(quoted ?? ""), unescape(value));
      else if (quoted !== undefined) set(METRIC_NAME, unescape(quoted));
      else
        throw new ExpositionError(line, `expected "=" after label ${shown(bare ?? "")} in ${shown(series)}`);
      at += whole.length;
    }
  }
  if (labels[METRIC_NAME] === undefined)
    throw new ExpositionError(line, `metric name not set in ${shown(series)}`);
  return labels;
}
