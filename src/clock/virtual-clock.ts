import type { Clock, Timer } from "./clock.ts";

type Entry = { atUs: number; order: number; fn: () => void | Promise<void>; cancelled: boolean };

const nothing = (): void => {};

/** Time that moves only when told to, from one due timer to the next; equal times run in the order they were set. */
export class VirtualClock implements Clock {
  readonly speed = Infinity;
  readonly epochUnixSeconds: number;
  #nowUs = 0;
  #order = 0;
  readonly #heap: Entry[] = [];

  constructor(epochUnixSeconds = 1_700_000_000) {
    this.epochUnixSeconds = epochUnixSeconds;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  at(atUs: number, fn: () => void | Promise<void>): Timer {
    const entry: Entry = {
      atUs: Math.max(Math.ceil(atUs), this.#nowUs),
      order: this.#order++,
      fn,
      cancelled: false,
    };
    this.#push(entry);
    return {
      cancel: () => {
        entry.cancelled = true;
        // Its place in the heap stays until it is due; what it holds on to need not.
        entry.fn = nothing;
      },
    };
  }

  /** Runs everything due up to and including `untilUs`, then stands at `untilUs`. */
  async runUntil(untilUs: number): Promise<void> {
    for (let next = this.#heap[0]; next && next.atUs <= untilUs; next = this.#heap[0]) {
      const pending = this.step();
      if (pending) await pending;
    }
    this.#nowUs = Math.max(this.#nowUs, untilUs);
  }

  /** When the next timer is due, null without one. */
  get nextAtUs(): number | null {
    for (let next = this.#heap[0]; next; next = this.#heap[0]) {
      if (!next.cancelled) return next.atUs;
      this.#pop();
    }
    return null;
  }

  /** Runs the next timer; where it gives a promise, await it before the next step. */
  step(): void | Promise<void> {
    const next = this.#heap[0];
    if (!next) return;
    this.#pop();
    if (next.cancelled) return;
    this.#nowUs = next.atUs;
    return next.fn();
  }

  #before(a: Entry, b: Entry): boolean {
    return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
