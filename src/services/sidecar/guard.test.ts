import { expect, test } from "vitest";
import type { Clock } from "../../clock/clock.ts";
import { guardTimer } from "./guard.ts";

test.each([
  // topology ms, speed, real ms
  ["as it stands at speed 1", 10_000, 1, 10_000],
  ["divided by the speed", 40_000, 20, 2000],
  ["but never under a second", 10_000, 20, 1000],
  ["unless it was shorter to begin with", 250, 20, 250],
])("a guard is %s", (_, ms, speed, realMs) => {
  let setFor = 0;
  const clock: Clock = {
    nowUs: () => 5_000_000,
    at: (atUs) => {
      setFor = atUs;
      return { cancel: () => {} };
    },
    speed,
    epochUnixSeconds: 0,
  };
  guardTimer(clock, ms, () => {});
  expect((setFor - 5_000_000) / 1000 / speed).toBe(realMs);
});
