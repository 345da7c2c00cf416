/** A result as text, JSON, SARIF or GitHub's workflow commands. */
import { isAtLeast, type LintFinding, type Severity } from "./rule.ts";
import type { LintResult } from "./lint.ts";
import { sarif } from "./sarif.ts";

export const FORMATS = ["text", "json", "sarif", "github"] as const;
export type Format = (typeof FORMATS)[number];

/** Grows when a field changes its meaning or goes away. */
export const LINT_SCHEMA_VERSION = 1;

export type FormatOptions = {
  /** limpet's own, for SARIF. */
  readonly version: string;
};

/** Ends with a newline. */
export const formatLint = (result: LintResult, format: Format, options: FormatOptions): string =>
  FORMATTERS[format](result, options);

const placeOf = ({ file, line, column }: { file: string; line: number; column: number }): string =>
  `${file}:${line}:${column}`;

const many = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

export const countOf = (findings: readonly LintFinding[], severity: Severity): number =>
  findings.filter((finding) => finding.severity === severity).length;

function text(result: LintResult): string {
  const { findings, notChecked, suppressed } = result;
  const lines = findings.flatMap((finding) => [
    `${placeOf(finding)}  ${finding.severity}  ${finding.code}  ${finding.object}`,
    `  ${finding.message}`,
    `  → ${finding.remedy}`,
    "",
  ]);
  if (notChecked.length > 0)
    lines.push("not checked", ...notChecked.map((one) => `  ${placeOf(one)}  ${one.what}`), "");
  const counts = (["error", "warning", "info"] as const).map((severity) =>
    many(countOf(findings, severity), severity),
  );
  const accepted = suppressed.length === 0 ? "" : ` · ${suppressed.length} suppressed`;
  lines.push(
    findings.length === 0
      ? `nothing found in ${many(result.objects, "object")}, ${many(result.files.length, "file")}${accepted}`
      : `${counts.join(", ")} in ${many(result.objects, "object")}, ${many(result.files.length, "file")}${accepted}`,
  );
  const [worst] = [...findings].sort((a, b) => (isAtLeast(a.severity, b.severity) ? -1 : 1));
  if (worst !== undefined) lines.push(`why, and how it looks when right: limpet explain ${worst.code}`);
  return `${lines.join("\n")}\n`;
}

function json(result: LintResult) {
  const { findings, suppressed, notChecked, failed } = result;
  return {
    schemaVersion: LINT_SCHEMA_VERSION,
    failed,
    findings,
    suppressed: suppressed.map(({ finding, reason }) => ({ ...finding, reason })),
    notChecked,
    objects: result.objects,
    files: result.files,
  };
}

const escapeData = (value: string): string =>
  value.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const escapeProperty = (value: string): string =>
  escapeData(value).replaceAll(":", "%3A").replaceAll(",", "%2C");

const COMMAND: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", info: "notice" };

/** actions/toolkit docs/commands.md */
function github({ findings }: LintResult): string {
  return findings
    .map(({ code, severity, object, file, line, column, message, remedy }) => {
      const title = escapeProperty(`${code} ${object}`);
      const at = `file=${escapeProperty(file)},line=${line},col=${column},title=${title}`;
      return `::${COMMAND[severity]} ${at}::${escapeData(`${message} → ${remedy}`)}\n`;
    })
    .join("");
}

const FORMATTERS: Readonly<Record<Format, (result: LintResult, options: FormatOptions) => string>> = {
  text,
  json: (result) => `${JSON.stringify(json(result), null, 2)}\n`,
  sarif: (result, { version }) => `${JSON.stringify(sarif(result, version), null, 2)}\n`,
  github,
};
