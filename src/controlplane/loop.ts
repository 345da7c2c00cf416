import type { Clock, Timer } from "../clock/clock.ts";

export type LoopSpec = {
  /** For the event log: `keda test-api-small-scaler`, `scrape 10.244.3.7:8000`. */
  readonly name: string;
  /** Topology time of the first pass. */
  readonly firstAtUs: number;
  readonly periodUs: number;
  readonly run: (nowUs: number) => void | Promise<void>;
  readonly onLate: (loop: string, lateUs: number) => void;
};

/**
 * Calls `run` at `firstAtUs` and every `periodUs` after that. A pass that lasts longer than the period delays the next
 * one and is not made up for, as KEDA's loop and Kubernetes' delaying queue do it.
 */
export function startLoop(clock: Clock, spec: LoopSpec): Timer {
  let stopped = false;
  let timer: Timer;
  const arm = (dueUs: number): void => {
    const again = (): void => {
      if (!stopped) arm(Math.max(dueUs + spec.periodUs, clock.nowUs()));
    };
    timer = clock.at(dueUs, () => {
      const nowUs = clock.nowUs();
      spec.onLate(spec.name, nowUs - dueUs);
      const pass = spec.run(nowUs);
      return pass ? pass.then(again) : again();
    });
  };
  arm(spec.firstAtUs);
  return {
    cancel: () => {
      stopped = true;
      timer.cancel();
    },
  };
}
