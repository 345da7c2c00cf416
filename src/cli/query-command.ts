/** `limpet query`: one PromQL question to a text of samples. */
import { InputError } from "../errors.ts";
import { sampleText, timeText } from "../metrics/api-json.ts";
import { parseTime } from "../metrics/api-params.ts";
import { ExpositionError } from "../metrics/exposition.ts";
import { querySamples, type SamplesAnswer } from "../metrics/query-samples.ts";
import { parseVersions } from "../topology/versions.ts";
import { goQuote, METRIC_NAME, type Labels } from "../promql/labels.ts";
import type { QueryResult } from "../promql/query.ts";
import { EXIT, type Host } from "./host.ts";
import type { QueryCommandOptions } from "./options.ts";
import { readInput } from "./read-input.ts";
import { wantsJson } from "./question-reporter.ts";

export async function queryCommand(
  host: Host,
  promql: string,
  options: QueryCommandOptions,
): Promise<number> {
  const tMs = timeOf(options.time);
  const { name, text } = await readInput(host, "--samples", options.samples);
  const { prometheus } = options.versions === undefined ? {} : parseVersions(options.versions);
  const asked = { promql, text, tMs, nowMs: host.now().getTime() };
  const answer = ask({ ...asked, options: { version: prometheus ?? 3 } }, name);
  if (wantsJson(host, options.reporter)) host.stdout.write(`${answer.body}\n`);
  else if (answer.result) host.stdout.write(resultLines(answer.result, answer.tMs));
  if (answer.error) throw new InputError([`${answer.error.errorType}: ${answer.error.message}`]);
  return EXIT.pass;
}

function timeOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const tMs = parseTime(text);
  if (tMs !== null) return tMs;
  throw new InputError([
    `--time ${text}: unix seconds (1700000000.5) or RFC 3339 (2026-01-02T03:04:05Z) are wanted`,
  ]);
}

function ask(asked: Parameters<typeof querySamples>[0], name: string): SamplesAnswer {
  try {
    return querySamples(asked);
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
    const { line, message } = error;
    throw new InputError([`${name}:${line}: ${message.replace(/^line \d+: /, "")}`]);
  }
}

/** As `promtool query instant` prints it: `up{job="api"} => 1 @[1700000000]`. */
function resultLines(result: QueryResult, tMs: number): string {
  const lines = linesOf(result);
  const notes = [...result.warnings, ...result.infos].map((note) => `# ${note}`);
  const empty = lines.length === 0 ? [`# no series at ${timeText(tMs)}`] : [];
  return [...lines, ...empty, ...notes].map((line) => `${line}\n`).join("");
}

function linesOf(result: QueryResult): string[] {
  const point = (value: number, tMs: number): string => `${sampleText(value)} @[${timeText(tMs)}]`;
  switch (result.resultType) {
    case "vector":
      return result.samples.map(
        ({ labels, value }) => `${seriesText(labels)} => ${point(value, result.tMs)}`,
      );
    case "matrix":
      return result.series.flatMap(({ labels, times, values }) => [
        `${seriesText(labels)} =>`,
        ...times.map((tMs, index) => point(values[index]!, tMs)),
      ]);
    case "scalar":
      return [`scalar: ${point(result.value, result.tMs)}`];
    default:
      return [goQuote(result.value)];
  }
}

function seriesText(labels: Labels): string {
  const name = labels.get(METRIC_NAME);
  const rest = labels.dropping([METRIC_NAME]);
  return rest.pairs.length === 0 && name !== "" ? name : `${name}${rest.toString()}`;
}
