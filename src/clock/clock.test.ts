import fc from "fast-check";
import { expect, test } from "vitest";
import { sleep, unixMsAt } from "./clock.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { clockFromEnv, startWallClock } from "./wall-clock.ts";

test("virtual time runs what is due in order of time, and of setting where times are equal", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 50 }), { maxLength: 60 }), async (dues) => {
      const clock = new VirtualClock();
      const ran: { due: number; index: number; at: number }[] = [];
      for (const [index, due] of dues.entries())
        clock.at(due, () => void ran.push({ due, index, at: clock.nowUs() }));
      await clock.runUntil(100);
      const expected = dues
        .map((due, index) => ({ due, index, at: due }))
        .sort((a, b) => a.due - b.due || a.index - b.index);
      expect(ran).toEqual(expected);
    }),
  );
});

test("virtual time waits for a callback's promise before it moves on", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.at(1, async () => {
    await Promise.resolve();
    seen.push(`first ended at ${clock.nowUs()}`);
  });
  clock.at(2, () => void seen.push("second"));
  await clock.runUntil(5);
  expect(seen).toEqual(["first ended at 1", "second"]);
});

test("a cancelled timer does not run, and what a timer sets runs too", async () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  clock.at(3, () => void seen.push(-1)).cancel();
  clock.at(1, () => void clock.at(4, () => void seen.push(clock.nowUs())));
  await clock.runUntil(10);
  expect(seen).toEqual([4]);
  expect(clock.nowUs()).toBe(10);
});

test("sleep() ends at its time or when it is called off", async () => {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const ends: string[] = [];
  void sleep(clock, 5).then(() => ends.push("slept"));
  void sleep(clock, 50, abort.signal).then(() => ends.push("called off"));
  await clock.runUntil(6);
  abort.abort();
  await Promise.resolve();
  await Promise.resolve();
  expect(ends).toEqual(["slept", "called off"]);
});

test("a child process reads the same time from its environment", () => {
  const clock = startWallClock(20);
  const child = clockFromEnv(clock.env());
  const before = clock.nowUs();
  const read = child.nowUs();
  expect(read).toBeGreaterThanOrEqual(before);
  expect(read - before).toBeLessThan(20 * 1e6);
  expect(child.epochUnixSeconds).toBe(clock.epochUnixSeconds);
  expect(child.speed).toBe(20);
});

test("without a run around it, time is the wall clock's", () => {
  const clock = clockFromEnv({});
  expect(clock.speed).toBe(1);
  expect(Math.abs(unixMsAt(clock, clock.nowUs()) - Date.now())).toBeLessThan(2_000);
});

test("topology time and the machine's own date, from one to the other and back", () => {
  const clock = startWallClock(20);
  const atUs = clock.nowUs() - 8_000_000;
  const unixMs = clock.realUnixMsAt(atUs);
  // 8 s of topology time at speed 20 are 400 ms.
  expect(Math.abs(Date.now() - 400 - unixMs)).toBeLessThan(100);
  expect(Math.abs(clock.usAtRealUnixMs(unixMs) - atUs)).toBeLessThan(2_000_000);
});
