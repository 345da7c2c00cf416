import { expect, test } from "vitest";
import { VirtualClock } from "../../clock/virtual-clock.ts";
import { WorkQueue } from "./work.ts";

const ms = (count: number): number => count * 1000;

/** Starts jobs and notes when, in milliseconds, and how each ended. */
function setUp(maxConcurrency: number, queueLimit: number) {
  const clock = new VirtualClock();
  const queue = new WorkQueue(clock, maxConcurrency, queueLimit);
  const ends: string[] = [];
  const run = (name: string, deadlineMs = Infinity, signal = new AbortController().signal): void => {
    void queue
      .run(ms(100), ms(deadlineMs), signal)
      .then((end) => ends.push(`${name} ${end} ${clock.nowUs() / 1000}`));
  };
  const until = async (untilMs: number): Promise<void> => {
    for (let at = clock.nowUs() / 1000; at <= untilMs; at += 10) {
      await clock.runUntil(ms(at));
      await Promise.resolve();
    }
  };
  return { queue, ends, run, until };
}

test("WorkQueue works on so many at once, the rest wait in order, more are refused", async () => {
  const { queue, ends, run, until } = setUp(2, 3);
  for (const name of ["a", "b", "c", "d", "e", "f"]) run(name);
  await until(0);
  expect([queue.running, queue.waiting]).toEqual([2, 3]);
  await until(500);
  expect(ends).toEqual(["f refused 0", "a done 100", "b done 100", "c done 200", "d done 200", "e done 300"]);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("WorkQueue frees the slot of a client that leaves, and the place of one that waits", async () => {
  const { queue, ends, run, until } = setUp(1, 2);
  const [running, waiting] = [new AbortController(), new AbortController()];
  run("a", Infinity, running.signal);
  run("b", Infinity, waiting.signal);
  run("c");
  await until(40);
  waiting.abort();
  expect(queue.waiting).toBe(1);
  running.abort();
  await until(200);
  expect(ends).toEqual(["b abandoned 40", "a abandoned 40", "c done 140"]);
});

test("WorkQueue does not begin what nobody waits for any more", async () => {
  const { ends, run, until } = setUp(1, 2);
  run("a");
  run("b", 50);
  run("c");
  await until(300);
  expect(ends).toEqual(["a done 100", "b expired 100", "c done 200"]);
});
