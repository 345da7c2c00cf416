/** A sweep as a table for people, and as CSV for spreadsheets. */
import Table from "cli-table3";
import picocolors from "picocolors";
import { NO_BORDERS } from "../terminal.ts";
import { PARETO_OVER, type SweepRow } from "./rows.ts";

const FAILURES_SHOWN = 3;

const shown = (value: number | null, unit = ""): string =>
  value === null ? "–" : `${value}${unit === "" ? "" : ` ${unit}`}`;

export function renderSweep(rows: readonly SweepRow[], options: { readonly color: boolean }): string {
  const colors = picocolors.createColors(options.color);
  const names = rows[0]?.settings.map(([name]) => name) ?? [];
  const table = new Table({
    head: [
      ...names,
      "pod-hours",
      "cold starts",
      "p95",
      "moves/step",
      "least",
      "hit rate",
      "lost",
      "pass",
      "",
    ],
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) {
    const { runs, passes } = row;
    const pass = `${passes} of ${runs}`;
    table.push([
      ...row.settings.map(([, value]) => value),
      row.podHours.toFixed(2),
      shown(row.coldPercent, "%"),
      shown(row.coldP95Seconds, "s"),
      shown(row.movesPerStep),
      shown(row.leastMovesPerStep),
      shown(row.hitPercent, "%"),
      `${row.lost} of ${row.offered}`,
      passes === runs ? pass : colors.bold(colors.red(pass)),
      row.pareto ? "*" : "",
    ]);
  }
  const lines = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  lines.push(
    "",
    ` * no other row is as good in all of ${PARETO_OVER.map(([name]) => name).join(", ")} and better in one`,
  );
  const words = ({ settings }: SweepRow): string => settings.map((pair) => pair.join("=")).join(" ");
  for (const row of rows) {
    for (const reason of row.notApplicable) lines.push(` ${words(row)}: not applicable: ${reason}`);
    const [first] = row.failures;
    if (first)
      lines.push(
        ` ${words(row)}: seed ${first.seed}: ${first.scenario} · ${first.check} ${first.verdict}: ${first.reason.split("\n")[0]}`,
      );
  }
  return `${lines.join("\n")}\n`;
}

/** What a row's document says of its failures: the first few, and how many there are. */
export const failuresOf = ({ failures }: SweepRow) => ({
  count: failures.length,
  first: failures.slice(0, FAILURES_SHOWN),
});

/** RFC 4180. */
const quoted = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function sweepCsv(rows: readonly SweepRow[]): string {
  const names = rows[0]?.settings.map(([name]) => name) ?? [];
  const head = [
    ...names,
    "pod_hours",
    "cold_start_percent",
    "cold_start_p95_seconds",
    "moves_per_step",
    "least_moves_per_step",
    "hit_percent",
    "lost_requests",
    "offered_requests",
    "runs",
    "passes",
    "pareto",
  ];
  const lines = rows.map((row) => [
    ...row.settings.map(([, value]) => value),
    row.podHours,
    row.coldPercent,
    row.coldP95Seconds ?? "",
    row.movesPerStep ?? "",
    row.leastMovesPerStep ?? "",
    row.hitPercent ?? "",
    row.lost,
    row.offered,
    row.runs,
    row.passes,
    row.pareto,
  ]);
  return [head, ...lines]
    .map((cells) => `${cells.map((cell) => quoted(String(cell))).join(",")}\r\n`)
    .join("");
}
