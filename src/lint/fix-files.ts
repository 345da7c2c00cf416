/** The safe changes to an input's files, made in memory until none is left: what comes out has nothing more to fix. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { applyChanges, shownChange } from "./fix.ts";
import { loadLintInput, type LintInputOptions } from "./lint-input.ts";
import { lintTopology, type LintOptions, type LintResult } from "./lint.ts";
import type { LintFinding } from "./rule.ts";

export type Fixed = {
  readonly finding: LintFinding;
  /** What was changed, for people. */
  readonly change: string;
};

export type FixedFiles = {
  readonly fixed: readonly Fixed[];
  /** Full path → text as it was and as it is now, of files that changed. */
  readonly files: ReadonlyMap<
    string,
    { readonly name: string; readonly before: string; readonly after: string }
  >;
  /** What is found in the files as they are now. */
  readonly result: LintResult;
};

/** Changes at one place wait for each other; more turns than this no file needs. */
const MAX_TURNS = 20;

/** Writes nothing. @throws {InputError} as the loader does. */
export async function fixFiles(options: LintInputOptions, lint: LintOptions): Promise<FixedFiles> {
  const root = resolve(options.root ?? ".");
  const before = new Map<string, string>();
  const now = new Map<string, string>();
  const fixed: Fixed[] = [];
  for (let turn = 0; ; turn++) {
    const result = lintTopology(await loadLintInput({ ...options, instead: now }), lint);
    const done = turn < MAX_TURNS ? [...changed(result, root, now, before)] : [];
    if (done.length === 0) {
      const files = [...now].filter(([path, text]) => before.get(path) !== text);
      return {
        fixed,
        result,
        files: new Map(
          files.map(([path, after]) => [
            path,
            {
              name: result.files.find((name) => join(root, name) === path) ?? path,
              before: before.get(path) ?? "",
              after,
            },
          ]),
        ),
      };
    }
    fixed.push(...done);
  }
}

function* changed(
  result: LintResult,
  root: string,
  now: Map<string, string>,
  before: Map<string, string>,
): Iterable<Fixed> {
  for (const name of new Set(result.fixes.map(({ change }) => change.at.file))) {
    const wanted = result.fixes.filter(({ change }) => change.at.file === name);
    const path = join(root, name);
    const text = now.get(path) ?? readFileSync(path, "utf8");
    if (!before.has(path)) before.set(path, text);
    const { text: after, done } = applyChanges(text, wanted);
    now.set(path, after);
    for (const { finding, change } of done) yield { finding, change: shownChange(change) };
  }
}
