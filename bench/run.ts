/** `npm run bench [-- SUITE…] [--json]`: what routing, scaling and queries cost, beside the least that could do the work. */
import { availableParallelism, cpus } from "node:os";
import { columns } from "../src/cli/columns.ts";
import { checksum, duration, measure, type Case, type Measured } from "./harness.ts";
import { lintRows, lintTable, type LintRow } from "./lint.ts";
import { queryCases } from "./queries.ts";
import { routingCases } from "./routing.ts";
import { scalingCases } from "./scaling.ts";
import { simulationRows, simulationTable, type SimulationRow } from "./simulation.ts";

const SUITES: Readonly<Record<string, () => Case[]>> = {
  routing: routingCases,
  scaling: scalingCases,
  queries: queryCases,
};
const SEED = 1;

const args = process.argv.slice(2);
const names = args.filter((name) => name !== "--json");
const unknown = names.filter(
  (name) => name !== "lint" && name !== "simulation" && !Object.hasOwn(SUITES, name),
);
if (unknown.length > 0) {
  process.stderr.write(
    `bench: no suite ${unknown.join(", ")}; there are ${Object.keys(SUITES).join(", ")}, lint, simulation\n`,
  );
  process.exit(2);
}

const measured = measure(
  Object.entries(SUITES).flatMap(([name, cases]) =>
    names.length === 0 || names.includes(name) ? cases() : [],
  ),
  SEED,
);
const linted = names.length === 0 || names.includes("lint") ? await lintRows() : [];
// A minute or two: only where it is named.
const simulated = names.includes("simulation") ? simulationRows() : [];
if (args.includes("--json")) process.stdout.write(jsonOf(measured, linted, simulated));
else {
  if (measured.length > 0) process.stdout.write(tableOf(measured));
  if (linted.length > 0) process.stdout.write(lintTable(linted));
  if (simulated.length > 0) process.stdout.write(simulationTable(simulated));
}

function jsonOf(
  all: readonly Measured[],
  lint: readonly LintRow[],
  simulation: readonly SimulationRow[],
): string {
  const rows = all.map(({ case: { name, unit, against }, workNs, bareNs, ratio }) => ({
    name,
    unit,
    workNs,
    bareNs,
    ratio,
    against,
  }));
  return `${JSON.stringify({ schemaVersion: 1, node: process.version, rows, lint, simulation })}\n`;
}

function tableOf(all: readonly Measured[]): string {
  const rows = all.map(({ case: { name, unit, against }, workNs, bareNs, ratio }) => [
    name,
    `${duration(workNs)} a ${unit}`,
    duration(bareNs),
    `× ${ratio >= 100 ? Math.round(ratio) : ratio.toPrecision(3)}`,
    against,
  ]);
  const head = ["what", "takes", "bare", "ratio", "bare is"];
  const machine = `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? "unknown"}`;
  return `${columns([head, ...rows])}\n\nMedians; the ratio is that of the same round. ${machine}. (${checksum()})\n`;
}
