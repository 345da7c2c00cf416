import fc from "fast-check";
import { expect, test } from "vitest";
import { stream } from "./seed.ts";

const drawn = (seed: number, name: string, count = 8): number[] => {
  const random = stream(seed, name);
  return Array.from({ length: count }, () => random.uint32());
};

test("a stream is the same every time, on every machine", () => {
  expect(drawn(7, "pod-ip")).toEqual(drawn(7, "pod-ip"));
  expect(drawn(7, "pod-ip", 3)).toMatchInlineSnapshot(`
    [
      446853986,
      99384434,
      653500950,
    ]
  `);
});

test("another name or another seed is another stream", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.string(), fc.string(), (seed, other, name, second) => {
      fc.pre(seed !== other && name !== second);
      expect(drawn(seed, name)).not.toEqual(drawn(other, name));
      expect(drawn(seed, name)).not.toEqual(drawn(seed, second));
    }),
  );
});

test("below() stays below, and float() in 0 ≤ x < 1", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
      const random = stream(seed, "x");
      const n = random.below(bound);
      const x = random.float();
      expect(Number.isInteger(n) && n >= 0 && n < bound).toBe(true);
      expect(x >= 0 && x < 1).toBe(true);
    }),
  );
});

test("nothing is below 0: told, not looked for", () => {
  expect(() => stream(1, "x").below(0)).toThrow(RangeError);
});

test("below() is even: 6 faces, 60,000 throws, each within 4 % of 10,000", () => {
  const random = stream(1, "die");
  const faces = Array.from({ length: 6 }, () => 0);
  for (let i = 0; i < 60_000; i++) faces[random.below(6)]!++;
  for (const count of faces) expect(Math.abs(count - 10_000)).toBeLessThan(400);
});

test("shuffled() loses nothing and leaves its input alone", () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat()), (seed, items) => {
      const before = [...items];
      const result = stream(seed, "x").shuffled(items);
      expect(items).toEqual(before);
      expect([...result].sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
    }),
  );
});
