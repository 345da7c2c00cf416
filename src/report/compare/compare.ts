/**
 * Two runs of the same scenarios, held beside each other: do they agree as two engines must? Owners are equal wherever
 * host sets are equal; times differ by at most one interval of each control loop on the path plus the measured process
 * time. Pure.
 */
import { levelsOf, type Level } from "./levels.ts";
import type { RunFacts, ScenarioFacts, StepFacts } from "./facts.ts";

export type ComparedVerdict = "agree" | "differ" | "reported";

export type ComparedRow = {
  readonly measure: string;
  readonly a: number | string | null;
  readonly b: number | string | null;
  readonly unit: string;
  /** Null where one of them is no number. */
  readonly difference: number | null;
  /** The greatest difference that is no disagreement; null where the row is only reported. */
  readonly allowed: number | null;
  readonly verdict: ComparedVerdict;
  /** What the allowance is made of, or what was compared. */
  readonly note: string;
};

export type ComparedScenario = {
  readonly name: string;
  readonly agree: boolean;
  readonly rows: readonly ComparedRow[];
};

export type Comparison = {
  readonly agree: boolean;
  readonly scenarios: readonly ComparedScenario[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
};

/** KEDA's whole-second `time=` may hide the last sample for so long. */
const WHOLE_SECOND = 1;
/** What a program may take for a request beyond its work: no loop is waited for. */
const REQUEST_SECONDS = 1;
const HIT_RATE_POINTS = 1;

/** What a time may differ by: named parts, seconds. */
type Allowance = readonly (readonly [name: string, seconds: number])[];

const rounded = (value: number): number => Math.round(value * 10) / 10;
const total = (parts: Allowance): number => rounded(parts.reduce((sum, [, seconds]) => sum + seconds, 0));
const words = (parts: Allowance): string =>
  parts
    .filter(([, seconds]) => rounded(seconds) > 0)
    .map(([name, seconds]) => `${name} ${rounded(seconds)}`)
    .join(" + ");

/** The intervals of the control loops, the longer of the two runs' where they differ. */
class Loops {
  readonly #a: ScenarioFacts;
  readonly #b: ScenarioFacts;

  constructor(a: ScenarioFacts, b: ScenarioFacts) {
    this.#a = a;
    this.#b = b;
  }

  #of(name: string): number {
    const value = (facts: ScenarioFacts): number => Number(facts.values[name] ?? 0) || 0;
    return Math.max(value(this.#a), value(this.#b));
  }

  get #metric(): Allowance {
    const late = Math.max(this.#a.latenessUs, this.#b.latenessUs) / 1e6;
    return [
      ["gauge", this.#of("gaugeInterval")],
      ["scrape", this.#of("scrape")],
      ["whole second", WHOLE_SECOND],
      ["timers late", late],
    ];
  }

  /** To a write of KEDA's. */
  get keda(): Allowance {
    return [...this.#metric, ["poll", this.#of("pollingInterval")]];
  }

  /** To a write of the HPA's, which on the way up comes after KEDA's. */
  get hpa(): Allowance {
    return [...this.#metric, ["sync", this.#of("sync")]];
  }

  get hpaAfterKeda(): Allowance {
    return [...this.keda, ["sync", this.#of("sync")]];
  }

  /** To an answer of a pod that is there. */
  get request(): Allowance {
    return [
      ["request", REQUEST_SECONDS],
      ["timers late", Math.max(this.#a.latenessUs, this.#b.latenessUs) / 1e6],
    ];
  }

  /** To an answer that waits for a pod. */
  get answer(): Allowance {
    const start = Math.max(this.#a.podStartUs, this.#b.podStartUs) / 1e6;
    return [...this.keda, ["pod start", start]];
  }
}

function timeRow(measure: string, a: number | null, b: number | null, allowance: Allowance): ComparedRow {
  const difference = a === null || b === null ? null : rounded(Math.abs(a - b));
  const allowed = total(allowance);
  const agree = a === null || b === null ? a === b : difference! <= allowed;
  return {
    measure,
    a: a === null ? null : rounded(a),
    b: b === null ? null : rounded(b),
    unit: "s",
    difference,
    allowed,
    verdict: agree ? "agree" : "differ",
    note: words(allowance),
  };
}

/** Both runs' steps of the same name, in the order of the first. */
const stepsOfBoth = (a: ScenarioFacts, b: ScenarioFacts): (readonly [StepFacts, StepFacts])[] =>
  a.steps.flatMap((step) => {
    const other = b.steps.find((one) => one.step === step.step);
    return other ? [[step, other] as const] : [];
  });

const tiersOf = (...steps: readonly StepFacts[]): string[] => [
  ...new Set(steps.flatMap(({ writes }) => Object.keys(writes))),
];

const inStep = (facts: ScenarioFacts, { step }: StepFacts): string =>
  facts.steps.length > 1 ? `${step}: ` : "";

function timelineRows(a: ScenarioFacts, b: ScenarioFacts, loops: Loops): ComparedRow[] {
  return stepsOfBoth(a, b).flatMap(([one, other]) =>
    tiersOf(one, other).flatMap((tier) => {
      const [ours, theirs] = [levelsOf(one, tier), levelsOf(other, tier)];
      const keys = [...new Set([...ours.keys(), ...theirs.keys()])];
      return merged(
        keys.map((key) => {
          const [level, match] = [ours.get(key), theirs.get(key)];
          return { key, level, match };
        }),
      ).flatMap(({ level, match }): ComparedRow[] => {
        const known = (level ?? match)!;
        // A drain to zero is told from the last answer on.
        if (known.direction === "down" && known.replicas === 0) return [];
        const allowance = allowanceOf(known, loops);
        const measure = `${inStep(a, one)}${tier} ${known.direction} to ${known.replicas}`;
        const [seconds, matched] = [level?.atSeconds ?? null, match?.atSeconds ?? null];
        const row = timeRow(measure, seconds, matched, allowance);
        if (row.difference !== null) return [row];
        // One of them came just before the step was over, the other would have come just after.
        const there = (seconds ?? matched)!;
        const absent = seconds === null ? one : other;
        const left = (absent.endUs - absent.baseUs) / 1e6 - there;
        const cut = left <= total(allowance);
        return [
          { ...row, verdict: cut ? "agree" : "differ", note: cut ? "at the end of the step" : row.note },
        ];
      });
    }),
  );
}

type Pair = { readonly key: string; readonly level: Level | undefined; readonly match: Level | undefined };

/** Levels that both runs reached in one write are one row, that of the last of them. */
function merged(pairs: readonly Pair[]): Pair[] {
  const same = (x: Level | undefined, y: Level | undefined): boolean => x?.writeUs === y?.writeUs;
  return pairs.filter(({ level, match }, at) => {
    const next = pairs[at + 1];
    const direction = (level ?? match)!.direction;
    return !(
      next &&
      (next.level ?? next.match)!.direction === direction &&
      same(next.level, level) &&
      same(next.match, match)
    );
  });
}

function allowanceOf({ direction, replicas, from }: Level, loops: Loops): Allowance {
  if (direction === "down") return replicas === 0 ? loops.keda : loops.hpa;
  if (replicas === 1 && from === 0) return loops.keda;
  return from === 0 ? loops.hpaAfterKeda : loops.hpa;
}

function toZeroRows(a: ScenarioFacts, b: ScenarioFacts, loops: Loops): ComparedRow[] {
  return stepsOfBoth(a, b).flatMap(([one, other]) =>
    tiersOf(one, other).flatMap((tier): ComparedRow[] => {
      const seconds = (step: StepFacts): number | null => {
        const last = step.lastAnswerUs[tier];
        const zero = step.writes[tier]?.find(({ atUs, to }) => to === 0 && atUs >= (last ?? Infinity));
        return zero && last !== undefined ? (zero.atUs - last) / 1e6 : null;
      };
      const [ours, theirs] = [seconds(one), seconds(other)];
      if (ours === null && theirs === null) return [];
      return [timeRow(`${inStep(a, one)}${tier} last answer to zero`, ours, theirs, loops.keda)];
    }),
  );
}

function firstResponseRows(a: ScenarioFacts, b: ScenarioFacts, loops: Loops): ComparedRow[] {
  const loads = Object.keys(a.firstResponses).filter((load) => b.firstResponses[load]);
  return loads.map((load) => {
    const seconds = (facts: ScenarioFacts): number | null => {
      const { latencyUs } = facts.firstResponses[load]!;
      return latencyUs === null ? null : latencyUs / 1e6;
    };
    const name = loads.length > 1 ? `${load}: first response` : "first response";
    const warm = a.firstResponses[load]!.warm && b.firstResponses[load]!.warm;
    return timeRow(name, seconds(a), seconds(b), warm ? loops.request : loops.answer);
  });
}

function ownersRow(a: ScenarioFacts, b: ScenarioFacts): ComparedRow {
  let compared = 0;
  let sets = 0;
  const differing: string[] = [];
  for (const [set, owners] of a.hosts.owners) {
    const others = b.hosts.owners.get(set);
    if (!others) continue;
    sets++;
    for (const [tenant, pods] of owners) {
      const theirs = others.get(tenant);
      if (!theirs) continue;
      compared++;
      const list = (names: ReadonlySet<string>): string => [...names].sort().join(", ");
      if (list(pods) !== list(theirs)) differing.push(`${tenant}: ${list(pods)} / ${list(theirs)}`);
    }
  }
  const base = { measure: "owners, where host sets are equal", a: compared, unit: "tenants" };
  if (compared === 0)
    return {
      ...base,
      b: compared,
      difference: null,
      allowed: null,
      verdict: "reported",
      note: "no set of pods in common",
    };
  return {
    ...base,
    b: compared - differing.length,
    difference: differing.length,
    allowed: 0,
    verdict: differing.length === 0 ? "agree" : "differ",
    note: differing.length === 0 ? `${sets} ${sets === 1 ? "set" : "sets"} of pods` : shown(differing),
  };
}

const shown = (lines: readonly string[]): string =>
  lines.slice(0, 3).join("; ") + (lines.length > 3 ? `; and ${lines.length - 3} more` : "");

/** Who moved at the steps from one set of pods to another that both runs took. */
function movesRow(a: ScenarioFacts, b: ScenarioFacts): ComparedRow | null {
  let [ours, theirs, steps] = [0, 0, 0];
  const differing: string[] = [];
  for (const [step, moved] of a.hosts.steps) {
    const other = b.hosts.steps.get(step);
    if (!other) continue;
    steps++;
    for (const [tenant, here] of moved) {
      const there = other.get(tenant);
      if (there === undefined) continue;
      ours += Number(here);
      theirs += Number(there);
      if (here !== there) differing.push(tenant);
    }
  }
  const base = { measure: "tenants moved, at equal steps", unit: "tenants" };
  if (steps === 0) {
    if (a.moves === 0 && b.moves === 0) return null;
    const note = "no step from one set of pods to another in common; all moves";
    return { ...base, a: a.moves, b: b.moves, difference: null, allowed: null, verdict: "reported", note };
  }
  return {
    ...base,
    a: ours,
    b: theirs,
    difference: differing.length,
    allowed: 0,
    verdict: differing.length === 0 ? "agree" : "differ",
    note: differing.length === 0 ? `${steps} ${steps === 1 ? "step" : "steps"}` : shown(differing),
  };
}

function hitRateRow(a: ScenarioFacts, b: ScenarioFacts): ComparedRow {
  const percent = ({ hits, misses }: ScenarioFacts): number | null =>
    hits + misses === 0 ? null : Math.round((hits / (hits + misses)) * 10_000) / 100;
  const [ours, theirs] = [percent(a), percent(b)];
  const difference = ours === null || theirs === null ? null : Math.abs(ours - theirs);
  return {
    measure: "hit rate",
    a: ours,
    b: theirs,
    unit: "%",
    difference: difference === null ? null : Math.round(difference * 100) / 100,
    allowed: HIT_RATE_POINTS,
    verdict: (difference === null ? ours === theirs : difference <= HIT_RATE_POINTS) ? "agree" : "differ",
    note: "percentage points",
  };
}

/** A verdict that the bench could not come to says nothing of the engines. */
function verdictRow(a: ScenarioFacts, b: ScenarioFacts): ComparedRow {
  const judged = [a, b].every(({ verdict }) => verdict === "pass" || verdict === "fail");
  return {
    measure: "verdict",
    a: a.verdict,
    b: b.verdict,
    unit: "",
    difference: null,
    allowed: null,
    verdict: judged ? (a.verdict === b.verdict ? "agree" : "differ") : "reported",
    note: judged ? "" : "one of them came to no pass or fail",
  };
}

function compareScenario(a: ScenarioFacts, b: ScenarioFacts): ComparedScenario {
  const loops = new Loops(a, b);
  const moves = movesRow(a, b);
  const rows = [
    verdictRow(a, b),
    ...firstResponseRows(a, b, loops),
    ...timelineRows(a, b, loops),
    ...toZeroRows(a, b, loops),
    ownersRow(a, b),
    ...(moves ? [moves] : []),
    hitRateRow(a, b),
  ];
  return { name: a.scenario, agree: rows.every(({ verdict }) => verdict !== "differ"), rows };
}

/** Scenarios that both runs have, in the order of the first. */
export function compareRuns(a: RunFacts, b: RunFacts): Comparison {
  const both = [...a.scenarios].flatMap(([name, facts]) => {
    const other = b.scenarios.get(name);
    return other ? [compareScenario(facts, other)] : [];
  });
  return {
    agree: both.every(({ agree }) => agree),
    scenarios: both,
    onlyInA: [...a.scenarios.keys()].filter((name) => !b.scenarios.has(name)),
    onlyInB: [...b.scenarios.keys()].filter((name) => !a.scenarios.has(name)),
  };
}
