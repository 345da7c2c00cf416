/** From an attempt's evidence to its verdict. Pure. */
import { usToSeconds } from "../clock/clock.ts";
import { maxLateness } from "../events/lateness.ts";
import type { CheckResult, Verdict, VerdictKind } from "../events/types.ts";
import { restCause } from "./causes.ts";
import type { Check } from "./checks/check.ts";
import { checkOf } from "./checks/index.ts";
import type { Evidence, Interval } from "./evidence.ts";
import type { Plan, PlannedCheck } from "./plan.ts";
import { rounded, seconds } from "./words.ts";

/** What an attempt amounts to: one failure fails it; else what could not be tried, else what could not be told. */
export function overall(results: readonly Pick<CheckResult, "verdict">[]): VerdictKind {
  const order = ["fail", "void", "undecided"] as const;
  return order.find((kind) => results.some(({ verdict }) => verdict === kind)) ?? "pass";
}

function intervalOf(check: PlannedCheck, evidence: Evidence): Interval | null {
  const spans = check.loads.flatMap((load) => evidence.span(load) ?? []);
  if (spans.length === 0) return null;
  return {
    fromUs: Math.min(...spans.map(({ fromUs }) => fromUs)),
    toUs: Math.max(...spans.map(({ toUs }) => toUs)),
  };
}

/** What is said of a check that could not be measured. */
type Obstacle = Pick<CheckResult, "verdict" | "reason" | "remedy">;

type Judged = {
  readonly result: CheckResult;
  /** Timers were later than the check can bear. */ readonly late: boolean;
};

function judgeLateness(
  definition: Check,
  result: CheckResult,
  interval: Interval | null,
  context: { readonly evidence: Evidence; readonly attempt: number; readonly speed: number },
): Judged {
  // What a decision or a route in the log explains has not failed for the machine's slowness.
  const explained = result.verdict === "fail" && result.remedy !== undefined;
  const minds = !explained && (definition.timed ? result.verdict !== "reported" : result.verdict === "fail");
  const worst = interval && maxLateness(context.evidence.of("lateness"), interval.fromUs, interval.toUs);
  if (!minds || !worst || usToSeconds(worst.lateUs) <= definition.marginSeconds)
    return { result, late: false };
  if (context.attempt < 2) return { result, late: true };
  const words = `timers ran up to ${seconds(worst.lateUs)} s late (${worst.loop}) at speed ${rounded(context.speed, 2)}; the check's margin is ${definition.marginSeconds.toFixed(1)} s.`;
  return {
    result: {
      ...result,
      verdict: "undecided",
      reason: words,
      remedy: `This machine was too busy. Try --speed ${rounded(context.speed / 2, 2)}, or close other work.`,
    },
    late: true,
  };
}

export type Attempt = {
  readonly plan: Plan;
  readonly evidence: Evidence;
  readonly attempt: number;
  readonly speed: number;
  readonly atUs: number;
};

/** What keeps the whole attempt from being measured: a precondition not reached, a fault not brought about. */
function prevented({
  plan,
  evidence,
}: Attempt): { readonly first: Obstacle; readonly others: Obstacle } | null {
  const gaveUp = evidence.of("scenario").find((e) => e.what === "gaveUp" && e.on === "precondition");
  if (gaveUp) {
    const tier = gaveUp.tier ?? plan.tiers[0]?.tier ?? "";
    const begun = evidence.of("scenario").find((e) => e.what === "started");
    const cause = restCause(evidence, tier, { fromUs: begun?.atUs ?? 0, toUs: gaveUp.atUs });
    const waited = rounded(Number(gaveUp.values?.["waitedSeconds"] ?? 0), 0);
    const seen = `the precondition of "${gaveUp.step}" was not reached in ${waited} s: ${gaveUp.detail ?? ""}`;
    if (!cause) {
      const nothing: Obstacle = { verdict: "void", reason: `${seen}; nothing in the log says why` };
      return { first: nothing, others: nothing };
    }
    const remedy = cause.remedy === undefined ? {} : { remedy: cause.remedy };
    return {
      first: { verdict: "fail", reason: `${cause.reason}\n${seen}`, ...remedy },
      others: { verdict: "undecided", reason: "not measured: the precondition was not reached" },
    };
  }
  const fault = evidence.of("fault").find(({ effective }) => !effective);
  if (!fault) return null;
  const nothing: Obstacle = {
    verdict: "void",
    reason: `the fault "${fault.fault}" on ${fault.target} was not seen to take effect: ${fault.detail ?? ""}`,
  };
  return { first: nothing, others: nothing };
}

/** The verdict, and whether the attempt has to be made again because timers were late. */
export function judge(given: Attempt): { readonly verdict: Verdict; readonly late: boolean } {
  const { plan, evidence, attempt, speed, atUs } = given;
  const obstacle = prevented(given);
  const judged = plan.checks.map((check, index): Judged => {
    const definition = checkOf(check.check);
    const interval = intervalOf(check, evidence);
    const measured = definition.measure({
      evidence,
      plan,
      loads: check.loads,
      other: check.other,
      tier: check.loads[0]!.tier,
      numbers: check.numbers,
      interval,
    });
    const { interval: stretch, ...found } = measured;
    const { limit, unit } = found;
    const result = obstacle
      ? { measured: null, limit, unit, samples: 0, ...(index === 0 ? obstacle.first : obstacle.others) }
      : found;
    const named = { name: check.name ?? definition.title, ...result };
    return judgeLateness(definition, named, obstacle ? null : stretch, { evidence, attempt, speed });
  });
  const late = judged.some((one) => one.late);
  const checks = judged.map(({ result }) => result);
  const verdict: Verdict = {
    type: "verdict",
    atUs,
    scenario: plan.name,
    attempt,
    speed,
    verdict: overall(checks),
    checks,
    counts: attempt > 1 || !late,
  };
  return { verdict, late };
}
