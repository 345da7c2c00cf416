import { expect, test } from "vitest";
import { load, plan, S } from "./fixtures/events.ts";
import { beyondRealTime } from "./real-time.ts";

test.each([
  ["what a laptop sends", { tenants: 40, rate: 1 }, 20, []],
  ["a thousand tenants at once", { pattern: "burst", tenants: 1_000, durationUs: S }, 20, []],
  [
    "a million tenants",
    { tenants: 1_000_000, rate: 0.0001 },
    20,
    [/^scenario\.yaml: load "load" has 1000000 tenants; with real requests at most 100000 are sent/],
  ],
  [
    "too much a second",
    { tenants: 500, rate: 1 },
    20,
    [
      /load "load" is 3000 requests in a real second at speed 20; at most 2000 are sent\. --engine simulated takes it, a lower --speed/,
    ],
  ],
  ["the same, slower", { tenants: 500, rate: 1 }, 1, []],
] as const)("%s", (_, given, speed, problems) => {
  const told = beyondRealTime([plan("requestsLost", {}, [load(given)])], speed);
  expect(told).toHaveLength(problems.length);
  for (const [index, problem] of problems.entries()) expect(told[index]).toMatch(problem);
});
