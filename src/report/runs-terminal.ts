/** Many runs as a table: one row a check, its distribution over the seeds. */
import Table from "cli-table3";
import picocolors from "picocolors";
import type { CheckSpread, RunsSummary } from "./runs.ts";
import { measuredWords } from "./summary.ts";
import { NO_BORDERS } from "./terminal.ts";

/** Failures that are told one by one; the rest are counted. */
const FAILURES_SHOWN = 5;

export type RunsTerminalOptions = {
  readonly color: boolean;
  readonly digest: string;
  /** The command that replays the run of a seed. */
  readonly again: (seed: number) => string;
};

function cells({ limit, unit, measured }: CheckSpread): string[] {
  if (measured === null) return [limit, "–", "–", "–", "–", "–"];
  const { min, p50, p95, p99, max } = measured;
  return [limit, ...[min, p50, p95, p99, max].map((value) => measuredWords({ measured: value, unit }))];
}

export function renderRuns(summary: RunsSummary, options: RunsTerminalOptions): string {
  const colors = picocolors.createColors(options.color);
  const rows = new Table({
    head: ["test", "measure", "expected", "least", "p50", "p95", "p99", "most", "pass"],
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const { name, runs, checks } of summary.scenarios) {
    for (const [index, check] of checks.entries()) {
      const { passes } = check;
      const words = passes === null ? "–" : `${passes} of ${runs}`;
      const shown = passes === null || passes === runs ? words : colors.bold(colors.red(words));
      rows.push([index === 0 ? name : "", check.name, ...cells(check), shown]);
    }
  }
  const lines = rows
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  lines.push("");
  for (const { seed, scenario, check, measured, unit, reason } of summary.failures.slice(0, FAILURES_SHOWN)) {
    lines.push(` seed ${seed}: ${scenario} · ${check} ${measuredWords({ measured, unit })}`);
    lines.push(`   ${reason.split("\n")[0] ?? ""}`);
    lines.push(`   again  ${options.again(seed)}`);
  }
  const rest = summary.failures.length - FAILURES_SHOWN;
  if (rest > 0) lines.push(` … and ${rest} more; --reporter json lists them all`);
  if (summary.failures.length > 0) lines.push("");
  const hours = Math.round(summary.topologySeconds / 360) / 10;
  lines.push(` ${summary.passes} of ${summary.runs} runs pass every test · ${hours} h of topology time`);
  lines.push(` digest     ${options.digest}`);
  return `${lines.join("\n")}\n`;
}
