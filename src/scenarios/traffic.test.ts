import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Arrival } from "../engines/engine.ts";
import { loadEndUs, type Pattern, type PlannedLoad } from "./plan.ts";
import { dayFactor } from "./patterns.ts";
import { arrivals, traffic } from "./traffic.ts";

const S = 1e6;
const load = (given: Partial<PlannedLoad> = {}): PlannedLoad => ({
  name: "l",
  step: "s",
  tier: "small",
  tenants: 3,
  prefix: "t",
  rate: 1,
  requests: null,
  startUs: 0,
  durationUs: 10 * S,
  pattern: "constant",
  onUs: 2 * S,
  offUs: 3 * S,
  skew: 0,
  method: "GET",
  idempotent: false,
  gateway: 0,
  ...given,
});

const all = (loads: readonly PlannedLoad[], seed = 7, baseUs = 0): Arrival[] => [
  ...arrivals("x", loads, seed, baseUs),
];
const timesOf = (list: readonly Arrival[], tenant: string): number[] =>
  list.filter((arrival) => arrival.tenant === tenant).map(({ atUs }) => atUs);

describe("arrivals()", () => {
  test("come in order, as whole microseconds, inside their load's time, the same for the same seed", () => {
    const loads = fc.array(
      fc
        .record({
          pattern: fc.constantFrom<Pattern>(
            "constant",
            "poisson",
            "burst",
            "onOff",
            "ramp",
            "sessions",
            "diurnal",
          ),
          skew: fc.constantFrom(0, 0.8),
          tenants: fc.integer({ min: 1, max: 6 }),
          rate: fc.double({ min: 0.05, max: 20, noNaN: true }),
          startUs: fc.nat({ max: 20 * S }),
          durationUs: fc.integer({ min: 1, max: 20 * S }),
        })
        .map(load),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(loads, fc.nat(), fc.nat({ max: 1e9 }), (given, seed, baseUs) => {
        const named = given.map((one, index) => ({ ...one, name: `l${index}` }));
        const list = all(named, seed, baseUs);
        const byName = new Map(named.map((one) => [one.name, one]));
        let before = 0;
        for (const { atUs, load: name } of list) {
          expect(Number.isInteger(atUs)).toBe(true);
          expect(atUs).toBeGreaterThanOrEqual(before);
          before = atUs;
          const own = byName.get(name)!;
          expect(atUs).toBeGreaterThanOrEqual(baseUs + own.startUs);
          expect(atUs).toBeLessThan(baseUs + loadEndUs(own));
        }
        expect(all(named, seed, baseUs)).toEqual(list);
      }),
      { numRuns: 50 },
    );
  });

  test("constant: even, each tenant with a phase of its own, drawn from the seed", () => {
    const list = all([load()]);
    expect(list).toHaveLength(30);
    const phases = ["t-1", "t-2", "t-3"].map((tenant) => {
      const times = timesOf(list, tenant);
      expect(new Set(times.slice(1).map((time, k) => Math.round((time - times[k]!) / 10)))).toEqual(
        new Set([S / 10]),
      );
      return times[0]!;
    });
    expect(new Set(phases).size).toBe(3);
    expect(timesOf(all([load()], 8), "t-1")[0]).not.toBe(phases[0]);
  });

  test("another load changes nothing of the first", () => {
    const alone = all([load()]);
    const both = all([load(), load({ name: "m", prefix: "u" })]);
    expect(both.filter((arrival) => arrival.load === "l")).toEqual(alone);
  });

  test("requests: exactly so many for each tenant", () => {
    const list = all([load({ requests: 100, rate: 0.45, durationUs: (100 / 0.45) * S, tenants: 40 })]);
    expect(list).toHaveLength(4_000);
    expect(timesOf(list, "t-40")).toHaveLength(100);
  });

  test("burst: so many for each at any moment of the duration", () => {
    const list = all([load({ pattern: "burst", tenants: 1_000, requests: 1, durationUs: S })]);
    expect(list).toHaveLength(1_000);
    expect(new Set(list.map(({ tenant }) => tenant)).size).toBe(1_000);
    expect(list.filter(({ atUs }) => atUs < S / 2).length).toBeGreaterThan(400);
  });

  test("onOff: nothing in the pauses", () => {
    const list = all([load({ pattern: "onOff", rate: 5, durationUs: 20 * S })]);
    expect(list.length).toBe(3 * 4 * 10);
    for (const { atUs } of list) expect(atUs % (5 * S)).toBeLessThan(2 * S);
  });

  test("ramp: from nothing to the rate, half of what constant gives", () => {
    const list = all([load({ pattern: "ramp", rate: 10, tenants: 1, durationUs: 100 * S })]);
    expect(list.length).toBeGreaterThan(490);
    expect(list.length).toBeLessThan(510);
    expect(list.filter(({ atUs }) => atUs < 50 * S).length).toBeLessThan(135);
  });

  test("poisson: the rate on average, gaps that spread as wide as they are long", () => {
    const times = timesOf(all([load({ pattern: "poisson", rate: 10, durationUs: 1_000 * S })]), "t-1");
    expect(Math.abs(times.length - 10_000)).toBeLessThan(400);
    const gaps = times.slice(1).map((time, k) => time - times[k]!);
    const mean = gaps.reduce((a, b) => a + b) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(deviation / mean).toBeGreaterThan(0.95);
    expect(deviation / mean).toBeLessThan(1.05);
  });

  test("requests beyond the load's time still come, each once", () => {
    const list = all([load({ pattern: "poisson", requests: 5, tenants: 200, durationUs: 5 * S })]);
    expect(list).toHaveLength(1_000);
    expect(list.at(-1)!.atUs).toBeGreaterThan(10 * S);
  });

  test("sessions: on and off at each tenant's own times, half of them on at any time", () => {
    const given = { pattern: "sessions" as const, tenants: 400, onUs: 50 * S, offUs: 50 * S };
    const list = all([load({ ...given, durationUs: 1_000 * S })]);
    const inTenth = (tenth: number): number =>
      list.filter(({ atUs }) => Math.floor(atUs / (100 * S)) === tenth).length;
    // One second apart while on, and each session begins with one: a little more than half of 100 a tenant.
    for (let tenth = 0; tenth < 10; tenth++) expect(Math.abs(inTenth(tenth) / 400 - 50)).toBeLessThan(6);
    const times = timesOf(list, "t-1");
    const gaps = times.slice(1).map((time, k) => time - times[k]!);
    expect(gaps.filter((gap) => Math.abs(gap - S) <= 1).length).toBeGreaterThan(gaps.length / 2);
    expect(Math.max(...gaps)).toBeGreaterThan(20 * S);
  });

  test("diurnal: the rate over the whole day, far more in the evening than before dawn", () => {
    const day = all([load({ pattern: "diurnal", tenants: 20, rate: 0.01, durationUs: 86_400 * S })]);
    expect(Math.abs(day.length / (20 * 864) - 1)).toBeLessThan(0.03);
    const inHour = (hour: number): number =>
      day.filter(({ atUs }) => Math.floor(atUs / (3_600 * S)) === hour).length;
    expect(inHour(20)).toBeGreaterThan(3 * inHour(3));
    const hours = Array.from({ length: 24 }, (_, hour) => dayFactor(hour * 3_600 * S));
    expect(hours.reduce((a, b) => a + b) / 24).toBe(1_000);
  });

  test.each([
    ["constant", 0.5],
    ["poisson", 0.1],
    ["diurnal", 0.1],
  ] as const)("skew, %s: the first tenants as much more active as Zipf says", (pattern, near) => {
    const list = all([load({ pattern, tenants: 50, rate: 0.02, skew: 1, durationUs: 86_400 * S })]);
    const [first, second, tenth] = [1, 2, 10].map((n) => timesOf(list, `t-${n}`).length) as [
      number,
      number,
      number,
    ];
    expect(Math.abs(list.length / (50 * 1_728) - 1)).toBeLessThan(0.03);
    expect(Math.abs(first / second - 2)).toBeLessThan(near);
    expect(Math.abs(first / tenth - 10)).toBeLessThan(10 * near);
  });

  test("batches hold the same arrivals, thousands of tenants as well as three", () => {
    const loads = [
      load({ pattern: "sessions", tenants: 5_000, rate: 0.1, durationUs: 100 * S }),
      load({ name: "m", prefix: "u", pattern: "poisson", startUs: 20 * S }),
    ];
    const step = traffic("x", loads, 7, 0);
    const batched: string[] = [];
    for (const { atUs, source, count } of step.batches())
      for (let i = 0; i < count; i++) batched.push(`${atUs[i]} ${step.arrival(source[i]!, 0, 1).tenant}`);
    const single = all(loads).map(({ atUs, tenant }) => `${atUs} ${tenant}`);
    expect(batched.length).toBeGreaterThan(10_000);
    expect(batched.every((line, i) => line === single[i])).toBe(true);
  });

  test("an Idempotency-Key with a POST that may be repeated, each its own", () => {
    const keys = all([load({ method: "POST", idempotent: true })]).map(
      ({ idempotencyKey }) => idempotencyKey,
    );
    expect(new Set(keys).size).toBe(30);
    expect(all([load({ method: "POST" })])[0]).not.toHaveProperty("idempotencyKey");
    expect(all([load({ idempotent: true })])[0]).not.toHaveProperty("idempotencyKey");
  });
});
