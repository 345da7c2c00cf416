/**
 * How long a piece of work takes, and how many times as long as the least that could do it. Both are measured side by side in
 * each round, in random order, so that a busy or throttled machine slows both; the median of the rounds' ratios is what
 * is told, and can be compared between machines.
 */
import { stream } from "../src/seed/seed.ts";

export type Case = {
  readonly name: string;
  /** What one operation is: `lookup`. */
  readonly unit: string;
  /** Operations in one call of `work`, and in one of `bare`. */
  readonly operations: number;
  /** Answers something, so that nothing can be left out as unused. */
  readonly work: () => number;
  /** The bare hash or loop under it. */
  readonly bare: () => number;
  /** What `bare` is, in words. */
  readonly against: string;
};

export type Measured = {
  readonly case: Case;
  /** Medians, nanoseconds for one operation. */
  readonly workNs: number;
  readonly bareNs: number;
  readonly ratio: number;
};

const ROUNDS = 25;
/** A sample shorter than this says more about the timer than about the work. */
const SAMPLE_MS = 4;
const WARM_UP_MS = 150;

let sink = 0;

function timed(run: () => number, calls: number): number {
  const startedMs = performance.now();
  for (let call = 0; call < calls; call++) sink = (sink + run()) | 0;
  return performance.now() - startedMs;
}

/** How many calls fill a sample, found while the compiler warms up. */
function callsFor(run: () => number): number {
  let calls = 1;
  let spentMs = 0;
  while (spentMs < WARM_UP_MS) {
    const ms = timed(run, calls);
    spentMs += ms;
    if (ms < SAMPLE_MS) calls *= 2;
  }
  return calls;
}

export function measure(cases: readonly Case[], seed: number): Measured[] {
  const random = stream(seed, "bench");
  const calls = cases.map(({ work, bare }) => ({ work: callsFor(work), bare: callsFor(bare) }));
  const rounds = cases.map(() => ({ work: [] as number[], bare: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of random.shuffled([...cases.keys()])) {
      for (const which of random.shuffled(["work", "bare"] as const)) {
        const count = calls[index]![which];
        const ms = timed(cases[index]![which], count);
        rounds[index]![which].push((ms * 1e6) / (count * cases[index]!.operations));
      }
    }
  }
  return cases.map((one, index) => {
    const { work, bare } = rounds[index]!;
    return {
      case: one,
      workNs: median(work),
      bareNs: median(bare),
      ratio: median(work.map((ns, round) => ns / bare[round]!)),
    };
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Three digits that matter, in the unit that fits. */
export function duration(ns: number): string {
  for (const [unit, size] of [
    ["s", 1e9],
    ["ms", 1e6],
    ["µs", 1e3],
  ] as const)
    if (ns >= size) return `${(ns / size).toPrecision(3)} ${unit}`;
  return `${ns.toPrecision(3)} ns`;
}

/** What was computed, so that the compiler must compute it. */
export const checksum = (): number => sink;
