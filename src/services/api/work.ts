import type { Clock, Timer } from "../../clock/clock.ts";

export type WorkEnd = "done" | "refused" | "abandoned" | "expired";

type Job = {
  readonly durationUs: number;
  readonly deadlineUs: number;
  finish(end: WorkEnd): void;
  settled: boolean;
  timer: Timer | null;
};

/**
 * Simulated work: a timer a job, never a blocked thread, so health and metrics answer at once under any load. At most
 * `maxConcurrency` jobs run, `queueLimit` more wait in order of arrival, the rest are refused.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #maxConcurrency: number;
  readonly #queueLimit: number;
  #running = 0;
  /** Settled jobs stay in here until their turn comes; `#waitingCount` leaves them out. */
  #waiting: Job[] = [];
  #waitingCount = 0;

  constructor(clock: Clock, maxConcurrency: number, queueLimit: number) {
    this.#clock = clock;
    this.#maxConcurrency = maxConcurrency;
    this.#queueLimit = queueLimit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waitingCount;
  }

  /**
   * Resolves `done` after `durationUs` of work, `refused` when the queue is full, `abandoned` when `signal` aborts,
   * `expired` when its turn comes after `deadlineUs`.
   */
  run(durationUs: number, deadlineUs: number, signal: AbortSignal): Promise<WorkEnd> {
    if (signal.aborted) return Promise.resolve("abandoned");
    const free = this.#running < this.#maxConcurrency;
    if (!free && this.#waitingCount >= this.#queueLimit) return Promise.resolve("refused");
    return new Promise((resolve) => {
      const abandon = (): void => {
        if (job.settled) return;
        const wasRunning = job.timer !== null;
        job.finish("abandoned");
        if (wasRunning) this.#release();
        else this.#dropWaiting();
      };
      const job: Job = {
        durationUs,
        deadlineUs,
        settled: false,
        timer: null,
        finish: (end) => {
          job.settled = true;
          job.timer?.cancel();
          signal.removeEventListener("abort", abandon);
          resolve(end);
        },
      };
      signal.addEventListener("abort", abandon);
      if (free) return this.#start(job);
      this.#waitingCount++;
      this.#waiting.push(job);
    });
  }

  #start(job: Job): void {
    this.#running++;
    job.timer = this.#clock.at(this.#clock.nowUs() + job.durationUs, () => {
      if (job.settled) return;
      job.finish("done");
      this.#release();
    });
  }

  #release(): void {
    this.#running--;
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
      if (job.settled) continue;
      this.#waitingCount--;
      if (this.#clock.nowUs() > job.deadlineUs) {
        job.finish("expired");
        continue;
      }
      return this.#start(job);
    }
  }

  #dropWaiting(): void {
    this.#waitingCount--;
    // Clients that come and go must not fill the queue with jobs that nobody waits for.
    if (this.#waiting.length > 2 * this.#waitingCount + 16) {
      this.#waiting = this.#waiting.filter((job) => !job.settled);
    }
  }
}
