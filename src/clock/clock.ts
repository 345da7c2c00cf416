/**
 * Time, as the bench sees it. Topology time is counted in whole microseconds from the epoch of the run; at
 * `speed` N one real second is N seconds of it. What decides never reads a clock: it is handed the time.
 */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Topology time now: whole microseconds since the run's epoch. Never goes back. */
  nowUs(): number;
  /**
   * Calls `fn` at `atUs` or, where the machine is busy, later; at once (but not within this call) if that has passed.
   * A callback may return a promise, which a virtual clock awaits before it moves on; so a callback never waits
   * on the clock itself, it sets another timer.
   */
  at(atUs: number, fn: () => void | Promise<void>): Timer;
  /** How many microseconds of topology time pass in a real one; `Infinity` for virtual time. */
  readonly speed: number;
  /** The wall-clock date of the epoch, in whole seconds, so that truncating to seconds means the same in both. */
  readonly epochUnixSeconds: number;
}

export const secondsToUs = (seconds: number): number => Math.round(seconds * 1e6);
export const usToSeconds = (us: number): number => us / 1e6;

/** Unix time in whole milliseconds (truncated), as Prometheus stamps samples. */
export const unixMsAt = (clock: Pick<Clock, "epochUnixSeconds">, atUs: number): number =>
  clock.epochUnixSeconds * 1000 + Math.floor(atUs / 1000);

/** Resolves `us` microseconds of topology time from now, or at once when `signal` aborts. */
export function sleep(clock: Clock, us: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.at(clock.nowUs() + us, done);
    signal?.addEventListener("abort", done);
  });
}
