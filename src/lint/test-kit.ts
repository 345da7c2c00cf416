/** For tests: manifests as text, through the real loader. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lintTopology, type LintOptions, type LintResult } from "./lint.ts";
import { loadLintInput, type LintInputOptions } from "./lint-input.ts";

type TextOptions = LintOptions & Pick<LintInputOptions, "goals"> & { readonly config?: string };

/** `config` is a `limpet.yaml`, put into a folder of its own for the time of the reading. */
export async function lintText(text: string, options: TextOptions = {}): Promise<LintResult> {
  const { config, goals = {} } = options;
  if (config === undefined)
    return lintTopology(await loadLintInput({ paths: ["-"], stdin: text, goals }), options);
  return inFolder({ "limpet.yaml": config }, async (folder) =>
    lintTopology(
      await loadLintInput({ paths: ["-"], stdin: text, config: join(folder, "limpet.yaml"), goals }),
      options,
    ),
  );
}

/** Lints a folder of these files, names relative to it. */
export const lintFiles = (files: Readonly<Record<string, string>>): Promise<LintResult> =>
  inFolder(files, async (folder) => lintTopology(await loadLintInput({ paths: ["."], root: folder })));

async function inFolder<Result>(
  files: Readonly<Record<string, string>>,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "limpet-lint-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const lintPath = async (path: string): Promise<LintResult> =>
  lintTopology(await loadLintInput({ paths: [path] }));
