/**
 * Drives a virtual clock for people outside it who wait with promises. Time stands still while they work; it goes on, from
 * one due timer to the next, only once all they could do without time is done and somebody waits. So a run depends on
 * nothing but its seed, however busy the machine is.
 */
import type { Clock, Timer } from "../../clock/clock.ts";
import { VirtualClock } from "../../clock/virtual-clock.ts";

/** Steps after which the machine's own events (a Ctrl-C, say) get a turn; they move no virtual time. */
const STEPS_AT_A_STRETCH = 5_000;

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

export class VirtualTime {
  /** For what runs inside: callbacks, no promises that wait for another timer. */
  readonly inner = new VirtualClock();
  /** For those outside: whoever sets a timer here has it fire with all promises settled before time goes on. */
  readonly outer: Clock;
  #waiting = 0;
  #turnWanted = false;
  #stopped = false;
  #wake: () => void = () => {};

  constructor() {
    const { inner } = this;
    this.outer = {
      speed: inner.speed,
      epochUnixSeconds: inner.epochUnixSeconds,
      nowUs: () => inner.nowUs(),
      at: (atUs, fn) => this.#outerTimer(atUs, fn),
    };
    void this.#drive();
  }

  /** A promise was settled by what runs inside: who waits for it goes first. */
  wantTurn(): void {
    this.#turnWanted = true;
  }

  /** Somebody outside waits for `done` to be called, which only time brings about. */
  wait<T>(start: (done: (result: T) => void) => void): Promise<T> {
    return new Promise((resolve) => {
      const over = this.#begin();
      start((result) => {
        over();
        resolve(result);
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  #begin(): () => void {
    let open = true;
    this.#waiting++;
    this.#wake();
    return () => {
      if (!open) return;
      open = false;
      this.#waiting--;
      this.#turnWanted = true;
    };
  }

  #outerTimer(atUs: number, fn: () => void | Promise<void>): Timer {
    const over = this.#begin();
    const timer = this.inner.at(atUs, () => {
      over();
      return fn();
    });
    return {
      cancel: () => {
        over();
        timer.cancel();
      },
    };
  }

  async #drive(): Promise<void> {
    while (!this.#stopped) {
      await turn();
      if (this.#waiting === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      this.#turnWanted = false;
      for (let steps = 0; steps < STEPS_AT_A_STRETCH && !this.#turnWanted && !this.#stopped; steps++) {
        const pending = this.inner.step();
        if (pending) await pending;
      }
    }
  }
}
