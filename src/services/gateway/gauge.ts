import { type Clock, secondsToUs, type Timer, usToSeconds } from "../../clock/clock.ts";
import type { Log } from "../shared/log.ts";

/**
 * Runs `task` every `intervalSeconds` of topology time, the first time after one interval. A task that throws is logged and
 * counted, and makes `healthy` false until it succeeds again; it never ends the series.
 */
export class Supervised {
  readonly #clock: Clock;
  readonly #task: () => void;
  readonly #intervalUs: number;
  readonly #onFailure: (error: unknown) => void;
  #timer: Timer | null = null;
  healthy = true;

  constructor(clock: Clock, intervalSeconds: number, task: () => void, onFailure: (error: unknown) => void) {
    this.#clock = clock;
    this.#intervalUs = secondsToUs(intervalSeconds);
    this.#task = task;
    this.#onFailure = onFailure;
  }

  start(): void {
    this.#arm(this.#clock.nowUs() + this.#intervalUs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(dueUs: number): void {
    this.#timer = this.#clock.at(dueUs, () => {
      try {
        this.#task();
        this.healthy = true;
      } catch (error) {
        this.healthy = false;
        this.#onFailure(error);
      }
      // On its schedule however late this run was, but never a burst to catch up.
      this.#arm(Math.max(dueUs + this.#intervalUs, this.#clock.nowUs()));
    });
  }
}

/**
 * The numbers that the gauge shows: counted at each look where the interval is 0, else those of the last refresh, and none
 * before the first (as the original document's loop has it).
 */
export class ActiveTenantsGauge {
  readonly #clock: Clock;
  readonly #tiers: readonly string[];
  readonly #count: (tier: string) => number | undefined;
  readonly #loop: Supervised | null;
  #shown: ReadonlyMap<string, number | undefined> = new Map();
  #refreshedUs: number;

  constructor(options: {
    readonly clock: Clock;
    readonly tiers: readonly string[];
    readonly intervalSeconds: number;
    readonly log: Log;
    /** Active tenants of a tier now; undefined while that is not known. */
    readonly count: (tier: string) => number | undefined;
    readonly onFailure: () => void;
  }) {
    this.#clock = options.clock;
    this.#tiers = options.tiers;
    this.#count = options.count;
    this.#refreshedUs = options.clock.nowUs();
    this.#loop =
      options.intervalSeconds === 0
        ? null
        : new Supervised(
            options.clock,
            options.intervalSeconds,
            () => this.#refresh(),
            (error) => {
              options.onFailure();
              options.log("error", "the gauge of active tenants was not refreshed", {
                detail: String(error),
              });
            },
          );
  }

  get healthy(): boolean {
    return this.#loop?.healthy ?? true;
  }

  start(): void {
    this.#loop?.start();
  }

  stop(): void {
    this.#loop?.stop();
  }

  shown(tier: string): number | undefined {
    return this.#loop === null ? this.#count(tier) : this.#shown.get(tier);
  }

  ageSeconds(): number {
    return this.#loop === null ? 0 : usToSeconds(this.#clock.nowUs() - this.#refreshedUs);
  }

  #refresh(): void {
    this.#shown = new Map(this.#tiers.map((tier) => [tier, this.#count(tier)]));
    this.#refreshedUs = this.#clock.nowUs();
  }
}
