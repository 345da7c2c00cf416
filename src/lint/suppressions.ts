/**
 * Findings that somebody has accepted, with the reason: by a comment at the line, or by an annotation on the object,
 * `limpet.dev/ignore: "CODE: reason"`, one a line. Without a reason nothing is suppressed, and that is a finding.
 */
import { nearest } from "../topology/suggest.ts";
import type { Source } from "../topology/types.ts";
import { objectName } from "./facts.ts";
import type { LintInput } from "./lint-input.ts";
import type { LintFinding, Rule } from "./rule.ts";

export const ANNOTATION = "limpet.dev/ignore";

export type Suppression = {
  readonly code: string;
  readonly reason: string;
  /** Of the suppression itself. */
  readonly at: Source;
  /** The object that carries it, or the file of the comment. */
  readonly object: string;
  readonly covers: (finding: LintFinding) => boolean;
};

export function suppressionsOf(input: Pick<LintInput, "manifests" | "ignoreComments">): Suppression[] {
  const comments = input.ignoreComments.map((comment): Suppression => {
    const { file, line, column, code, reason, about } = comment;
    return {
      code,
      reason,
      at: { file, line, column },
      object: `File ${file}`,
      covers: (finding) => finding.file === file && finding.code === code && finding.line === about,
    };
  });
  const annotations = input.manifests.flatMap((manifest) => {
    const text = manifest.annotations[ANNOTATION];
    if (text === undefined) return [];
    const object = objectName(manifest);
    const at = manifest.at("metadata", "annotations", ANNOTATION);
    return text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line): Suppression => {
        const [code = "", ...reason] = line.split(":");
        return {
          code: code.trim(),
          reason: reason.join(":").trim(),
          at,
          object,
          covers: (finding) => finding.object === object && finding.code === code.trim(),
        };
      });
  });
  return [...comments, ...annotations];
}

export type Suppressed = { readonly finding: LintFinding; readonly reason: string; readonly at: Source };

export type Sifted = { readonly kept: readonly LintFinding[]; readonly suppressed: readonly Suppressed[] };

/** `rules` are all that there are, so that a code that is none can be told. */
export function sift(
  findings: readonly LintFinding[],
  suppressions: readonly Suppression[],
  rules: readonly Rule[],
): Sifted {
  const valid = suppressions.filter(({ reason }) => reason !== "");
  const used = new Set<Suppression>();
  const kept: LintFinding[] = [];
  const suppressed: Suppressed[] = [];
  for (const finding of findings) {
    const by = valid.find((one) => one.covers(finding));
    if (by === undefined) kept.push(finding);
    else {
      used.add(by);
      suppressed.push({ finding, reason: by.reason, at: by.at });
    }
  }
  const about = suppressions.flatMap((one): LintFinding[] => {
    const base = { object: one.object, ...one.at };
    if (!rules.some(({ code }) => code === one.code)) {
      const meant = nearest(
        one.code,
        rules.map(({ code }) => code),
      );
      return [
        {
          code: "LIMPET-L102",
          severity: "warning",
          ...base,
          message: `this suppression names ${JSON.stringify(one.code)}, which is no rule.`,
          remedy: meant === null ? "name a rule's code" : `did you mean ${meant}?`,
        },
      ];
    }
    if (one.reason === "")
      return [
        {
          code: "LIMPET-L101",
          severity: "warning",
          ...base,
          message: `this suppression of ${one.code} gives no reason, so it suppresses nothing.`,
          remedy: `say why it is accepted, after the code`,
        },
      ];
    if (used.has(one)) return [];
    return [
      {
        code: "LIMPET-L103",
        severity: "info",
        ...base,
        message: `nothing here is found by ${one.code}, which this suppresses.`,
        remedy: "take the suppression out",
      },
    ];
  });
  return { kept: [...kept, ...about], suppressed };
}
