/** For tests: manifests as text, through the real loader. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lintTopology, type LintOptions, type LintResult } from "./lint.ts";
import { loadLintInput } from "./lint-input.ts";

/** `config` is a `limpet.yaml`, put into a folder of its own for the time of the reading. */
export async function lintText(
  text: string,
  options: LintOptions & { config?: string } = {},
): Promise<LintResult> {
  const { config } = options;
  if (config === undefined) return lintTopology(await loadLintInput({ paths: ["-"], stdin: text }), options);
  const folder = mkdtempSync(join(tmpdir(), "limpet-lint-"));
  try {
    writeFileSync(join(folder, "limpet.yaml"), config);
    const input = await loadLintInput({ paths: ["-"], stdin: text, config: join(folder, "limpet.yaml") });
    return lintTopology(input, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function lintPath(path: string): Promise<LintResult> {
  return lintTopology(await loadLintInput({ paths: [path] }));
}
