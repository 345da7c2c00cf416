/** `limpet lint --fix`: the safe changes, written into the files or shown as a difference. */
import { accessSync, constants, writeFileSync } from "node:fs";
import { InputError } from "../errors.ts";
import { fixFiles, type Fixed, type FixedFiles } from "../lint/fix-files.ts";
import { formatLint, type Format } from "../lint/format.ts";
import type { LintInputOptions } from "../lint/lint-input.ts";
import type { Severity } from "../lint/rule.ts";
import { EXIT, type Host } from "./host.ts";
import { packageVersion } from "./version.ts";

export type FixOptions = { readonly format: Format; readonly failOn: Severity; readonly dryRun: boolean };

export async function lintAndFix(
  host: Host,
  input: LintInputOptions,
  { format, failOn, dryRun }: FixOptions,
): Promise<number> {
  if (dryRun && format !== "text")
    throw new InputError([`lint: --dry-run prints a difference for people; leave --format ${format} out`]);
  const { fixed, files, result } = await fixFiles(input, { failOn });
  if (dryRun) host.stdout.write(await difference(files));
  else write(files);
  const told = format === "text" ? host.stdout : host.stderr;
  if (fixed.length > 0)
    told.write(
      `${dryRun ? "would fix" : "fixed"}\n${fixed.map(line).join("")}${format === "text" ? "\n" : ""}`,
    );
  else if (format === "text") told.write("nothing that --fix may change\n\n");
  host.stdout.write(formatLint(result, format, { version: packageVersion(host) }));
  return result.failed ? EXIT.failed : EXIT.pass;
}

const line = ({ finding, change }: Fixed): string =>
  `  ${finding.file}:${finding.line}:${finding.column}  ${finding.code}  ${change}\n`;

async function difference(files: FixedFiles["files"]): Promise<string> {
  const { createTwoFilesPatch } = await import("diff");
  return [...files.values()]
    .map(({ name, before, after }) => createTwoFilesPatch(name, name, before, after, "", "", { context: 2 }))
    .join("");
}

/** All or none: what cannot be written is found before the first file is. */
function write(files: FixedFiles["files"]): void {
  const problems = [...files].flatMap(([path, { name }]) => {
    try {
      accessSync(path, constants.W_OK);
      return [];
    } catch {
      return [`lint: --fix cannot write ${name}; make it writable, or see the changes with --fix --dry-run`];
    }
  });
  if (problems.length > 0) throw new InputError(problems);
  for (const [path, { after }] of files) writeFileSync(path, after);
}
