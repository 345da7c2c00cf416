/** SARIF 2.1.0 (OASIS), as GitHub's code scanning reads it: rules with their help, results with a line. */
import { explainRule } from "./explain.ts";
import type { LintResult } from "./lint.ts";
import type { LintFinding, Severity } from "./rule.ts";
import { RULES } from "./rules.ts";

const LEVEL: Readonly<Record<Severity, "error" | "warning" | "note">> = {
  error: "error",
  warning: "warning",
  info: "note",
};

const SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json";

export function sarif({ findings, suppressed }: LintResult, version: string) {
  const all = [
    ...findings.map((finding) => ({ finding, reason: null })),
    ...suppressed.map(({ finding, reason }) => ({ finding, reason })),
  ];
  const rules = RULES.filter(({ code }) => all.some(({ finding }) => finding.code === code));
  const indexOf = new Map(rules.map(({ code }, i) => [code, i]));
  const seen = new Map<string, number>();
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "limpet",
            semanticVersion: version,
            rules: rules.map((rule) => ({
              id: rule.code,
              name: rule.code.replaceAll("-", ""),
              shortDescription: { text: rule.title },
              fullDescription: { text: rule.why },
              help: { text: `${rule.why} Source: ${rule.source}`, markdown: explainRule(rule) },
              defaultConfiguration: { level: LEVEL[rule.severity] },
              properties: { tags: [rule.family] },
            })),
          },
        },
        columnKind: "unicodeCodePoints",
        results: all.map(({ finding, reason }) => {
          const key = `${finding.code}:${finding.object}`;
          const nth = (seen.get(key) ?? 0) + 1;
          seen.set(key, nth);
          return result(finding, reason, indexOf.get(finding.code) ?? -1, `${key}:${nth}`);
        }),
      },
    ],
  };
}

function result(finding: LintFinding, reason: string | null, ruleIndex: number, fingerprint: string) {
  const { code, severity, object, file, line, column, message, remedy } = finding;
  return {
    ruleId: code,
    ruleIndex,
    level: LEVEL[severity],
    message: { text: `${message} Remedy: ${remedy}.` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          region: { startLine: line, startColumn: column },
        },
        logicalLocations: [{ fullyQualifiedName: object, kind: "resource" }],
      },
    ],
    // Lines move; the object and the rule do not.
    partialFingerprints: { "limpetObject/v1": fingerprint },
    ...(reason === null ? {} : { suppressions: [{ kind: "inSource", justification: reason }] }),
  };
}

/** A relative reference; `stdin` stays a word. */
const uriOf = (file: string): string => file.split("/").map(encodeURIComponent).join("/");
