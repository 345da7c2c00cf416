import { expect, test } from "vitest";
import { drawAt, DrawCursor, drawKey } from "./draws.ts";
import { zipfWeights } from "./zipf.ts";

const key = drawKey(7, "draws");

test("a draw has its place: the same whoever asks first, another for each stream, turn, name and seed", () => {
  const cursor = new DrawCursor(key);
  cursor.seek(5, 2);
  expect(cursor.float()).toBe(drawAt(key, 5, 2) / 2 ** 32);
  expect(cursor.float()).toBe(drawAt(key, 5, 3) / 2 ** 32);
  const draws = [drawAt(key, 5, 2), drawAt(key, 6, 2), drawAt(key, 5, 3), drawAt(drawKey(8, "draws"), 5, 2)];
  expect(new Set([...draws, drawAt(drawKey(7, "other"), 5, 2)]).size).toBe(5);
  expect(drawAt(key, 5, 2)).toMatchInlineSnapshot(`2218837628`);
});

test.each([
  ["along the turns of one stream", (n: number) => drawAt(key, 3, n)],
  ["over the streams at one turn", (n: number) => drawAt(key, n, 0)],
  ["over streams far apart", (n: number) => drawAt(key, n * 4096, n & 3)],
])("draws are even, %s: 64 boxes, none far from its share", (_, draw) => {
  const boxes = Array.from({ length: 64 }, () => 0);
  for (let n = 0; n < 64_000; n++) boxes[draw(n) >>> 26]! += 1;
  const chiSquared = boxes.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
  // 63 degrees of freedom: above 120 in one of a hundred thousand fair tries.
  expect(chiSquared).toBeLessThan(120);
});

test.each([
  [0, 10, 1],
  [1, 10, 10],
  [0.5, 4, 2],
  [2, 3, 9],
  [0.75, 16, 8],
])("Zipf exponent %d: the first is as many times as active as the %d-th", (exponent, k, times) => {
  const weights = zipfWeights(1_000, exponent);
  expect(weights[0]! / weights[k - 1]!).toBeCloseTo(times, 9);
  expect(weights.reduce((a, b) => a + b) / 1_000).toBeCloseTo(1, 9);
});
