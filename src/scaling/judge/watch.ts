/** Many random courses through `replay()`, each pass held by the observer against the rules of the reference. */
import { stream } from "../../seed/seed.ts";
import { replay, type PassRow } from "../replay.ts";
import type { TraceLine } from "../trace.ts";
import { Observer } from "./observer.ts";
import { randomTrace } from "./random-trace.ts";

export type Watched = {
  /** The rules that were broken, with the trace's number. */
  readonly broken: readonly string[];
  /** How often each rule came up. */
  readonly checked: Readonly<Record<string, number>>;
  readonly passes: number;
};

/** Trace `index` of a seed, to look at one again. */
export const traceOf = (seed: number, index: number): TraceLine[] =>
  randomTrace(stream(seed, `fuzz/${index}`));

/** Every rule that a pass broke. */
export function watch(lines: readonly TraceLine[], observer: Observer, rows: Iterable<PassRow>): string[] {
  const broken: string[] = [];
  let next = 0;
  for (const row of rows) {
    for (; next < lines.length && lines[next]!.tUs <= Math.round(row.t * 1e6); next++)
      observer.take(lines[next]!);
    broken.push(...observer.judge(row));
  }
  return broken;
}

export function watchTraces(seed: number, count: number): Watched {
  const checked: Record<string, number> = {};
  const broken: string[] = [];
  let passes = 0;
  for (let index = 0; index < count; index++) {
    const lines = traceOf(seed, index);
    const observer = new Observer();
    const rows = [...replay(lines)];
    passes += rows.length;
    broken.push(...watch(lines, observer, rows).map((rule) => `trace ${index}, ${rule}`));
    for (const [rule, times] of Object.entries(observer.checked))
      checked[rule] = (checked[rule] ?? 0) + times;
  }
  return { broken, checked, passes };
}
