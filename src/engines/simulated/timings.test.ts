import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { stream } from "../../seed/seed.ts";
import { DEFAULT_TIMINGS, type Distribution, drawUs } from "./timings.ts";

const draws = (distribution: Distribution, count = 20_000): number[] => {
  const random = stream(7, "timings");
  return Array.from({ length: count }, () => drawUs(distribution, random)).sort((a, b) => a - b);
};

describe("a draw", () => {
  test("is a whole number of microseconds between the ends, and falls below each point as often as that says", () => {
    for (const distribution of Object.values(DEFAULT_TIMINGS)) {
      const sorted = draws(distribution);
      expect(sorted.every(Number.isInteger)).toBe(true);
      expect(sorted[0]).toBeGreaterThanOrEqual(distribution[0]![1]);
      expect(sorted.at(-1)).toBeLessThanOrEqual(distribution.at(-1)![1]);
      for (const [share, us] of distribution) {
        const below = sorted.filter((one) => one <= us).length / sorted.length;
        expect(Math.abs(below - share)).toBeLessThan(0.02);
      }
    }
  });

  test("is the same for the same seed", () => {
    expect(draws(DEFAULT_TIMINGS.podStart, 100)).toEqual(draws(DEFAULT_TIMINGS.podStart, 100));
  });

  test("99 of 100 pods start within 5 s, as Kubernetes promises", () => {
    const sorted = draws(DEFAULT_TIMINGS.podStart);
    expect(sorted[Math.floor(0.985 * sorted.length)]).toBeLessThanOrEqual(5e6);
  });
});

/** The last bits of these differ between machines, so nothing that is drawn may go through them. */
test("no draw uses a function that machines compute differently", () => {
  const src = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const files = ["engines/simulated", "seed", "clock", "workloads"].flatMap((room) =>
    readdirSync(join(src, room)).map((file) => join(src, room, file)),
  );
  const own = [...files, join(src, "scenarios/traffic.ts"), join(src, "routing/retry.ts")].filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
  const inexact = /Math\.(pow|exp|expm1|log|log2|log10|log1p|sin|cos|tan|cbrt|hypot|sinh|cosh|tanh)\(/;
  expect(own.filter((file) => inexact.test(readFileSync(file, "utf8")))).toEqual([]);
});
