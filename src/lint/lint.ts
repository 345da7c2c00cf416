/** All rules over an input: what was found, what somebody has accepted, and what could not be looked at. */
import { factsOf } from "./facts.ts";
import type { Change } from "./fix.ts";
import type { LintInput } from "./lint-input.ts";
import { notChecked, type NotChecked } from "./not-checked.ts";
import { isAtLeast, type LintFinding, type Rule, type Severity } from "./rule.ts";
import { RULES } from "./rules.ts";
import { sift, suppressionsOf, type Suppressed } from "./suppressions.ts";

export type LintOptions = {
  /** The mildest severity that makes the run fail. Default `error`. */
  readonly failOn?: Severity;
  /** Only these rules. Default: all. */
  readonly rules?: readonly Rule[];
};

export type Fix = { readonly finding: LintFinding; readonly change: Change };

export type LintResult = {
  /** By file, line, column and code. */
  readonly findings: readonly LintFinding[];
  readonly suppressed: readonly Suppressed[];
  /** References that lead out of the input: said, and no mistake. */
  readonly notChecked: readonly NotChecked[];
  /** What `--fix` would change for some of the findings. */
  readonly fixes: readonly Fix[];
  /** Whether a finding is as grave as `failOn`, or graver. */
  readonly failed: boolean;
  readonly files: readonly string[];
  readonly objects: number;
};

export function lintTopology(input: LintInput, options: LintOptions = {}): LintResult {
  const { failOn = "error", rules = RULES } = options;
  const facts = factsOf(input);
  const found = new Map<string, LintFinding>();
  const changesOf = new Map<LintFinding, readonly Change[]>();
  for (const rule of rules) {
    for (const { object, at, message, remedy, severity, changes = [] } of rule.check(facts)) {
      const { file, line, column } = at;
      const { code } = rule;
      const finding = {
        code,
        severity: severity ?? rule.severity,
        object,
        file,
        line,
        column,
        message,
        remedy,
      };
      // Several callers, or ports, that lead to one line are one finding.
      const key = JSON.stringify([code, object, file, line, column]);
      if (found.has(key)) continue;
      found.set(key, finding);
      changesOf.set(finding, changes);
    }
  }
  const { kept, suppressed } = sift([...found.values()], suppressionsOf(input), RULES);
  const findings = [...kept].sort(byPlace);
  return {
    findings,
    suppressed,
    notChecked: notChecked(facts),
    fixes: findings.flatMap((finding) =>
      (changesOf.get(finding) ?? []).map((change) => ({ finding, change })),
    ),
    failed: findings.some(({ severity }) => isAtLeast(severity, failOn)),
    files: input.files,
    objects: input.manifests.length,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const byPlace = (a: LintFinding, b: LintFinding): number =>
  compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.code, b.code);
