import { type Clock, secondsToUs } from "../../clock/clock.ts";

/**
 * How long a limit on real input and output is in topology time: as configured, but never less than one real second,
 * which the machine needs however fast topology time runs.
 */
export function guardUs(clock: Pick<Clock, "speed">, seconds: number): number {
  return secondsToUs(Number.isFinite(clock.speed) ? Math.max(seconds, clock.speed) : seconds);
}

/** The same limit in real milliseconds, for what can only be told in those. */
export const guardRealMs = (clock: Pick<Clock, "speed">, seconds: number): number =>
  Math.max(1000, Math.round((seconds * 1000) / (Number.isFinite(clock.speed) ? clock.speed : 1)));
