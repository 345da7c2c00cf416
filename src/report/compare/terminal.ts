/** A comparison as a table: one row a measure, both runs beside each other. */
import Table from "cli-table3";
import picocolors from "picocolors";
import { measuredWords } from "../summary.ts";
import { NO_BORDERS } from "../terminal.ts";
import type { ComparedRow, Comparison } from "./compare.ts";

export type CompareTerminalOptions = { readonly color: boolean; readonly heading: readonly string[] };

const valueWords = (measured: ComparedRow["a"], unit: string): string => measuredWords({ measured, unit });

/** The last column: what the allowance is made of is worth its room only where it is asked for. */
const noteOf = (row: ComparedRow): string => (row.unit === "s" ? `allowed: ${row.note}` : row.note);

export function renderComparison(comparison: Comparison, options: CompareTerminalOptions): string {
  const colors = picocolors.createColors(options.color);
  const rows = new Table({
    head: ["test", "measure", "A", "B", "differ", "allowed", "", ""],
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const { name, rows: compared } of comparison.scenarios) {
    for (const [index, row] of compared.entries()) {
      const { measure, a, b, unit, difference, allowed, verdict } = row;
      rows.push([
        index === 0 ? name : "",
        measure,
        valueWords(a, unit),
        valueWords(b, unit),
        difference === null ? "–" : valueWords(difference, unit),
        allowed === null ? "–" : `≤ ${valueWords(allowed, unit)}`,
        verdict === "differ" ? colors.bold(colors.red("DIFFER")) : verdict === "agree" ? "agree" : "–",
        colors.dim(noteOf(row)),
      ]);
    }
  }
  const lines = [
    ...options.heading,
    "",
    ...rows
      .toString()
      .split("\n")
      .map((line) => line.trimEnd()),
    "",
  ];
  for (const [run, names] of [
    ["A", comparison.onlyInA],
    ["B", comparison.onlyInB],
  ] as const)
    if (names.length > 0) lines.push(` not compared, only in ${run}: ${names.join(", ")}`);
  const agreeing = comparison.scenarios.filter(({ agree }) => agree).length;
  const of = comparison.scenarios.length;
  lines.push(` ${agreeing} of ${of} ${of === 1 ? "test agrees" : "tests agree"}`);
  return `${lines.join("\n")}\n`;
}
