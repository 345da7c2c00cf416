/** What all views of a finished run share, read from its event log and nothing else. */
import { LogDigest } from "../events/digest.ts";
import { readRun, type ReadLine } from "../events/reader.ts";
import type {
  CheckResult,
  NotApplicable,
  ResourcesEvent,
  RunHeader,
  TopologySummary,
  Verdict,
} from "../events/types.ts";

export type RunLog = {
  readonly folder: string;
  /** Of the log's first file. */
  readonly header: RunHeader;
  readonly topology: TopologySummary | null;
  /** Every attempt's, in the order in which they were given. */
  readonly verdicts: readonly Verdict[];
  readonly notApplicable: readonly NotApplicable[];
  readonly resources: ResourcesEvent | null;
  /** Scenarios that began and got no verdict: the run was ended before. */
  readonly unfinished: readonly string[];
  /** What the log warns of: that it is cut off, say. */
  readonly warnings: readonly string[];
  /** SHA-256 of all lines but the headers. */
  readonly digest: string;
  /** Topology time that passed, over all files of the log. */
  readonly topologyUs: number;
};

/** Reads the lines of a whole run into its summary; holds none of them. */
export async function summarize(folder: string, lines: AsyncIterable<ReadLine>): Promise<RunLog> {
  const digest = new LogDigest();
  let header: RunHeader | null = null;
  let topology: TopologySummary | null = null;
  let resources: ResourcesEvent | null = null;
  const verdicts: Verdict[] = [];
  const notApplicable: NotApplicable[] = [];
  const begun = new Set<string>();
  const warnings: string[] = [];
  let passedUs = 0;
  let partUs = 0;
  for await (const { line, text } of lines) {
    digest.add(text);
    if (line.type === "header") {
      header ??= line;
      passedUs += partUs;
      partUs = 0;
      continue;
    }
    partUs = Math.max(partUs, line.atUs);
    if (line.type === "topology") topology ??= line;
    else if (line.type === "resources") resources = line;
    else if (line.type === "notApplicable") notApplicable.push(line);
    else if (line.type === "scenario" && line.what === "started") begun.add(line.scenario);
    else if (
      line.type === "log" &&
      line.level !== "info" &&
      !warnings.includes(line.message) &&
      warnings.length < 20
    ) {
      warnings.push(line.message);
    } else if (line.type === "verdict") verdicts.push(line);
  }
  if (!header) throw new Error(`the log in ${folder} has no header`);
  const judged = new Set(verdicts.map(({ scenario }) => scenario));
  return {
    folder,
    header,
    topology,
    verdicts,
    notApplicable,
    resources,
    unfinished: [...begun].filter((scenario) => !judged.has(scenario)),
    warnings,
    digest: digest.value(),
    topologyUs: passedUs + partUs,
  };
}

/** The summary of the run in `folder`. */
export const readRunLog = (folder: string): Promise<RunLog> => summarize(folder, readRun(folder));

/** A measured value as a person reads it. */
export function measuredWords({ measured, unit, of }: Pick<CheckResult, "measured" | "unit" | "of">): string {
  if (measured === null) return "–";
  if (of !== undefined) return `${measured} of ${of}`;
  if (typeof measured === "string" || !["s", "%"].includes(unit)) return String(measured);
  return `${measured} ${unit}`;
}
