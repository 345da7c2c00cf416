/** The last screen of a run: the table, what to do about what failed, and where everything is written down. */
import Table from "cli-table3";
import picocolors from "picocolors";
import type { CheckResult, Verdict } from "../events/types.ts";
import { measuredWords, type RunLog } from "./summary.ts";
import { counting, firstAttempts } from "../events/verdicts.ts";

export type TerminalOptions = {
  /** Colour only repeats what a word says. */
  readonly color: boolean;
};

type Colors = ReturnType<typeof picocolors.createColors>;

const MIB = 2 ** 20;
export const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: " ",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

const needsWords = ({ verdict }: CheckResult): boolean => ["fail", "undecided", "void"].includes(verdict);

function verdictWord(check: CheckResult, colors: Colors): string {
  switch (check.verdict) {
    case "pass":
      return colors.green("pass");
    case "fail":
      return colors.bold(colors.red("FAIL"));
    case "reported":
      return "–";
    default:
      return colors.yellow(check.verdict);
  }
}

function table(verdicts: readonly Verdict[], colors: Colors): string {
  const rows = new Table({
    head: ["test", "measure", "expected", "measured", "", ""],
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const { scenario, checks } of verdicts) {
    for (const [index, check] of checks.entries()) {
      const note = needsWords(check) ? "" : check.reason.split("\n")[0]!;
      rows.push([
        index === 0 ? scenario : "",
        check.name,
        check.limit,
        measuredWords(check),
        verdictWord(check, colors),
        colors.dim(note),
      ]);
    }
  }
  return rows
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** For each check that did not pass: why, and what to do about it. */
function explanations(verdicts: readonly Verdict[], colors: Colors): string[] {
  const lines: string[] = [];
  for (const { scenario, checks } of verdicts) {
    const told = new Set<string>();
    for (const check of checks.filter(needsWords)) {
      // What kept a whole scenario from being measured is said once.
      const text = `${check.verdict}\0${check.reason}`;
      if (told.has(text)) continue;
      told.add(text);
      lines.push(
        "",
        ` ${colors.bold(scenario)} · ${check.name}: ${check.verdict === "fail" ? "FAIL" : check.verdict}`,
      );
      for (const line of check.reason.split("\n")) lines.push(`   ${line}`);
      if (check.remedy !== undefined) lines.push(`     ${colors.bold(check.remedy)}`);
    }
  }
  return lines;
}

const minutes = (us: number): string => {
  const seconds = Math.round(us / 1e6);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
};

function summaryLine(log: RunLog, verdicts: readonly Verdict[]): string {
  const passes = verdicts.filter(({ verdict }) => verdict === "pass").length;
  const facts = [`${passes} of ${verdicts.length} ${verdicts.length === 1 ? "test passes" : "tests pass"}`];
  const { resources } = log;
  if (resources)
    facts.push(`${Math.round(resources.realSeconds)} s (${minutes(log.topologyUs)} of topology time)`);
  else facts.push(`${minutes(log.topologyUs)} of topology time`);
  if (resources) facts.push(`peak memory ${Math.round(resources.pssBytesPeak / MIB)} MiB`);
  return ` ${facts.join(" · ")}`;
}

/** What happened, by the event log: shown after a run, and by `limpet report`. */
export function renderTerminal(log: RunLog, options: TerminalOptions): string {
  const colors = picocolors.createColors(options.color);
  const verdicts = counting(log.verdicts);
  const lines: string[] = [];
  for (const { file, line, message } of log.topology?.findings ?? [])
    lines.push(` ${file}:${line}: ${message}`);
  if (lines.length > 0) lines.push("");
  if (verdicts.length > 0) lines.push(table(verdicts, colors));
  lines.push(...explanations(verdicts, colors), "");
  for (const first of firstAttempts(log.verdicts)) {
    const second = log.verdicts.find((one) => one.scenario === first.scenario && one.attempt > first.attempt);
    const then = second
      ? `run again at speed ${second.speed}, which counts: ${second.verdict}`
      : "not run again: the run was ended before";
    lines.push(` ${first.scenario}: timers were late at speed ${first.speed} (${first.verdict}); ${then}`);
  }
  for (const { scenario, reason } of log.notApplicable) lines.push(` not applicable: ${scenario}: ${reason}`);
  for (const scenario of log.unfinished) lines.push(` not finished: ${scenario}: the run was ended before`);
  for (const warning of log.warnings) lines.push(` warning: ${warning}`);
  lines.push(summaryLine(log, verdicts));
  // Where nothing but the seed decides, the digest says whether two runs went the same way.
  if (log.header.engine === "simulated") lines.push(` digest     ${log.digest}`);
  lines.push(` event log  ${log.folder}/   look again: limpet report latest`);
  return `${lines.join("\n")}\n`;
}
