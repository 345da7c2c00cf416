/** `limpet compare`: two finished runs beside each other, from their event logs and nothing else. */
import { join, relative } from "node:path";
import { InputError } from "../errors.ts";
import { findRun } from "../events/reader.ts";
import type { RunHeader } from "../events/types.ts";
import { compareRuns, type Comparison } from "../report/compare/compare.ts";
import type { RunFacts } from "../report/compare/facts.ts";
import { readFacts } from "../report/compare/read-facts.ts";
import { renderComparison } from "../report/compare/terminal.ts";
import { EXIT, type Host } from "./host.ts";
import { wantsColor } from "./render.ts";
import { RUNS_FOLDER } from "./runs-folder.ts";

/** Grows when a field changes its meaning or goes away; new fields may come without. */
const SCHEMA_VERSION = 1;

export async function compareCommand(
  host: Host,
  names: readonly [string, string],
  reporter: "terminal" | "json",
): Promise<number> {
  const folders = names.map((name) => findRun(join(host.cwd, RUNS_FOLDER), name));
  const [a, b] = [await readFacts(folders[0]!), await readFacts(folders[1]!)];
  const comparison = compareRuns(a, b);
  if (comparison.scenarios.length === 0)
    throw new InputError([
      `the two runs have no scenario in common: ${listed(comparison.onlyInA)} in A, ${listed(comparison.onlyInB)} in B`,
    ]);
  const runs = [a, b].map((run, index) => ({ run, folder: shownFolder(host, folders[index]!) }));
  host.stdout.write(
    reporter === "json"
      ? jsonOf(comparison, runs)
      : renderComparison(comparison, {
          color: wantsColor(host),
          heading: [
            "limpet compare",
            ...runs.map(
              ({ run, folder }, index) => ` ${"AB"[index]}  ${headerWords(run.header)} · ${folder}`,
            ),
            ...unlike(a.header, b.header),
          ],
        }),
  );
  return comparison.agree ? EXIT.pass : EXIT.failed;
}

type Shown = { readonly run: RunFacts; readonly folder: string };

const listed = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

function shownFolder(host: Host, folder: string): string {
  const near = relative(host.cwd, folder);
  return near.startsWith("..") ? folder : near;
}

const headerWords = ({ engine, seed, speed, topology }: RunHeader): string =>
  `${engine} engine, seed ${seed}${engine === "local" ? `, speed ${speed}` : ""} · ${topology}`;

/** What makes a difference no disagreement of the engines. */
const unlike = (a: RunHeader, b: RunHeader): string[] => [
  ...(a.seed === b.seed
    ? []
    : [
        ` The seeds differ, and with them arrivals, addresses and phases; times may still be compared, owners seldom.`,
      ]),
  ...(a.topology === b.topology ? [] : [` The topologies differ: ${a.topology} and ${b.topology}.`]),
];

function jsonOf({ agree, scenarios, onlyInA, onlyInB }: Comparison, runs: readonly Shown[]): string {
  const [a, b] = runs.map(({ run: { header }, folder }) => ({
    folder,
    engine: header.engine,
    seed: header.seed,
    speed: header.speed,
    topology: header.topology,
  }));
  return `${JSON.stringify({ schemaVersion: SCHEMA_VERSION, agree, a, b, scenarios, onlyInA, onlyInB }, null, 2)}\n`;
}
