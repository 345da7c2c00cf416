/**
 * How evenly tenants are spread and how many move when a pod comes or goes: the figures of an independent computation over
 * 10,000 tenants (`tenant-0` …) and pods 10.244.0.10:8000 upwards, weight 1; and what chance gives a few tenants.
 */
import { describe, expect, test } from "vitest";
import { maglevEntriesPerHost, buildMaglev } from "./maglev.ts";
import { buildRing, ringEntriesPerHost } from "./ring-hash.ts";
import { stream } from "../seed/seed.ts";
import type { Host } from "./types.ts";
import { finderOver, ownersOf, stepBetween, tenantHash, type HashingPolicy } from "./where.ts";

const RING: HashingPolicy = {
  lbPolicy: "RING_HASH",
  minimumRingSize: 1024,
  maximumRingSize: 8_388_608,
  tableSize: 65_537,
};
const MAGLEV: HashingPolicy = { ...RING, lbPolicy: "MAGLEV" };
const tenants = Array.from({ length: 10_000 }, (_, index) => `tenant-${index}`);
const pods = (count: number): Host[] =>
  Array.from({ length: count }, (_, index) => ({ address: `10.244.0.${10 + index}:8000`, weight: 1 }));

const percent = (count: number): string => `${((count / tenants.length) * 100).toFixed(2)} %`;

/** Tenants of the busiest and the idlest pod, as multiples of the mean. */
function imbalance(policy: HashingPolicy, count: number): readonly [most: string, least: string] {
  const tenantsOf = pods(count).map(() => 0);
  for (const owner of ownersOf(policy, pods(count), tenants)) tenantsOf[owner!]!++;
  const multiple = (owned: number): string => ((owned * count) / tenants.length).toFixed(3);
  return [multiple(Math.max(...tenantsOf)), multiple(Math.min(...tenantsOf))];
}

/** `moved (to the new pod + between those that stay)`. */
function movedUp(policy: HashingPolicy, count: number): string {
  const { moves, betweenStaying } = stepBetween(policy, pods(count), pods(count + 1), tenants);
  const toNew = moves.length - betweenStaying;
  return `${percent(moves.length)} (${((toNew / tenants.length) * 100).toFixed(2)} + ${((betweenStaying / tenants.length) * 100).toFixed(2)})`;
}

describe("ring hash, minimum_ring_size 1024", () => {
  test.each([
    // pods, entries, per pod, max/mean, min/mean, moved n → n+1
    [1, 1024, 1024, "1.000", "1.000", "51.89 % (51.89 + 0.00)"],
    [2, 1024, 512, "1.038", "0.962", "39.96 % (31.65 + 8.31)"],
    [3, 1026, 342, "1.049", "0.950", "33.77 % (24.42 + 9.35)"],
    [4, 1024, 256, "1.072", "0.964", "31.99 % (21.59 + 10.40)"],
    [5, 1025, 205, "1.079", "0.902", "25.91 % (16.72 + 9.19)"],
    [6, 1026, 171, "1.071", "0.908", "24.48 % (14.71 + 9.77)"],
    [7, 1029, 147, "1.153", "0.860", "18.36 % (11.45 + 6.91)"],
    [8, 1024, 128, "1.117", "0.883", "19.33 % (11.07 + 8.26)"],
    [9, 1026, 114, "1.238", "0.913", "16.97 % (9.15 + 7.82)"],
    [10, 1030, 103, "1.232", "0.840", "16.64 % (10.34 + 6.30)"],
  ] as const)("%i pods", (count, entries, perPod, most, least, moved) => {
    const ring = buildRing(pods(count), RING);
    expect(ring.entries).toBe(entries);
    expect(new Set(ringEntriesPerHost(ring))).toEqual(new Set([perPod]));
    expect(imbalance(RING, count)).toEqual([most, least]);
    expect(movedUp(RING, count)).toBe(moved);
  });
});

describe("Maglev, table 65537", () => {
  test.each([
    [1, [65_537], "1.000", "1.000", "50.45 % (50.45 + 0.00)"],
    [2, [32_768, 32_769], "1.009", "0.991", "33.19 % (33.19 + 0.00)"],
    [3, [21_845, 21_846], "1.021", "0.983", "25.63 % (25.50 + 0.13)"],
    [4, [16_384, 16_385], "1.020", "0.974", "19.51 % (19.41 + 0.10)"],
    [5, [13_107, 13_108], "1.028", "0.971", "16.75 % (16.61 + 0.14)"],
    [6, [10_922, 10_923], "1.027", "0.965", "14.50 % (14.05 + 0.45)"],
    [7, [9362, 9363], "1.041", "0.956", "12.26 % (11.99 + 0.27)"],
    [8, [8192, 8193], "1.048", "0.958", "11.42 % (11.17 + 0.25)"],
    [9, [7281, 7282], "1.059", "0.960", "10.63 % (10.30 + 0.33)"],
    [10, [6553, 6554], "1.047", "0.955", "9.66 % (9.47 + 0.19)"],
  ] as const)("%i pods", (count, slots, most, least, moved) => {
    const perPod = maglevEntriesPerHost(buildMaglev(pods(count), MAGLEV));
    expect([...new Set(perPod)].sort((a, b) => a - b)).toEqual(slots);
    expect(imbalance(MAGLEV, count)).toEqual([most, least]);
    expect(movedUp(MAGLEV, count)).toBe(moved);
  });
});

test.each([
  [RING, 2, 5, "67.0 %"],
  [RING, 5, 10, "62.8 %"],
  [RING, 5, 1, "79.1 %"],
  [MAGLEV, 2, 5, "60.1 %"],
  [MAGLEV, 5, 10, "49.9 %"],
  [MAGLEV, 5, 1, "80.4 %"],
] as const)("larger steps: $lbPolicy from %i to %i pods", (policy, from, to, moved) => {
  const step = stepBetween(policy, pods(from), pods(to), tenants);
  expect(`${((step.moves.length / tenants.length) * 100).toFixed(1)} %`).toBe(moved);
});

describe("few tenants", () => {
  const few = (count: number): string[] => tenants.slice(0, count);
  const perPod = (policy: HashingPolicy, hosts: readonly Host[], names: readonly string[]): number[] => {
    const counts = hosts.map(() => 0);
    for (const owner of ownersOf(policy, hosts, names)) counts[owner!]!++;
    return counts;
  };

  test("ten tenants on 10.244.0.10 to .14: nowhere near two each", () => {
    expect(perPod(RING, pods(5), few(10))).toEqual([4, 5, 0, 0, 1]);
    expect(perPod(MAGLEV, pods(5), few(10))).toEqual([1, 2, 2, 2, 3]);
  });

  test("A to D on two pods", () => {
    const owners = (policy: HashingPolicy): string =>
      ownersOf(policy, pods(2), ["A", "B", "C", "D"]).join(" ");
    expect(owners(RING)).toBe("0 0 0 1");
    expect(owners(MAGLEV)).toBe("1 0 0 1");
  });

  const SETS = 1000;
  const random = stream(1, "known-answers");
  const randomPods = (count: number): Host[] =>
    Array.from({ length: count }, () => ({
      address: `10.244.${random.below(256)}.${random.below(256)}:8000`,
      weight: 1,
    }));
  /** Tenants of each pod, for as many random sets of pods. */
  const spread = (podCount: number, names: readonly string[]): number[][] =>
    Array.from({ length: SETS }, () => {
      const hosts = randomPods(podCount);
      const { owner } = finderOver(RING, hosts);
      const counts = hosts.map(() => 0);
      for (const name of names) counts[owner(tenantHash(name))]!++;
      return counts;
    });
  /** How many of the sets have this outcome, per cent. */
  const share = (sets: readonly number[][], has: (counts: readonly number[]) => boolean): number =>
    (sets.filter(has).length / SETS) * 100;
  const ten = spread(5, few(10));
  /** Four standard errors of a share out of `SETS`. */
  const within = (percentage: number): number =>
    4 * Math.sqrt((percentage * (100 - percentage)) / SETS) + 0.05;

  // Independent, uniform tenants; a ring is a little uneven, by up to two points (52.7, 42.4, 4.9 were simulated).
  test.each([
    [0, 52.25],
    [1, 41.91],
    [2, 5.73],
    [3, 0.105],
  ])("ten on five pods: %i without a tenant in %f per cent", (pods, expected) => {
    const found = share(ten, (counts) => counts.filter((count) => count === 0).length === pods);
    expect(Math.abs(found - expected)).toBeLessThan(within(expected) + 2);
  });

  test.each([
    [2, 1.2],
    [3, 42.1],
    [4, 40.3],
    [5, 13.2],
  ])("ten on five pods: the largest group is %i in %f per cent", (group, expected) => {
    const found = share(ten, (counts) => Math.max(...counts) === group);
    expect(Math.abs(found - expected)).toBeLessThan(within(expected) + 2);
  });

  test("ten on five pods: two each in 1.16 per cent", () => {
    expect(Math.abs(share(ten, (counts) => counts.every((count) => count === 2)) - 1.16)).toBeLessThan(
      within(1.16),
    );
  });

  test("four on two pods: 2-2, 3-1, 4-0", () => {
    const four = spread(2, ["A", "B", "C", "D"]);
    for (const [most, expected] of [
      [2, 37.5],
      [3, 50],
      [4, 12.5],
    ] as const)
      expect(
        Math.abs(share(four, (counts) => Math.max(...counts) === most) - expected),
        String(most),
      ).toBeLessThan(within(expected));
  });
});

/** Means over random sets of pods beside the formula that is derived for a ring of fixed size. */
test.each([2, 4, 5, 9])("ring hash moves (2n+1)/((n+1)(n+2)) on average, n = %i", (count) => {
  const random = stream(2, "known-answers");
  const names = tenants.slice(0, 1000);
  const sets = 40;
  let moved = 0;
  for (let set = 0; set < sets; set++) {
    const hosts = Array.from({ length: count + 1 }, () => ({
      address: `10.244.${random.below(256)}.${random.below(256)}:8000`,
      weight: 1,
    }));
    moved += stepBetween(RING, hosts.slice(0, -1), hosts, names).moves.length / names.length / sets;
  }
  const formula = (2 * count + 1) / ((count + 1) * (count + 2));
  expect(Math.abs(moved - formula)).toBeLessThan(0.03);
});
