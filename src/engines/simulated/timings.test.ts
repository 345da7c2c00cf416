import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { stream } from "../../seed/seed.ts";
import { RequestTimes } from "./request-times.ts";
import { configuredTimings, DEFAULT_TIMINGS, type Distribution, drawUs } from "./timings.ts";

const draws = (distribution: Distribution, count = 20_000): number[] => {
  const random = stream(7, "timings");
  return Array.from({ length: count }, () => drawUs(distribution, random)).sort((a, b) => a - b);
};

test("limpet.yaml replaces what it names, in milliseconds", () => {
  expect(
    configuredTimings({
      simulatedMs: {
        hop: 0.5,
        podStart: [
          [0, 1000],
          [1, 3000],
        ],
      },
    }),
  ).toEqual({
    hop: [
      [0, 500],
      [1, 500],
    ],
    podStart: [
      [0, 1e6],
      [1, 3e6],
    ],
  });
});

describe("a request's times", () => {
  const times = new RequestTimes(7, DEFAULT_TIMINGS);
  const many = Array.from({ length: 20_000 }, (_, request) => request);

  test.each([
    ["out", (request: number) => times.outUs(request, 0), DEFAULT_TIMINGS.hop],
    ["back, on a second attempt", (request: number) => times.backUs(request, 1), DEFAULT_TIMINGS.hop],
    ["overhead", (request: number) => times.overheadUs(request, 0), DEFAULT_TIMINGS.serviceOverhead],
    ["round trip", (request: number) => times.roundTripUs(request), DEFAULT_TIMINGS.clientRoundTrip],
  ] as const)("%s: whole microseconds, distributed as configured", (_, draw, distribution) => {
    const sorted = many.map(draw).sort((a, b) => a - b);
    expect(sorted.every(Number.isInteger)).toBe(true);
    for (const [share, us] of distribution)
      expect(Math.abs(sorted.filter((one) => one <= us).length / sorted.length - share)).toBeLessThan(0.02);
  });

  test("each attempt and each way has its own draw", () => {
    const drawn = [0, 1, 2].flatMap((attempt) => [times.outUs(3, attempt), times.backUs(3, attempt)]);
    expect(new Set(drawn).size).toBe(6);
  });
});

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
  const own = [
    ...files,
    join(src, "scenarios/traffic.ts"),
    join(src, "scenarios/patterns.ts"),
    join(src, "routing/retry.ts"),
  ].filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  const inexact = /Math\.(pow|exp|expm1|log|log2|log10|log1p|sin|cos|tan|cbrt|hypot|sinh|cosh|tanh)\(/;
  expect(own.filter((file) => inexact.test(readFileSync(file, "utf8")))).toEqual([]);
});
