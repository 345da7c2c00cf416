/** What the verdicts of a run come to. */
import type { Verdict } from "./types.ts";

/**
 * For each scenario the verdict that counts, in the order in which they were first run; one whose second attempt never
 * came counts as undecided.
 */
export function counting(verdicts: readonly Verdict[]): Verdict[] {
  const last = new Map<string, Verdict>();
  for (const verdict of verdicts) last.set(verdict.scenario, verdict);
  return [...last.values()].map((verdict) =>
    verdict.counts ? verdict : { ...verdict, verdict: "undecided" },
  );
}

/** Attempts that do not count, because timers were late. */
export const firstAttempts = (verdicts: readonly Verdict[]): Verdict[] =>
  verdicts.filter(({ counts }) => !counts);

/** 0: every verdict is a pass; 1: a check failed, or is undecided or void. */
export const exitCode = (verdicts: readonly Verdict[]): 0 | 1 =>
  counting(verdicts).every(({ verdict }) => verdict === "pass") ? 0 : 1;
