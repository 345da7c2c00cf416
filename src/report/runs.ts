/** Many runs of the same tests over seeds: distributions instead of one number. Pure. */
import type { CheckResult, VerdictKind } from "../events/types.ts";

export type RunCheck = Pick<CheckResult, "name" | "measured" | "limit" | "unit" | "verdict" | "reason">;

/** What is kept of one run. */
export type RunOutcome = {
  readonly seed: number;
  /** Of its event log, as `limpet test --seed` would write it. */
  readonly digest: string;
  readonly topologyUs: number;
  readonly scenarios: readonly {
    readonly name: string;
    readonly verdict: VerdictKind;
    readonly checks: readonly RunCheck[];
  }[];
};

/** Nearest-rank quantiles: each is a value that was really measured. */
export type Spread = {
  readonly samples: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};

export type CheckSpread = {
  readonly name: string;
  readonly limit: string;
  readonly unit: string;
  /** Null for a figure that is only reported. */
  readonly passes: number | null;
  /** Null where no run gave a number. */
  readonly measured: Spread | null;
};

export type Failure = {
  readonly seed: number;
  readonly scenario: string;
  readonly check: string;
  readonly verdict: CheckResult["verdict"];
  readonly measured: CheckResult["measured"];
  readonly unit: string;
  readonly reason: string;
};

export type RunsSummary = {
  readonly runs: number;
  /** Runs in which every scenario passed. */
  readonly passes: number;
  readonly topologySeconds: number;
  readonly scenarios: readonly {
    readonly name: string;
    readonly runs: number;
    readonly passes: number;
    readonly checks: readonly CheckSpread[];
  }[];
  /** In the order of seeds: the first check of each scenario that did not pass. */
  readonly failures: readonly Failure[];
};

export function quantile(sorted: readonly number[], share: number): number {
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(share * sorted.length)));
  return sorted[rank - 1] ?? Number.NaN;
}

export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return {
    samples: sorted.length,
    min: sorted[0]!,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1)!,
  };
}

const isWrong = ({ verdict }: RunCheck): boolean => verdict !== "pass" && verdict !== "reported";

function checkSpread(found: readonly RunCheck[]): CheckSpread {
  const { name, limit, unit } = found[0]!;
  const judged = found.filter(({ verdict }) => verdict !== "reported");
  return {
    name,
    limit,
    unit,
    passes: judged.length === 0 ? null : judged.filter(({ verdict }) => verdict === "pass").length,
    measured: spreadOf(found.flatMap(({ measured }) => (typeof measured === "number" ? [measured] : []))),
  };
}

/** `outcomes` in the order of their seeds. */
export function summarizeRuns(outcomes: readonly RunOutcome[]): RunsSummary {
  const names = [...new Set(outcomes.flatMap(({ scenarios }) => scenarios.map(({ name }) => name)))];
  const scenarios = names.map((name) => {
    const found = outcomes.flatMap((run) => run.scenarios.filter((scenario) => scenario.name === name));
    // By place, not by name: a scenario may measure the same thing of several loads.
    const checks = found[0]!.checks.map((_, place) => found.flatMap((one) => one.checks[place] ?? []));
    return {
      name,
      runs: found.length,
      passes: found.filter(({ verdict }) => verdict === "pass").length,
      checks: checks.map(checkSpread),
    };
  });
  return {
    runs: outcomes.length,
    passes: outcomes.filter((run) => run.scenarios.every(({ verdict }) => verdict === "pass")).length,
    topologySeconds: outcomes.reduce((sum, { topologyUs }) => sum + topologyUs, 0) / 1e6,
    scenarios,
    failures: outcomes.flatMap(({ seed, scenarios: all }) =>
      all.flatMap(({ name, checks }): Failure[] => {
        const wrong = checks.find(isWrong);
        if (!wrong) return [];
        const { verdict, measured, unit, reason } = wrong;
        return [{ seed, scenario: name, check: wrong.name, verdict, measured, unit, reason }];
      }),
    ),
  };
}
