import { afterEach, describe, expect, test } from "vitest";
import { sleep } from "../../clock/clock.ts";
import { VirtualTime } from "./virtual-time.ts";

const S = 1_000_000;
let time = new VirtualTime();
afterEach(() => {
  time.stop();
  time = new VirtualTime();
});

const realTurns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe("virtual time", () => {
  test("stands still while nobody waits for it", async () => {
    time.inner.at(5 * S, () => {});
    await realTurns(20);
    expect(time.inner.nowUs()).toBe(0);
  });

  test("who waits is told at the very microsecond, with all that follows from it, before anything later", async () => {
    const said: string[] = [];
    time.inner.at(3 * S + 1, () => void said.push("inside, a microsecond later"));
    await sleep(time.outer, 3 * S);
    // Many promises deep, as a runner is.
    for (let i = 0; i < 50; i++) await Promise.resolve();
    said.push(`outside at ${time.outer.nowUs()}`);
    await sleep(time.outer, 1 * S);
    expect(said).toEqual([`outside at ${3 * S}`, "inside, a microsecond later"]);
  });

  test("a wait ends when it is told to, and gives what it was told", async () => {
    const answer = await time.wait<string>((done) => {
      time.inner.at(2 * S, () => done("there"));
    });
    expect(answer).toBe("there");
    expect(time.inner.nowUs()).toBe(2 * S);
  });

  test("a cancelled timer holds nothing up and moves no time", async () => {
    const timer = time.outer.at(9 * S, () => {});
    timer.cancel();
    timer.cancel();
    await realTurns(20);
    expect(time.inner.nowUs()).toBe(0);
  });

  test("two who wait at once are told in the order of their times", async () => {
    const said: number[] = [];
    await Promise.all(
      [4, 2, 3].map(async (seconds) => {
        await sleep(time.outer, seconds * S);
        said.push(time.outer.nowUs());
      }),
    );
    expect(said).toEqual([2 * S, 3 * S, 4 * S]);
  });
});
