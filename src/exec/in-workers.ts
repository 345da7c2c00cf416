/** The same program on several threads at once, each fed one task after another; results come in the order of the tasks. */
import { Worker } from "node:worker_threads";

export type WorkersOptions<Task> = {
  /** A module that answers each message (a task) with one message (its result). */
  readonly script: string;
  /** What it needs to know before its first task (`workerData`). */
  readonly data: unknown;
  readonly tasks: readonly Task[];
  readonly workers: number;
  readonly signal?: AbortSignal;
};

/** What came back, and who waits for it. */
class Results<Result> {
  readonly #done = new Map<number, Result>();
  #waiting: { readonly at: number; readonly settle: () => void } | null = null;
  #end: { readonly error: unknown } | null = null;

  add(at: number, result: Result): void {
    this.#done.set(at, result);
    if (this.#waiting?.at === at) this.#waiting.settle();
  }

  /** No more will come: with an error, or because nobody wants it any more. */
  end(error: unknown): void {
    this.#end ??= { error };
    this.#waiting?.settle();
  }

  /** The result of a task; null where no more will come. */
  async take(at: number): Promise<{ readonly result: Result } | null> {
    if (!this.#done.has(at) && this.#end === null)
      await new Promise<void>((settle) => (this.#waiting = { at, settle }));
    this.#waiting = null;
    if (this.#done.has(at)) {
      const result = this.#done.get(at)!;
      this.#done.delete(at);
      return { result };
    }
    if (this.#end !== null && this.#end.error !== null) throw this.#end.error;
    return null;
  }
}

/**
 * Yields one result a task, in their order, however many threads there are and whoever is done first. Ends early when
 * `signal` aborts; threads end with the generator.
 */
export async function* inWorkers<Task, Result>(options: WorkersOptions<Task>): AsyncGenerator<Result> {
  const { script, data, tasks, workers, signal } = options;
  const results = new Results<Result>();
  const abort = (): void => results.end(null);
  let given = 0;
  const threads = Array.from({ length: Math.min(workers, tasks.length) }, () => {
    const worker = new Worker(script, { workerData: data });
    let task = -1;
    const next = (): void => {
      task = given++;
      if (task < tasks.length) worker.postMessage(tasks[task], []);
    };
    worker.on("message", (result: Result) => {
      results.add(task, result);
      next();
    });
    worker.on("error", (error) => results.end(error));
    next();
    return worker;
  });
  signal?.addEventListener("abort", abort);
  if (signal?.aborted === true) abort();
  try {
    for (let at = 0; at < tasks.length; at++) {
      const taken = await results.take(at);
      if (taken === null) return;
      yield taken.result;
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    await Promise.all(threads.map((worker) => worker.terminate()));
  }
}
