import { expect, test } from "vitest";
import { exponential } from "./exponential.ts";
import { stream } from "./seed.ts";

const random = stream(11, "exponential");
const draws = Array.from({ length: 100_000 }, () => exponential(random)).sort((a, b) => a - b);

test("has mean 1", () => {
  const mean = draws.reduce((sum, one) => sum + one, 0) / draws.length;
  expect(Math.abs(mean - 1)).toBeLessThan(0.02);
});

test.each([
  [0.1, 0.105361],
  [0.5, 0.693147],
  [0.9, 2.302585],
  [0.99, 4.60517],
])("a share of %d of all draws is below %d", (share, value) => {
  const below = draws.filter((one) => one < value).length / draws.length;
  expect(Math.abs(below - share)).toBeLessThan(0.005);
});

test("is the same for the same seed", () => {
  const some = (): number[] => {
    const again = stream(11, "exponential");
    return Array.from({ length: 5 }, () => exponential(again));
  };
  expect(some()).toEqual(some());
});
