import type { Clock, Timer } from "../../clock/clock.ts";

const LEAST_REAL_MS = 1000;

/**
 * A time-out that guards real input and output: `ms` of topology time, but never under a second of real time
 * (unless it was shorter to begin with), since the machine does not get faster with the clock.
 */
export function guardTimer(clock: Clock, ms: number, fn: () => void): Timer {
  const realMs = Math.max(ms / clock.speed, Math.min(ms, LEAST_REAL_MS));
  return clock.at(clock.nowUs() + Math.ceil(realMs * 1000 * clock.speed), fn);
}
