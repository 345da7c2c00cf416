/** What a check is: data about itself, and a pure function from an attempt's evidence to a measured value. */
import type { CheckResult } from "../../events/types.ts";
import type { Cause } from "../causes.ts";
import type { Evidence, Interval } from "../evidence.ts";
import type { Plan, PlannedLoad } from "../plan.ts";

export type NumberField = {
  readonly about: string;
  /** An expression; a field without one must be given. */
  readonly default?: number | string;
};

export type CheckInput<N extends string = string> = {
  readonly evidence: Evidence;
  readonly plan: Plan;
  /** Never empty. */
  readonly loads: readonly PlannedLoad[];
  readonly other: PlannedLoad | null;
  /** The tier of the first load. */
  readonly tier: string;
  readonly numbers: Readonly<Record<N, number>>;
  /** From the first load's first possible request to the last load's last; null where they never began. */
  readonly interval: Interval | null;
};

/** A result without its name, and the stretch of time that it was measured in. */
export type Measured = Omit<CheckResult, "name"> & { readonly interval: Interval | null };

export type Check<N extends string = string> = {
  readonly kind: string;
  /** As the results table names it. */
  readonly title: string;
  readonly about: string;
  readonly numbers: Readonly<Record<N, NumberField>>;
  /** Whether it compares with a second load (`with`). */
  readonly comparesLoads: boolean;
  /**
   * How late the bench's timers may have been within the measured stretch. A timed check is spoilt by more, whatever it
   * found; any other only if it did not pass: that a machine was slow never makes a count come out right.
   */
  readonly marginSeconds: number;
  readonly timed: boolean;
  readonly measure: (input: CheckInput<N>) => Measured;
};

type Definition<N extends string> = Omit<Check<N>, "marginSeconds" | "timed" | "comparesLoads"> &
  Partial<Pick<Check<N>, "marginSeconds" | "timed" | "comparesLoads">>;

/** Fills in what most checks share: untimed, a margin of 5 s, no second load. */
export function defineCheck<N extends string>(definition: Definition<N>): Check {
  return { marginSeconds: 5, timed: false, comparesLoads: false, ...definition };
}

type Facts = {
  readonly measured: number | string | null;
  readonly limit: string;
  readonly unit: string;
  readonly samples: number;
  readonly of?: number;
  readonly interval: Interval | null;
};

export const passed = (facts: Facts, reason = ""): Measured => ({ ...facts, verdict: "pass", reason });

export const reported = (facts: Omit<Facts, "limit">, reason = ""): Measured => ({
  ...facts,
  limit: "reported",
  verdict: "reported",
  reason,
});

export const undecided = (facts: Facts, reason: string): Measured => ({
  ...facts,
  verdict: "undecided",
  reason,
});

/** Fails with the first cause that the log gives, the cause before the symptom. */
export function failed(facts: Facts, seen: string, ...causes: readonly (Cause | null)[]): Measured {
  const cause = causes.find((given) => given !== null) ?? null;
  return {
    ...facts,
    verdict: "fail",
    reason: [cause?.reason ?? "", seen].filter((text) => text !== "").join("\n"),
    ...(cause?.remedy === undefined ? {} : { remedy: cause.remedy }),
  };
}

/** For a stretch in which nobody was answered: the cause's fault where the log gives one, else undecided. */
export function nothingAnswered(facts: Facts, offered: number, cause: Cause | null): Measured {
  if (offered === 0) return undecided(facts, "no request was offered");
  const seen = `none of ${offered} requests was answered`;
  return cause ? failed(facts, seen, cause) : undecided(facts, seen);
}
