/** A tier's replica timeline as the times at which each level was first reached: comparable whatever steps led there. */
import type { StepFacts } from "./facts.ts";

export type Level = {
  readonly direction: "up" | "down";
  readonly replicas: number;
  /** Where the timeline began. */
  readonly from: number;
  /** After the step's base. */
  readonly atSeconds: number;
  /** Which write it was. */
  readonly writeUs: number;
};

/** By direction and replicas, in the order of time; `1 → 4 → 5` reaches 2, 3 and 4 in one write. */
export function levelsOf({ writes, baseUs, endUs }: StepFacts, tier: string): ReadonlyMap<string, Level> {
  const levels = new Map<string, Level>();
  const inStep = (writes[tier] ?? []).filter(({ atUs }) => atUs >= baseUs && atUs <= endUs);
  const start = inStep[0]?.from ?? 0;
  for (const { atUs, from, to } of inStep) {
    const direction = to > from ? "up" : "down";
    const sign = to > from ? 1 : -1;
    for (let replicas = from + sign; ; replicas += sign) {
      const key = `${direction} ${replicas}`;
      if (!levels.has(key))
        levels.set(key, {
          direction,
          replicas,
          from: start,
          atSeconds: (atUs - baseUs) / 1e6,
          writeUs: atUs,
        });
      if (replicas === to) break;
    }
  }
  return levels;
}
