/** What each strategy promises, and the price that shows it is that strategy and not another. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBalancer, type Balancer } from "../balancer.ts";
import { fromBigInt } from "../hash64.ts";
import { buildRing, ringOwner } from "../ring-hash.ts";
import type { Host } from "../types.ts";
import { xxh64Latin1 } from "../xxh64.ts";
import { stream } from "../../seed/seed.ts";
import { BALANCE, boundOf } from "./bounded-load.ts";
import { jumpBucket } from "./jump.ts";
import { COMPARED, STRATEGIES, type ComparedStrategy } from "./strategies.ts";

const RING = { minimumRingSize: 1024, maximumRingSize: 8_388_608, tableSize: 65_537 };
const idle = { random: stream(1, "test"), activeRequests: () => 0 };
const over = (lbPolicy: ComparedStrategy, hosts: readonly Host[], context: object = {}): Balancer =>
  createBalancer({ ...RING, lbPolicy }, hosts, { ...idle, ...context });

const keys = Array.from({ length: 2000 }, (_, index) => xxh64Latin1(`tenant-${index}`));
const address = fc.integer({ min: 0, max: 65_535 }).map((n) => `10.244.${n >> 8}.${n & 255}:8000`);
const members = (min: number, max: number) => fc.uniqueArray(address, { minLength: min, maxLength: max });
/** As a StatefulSet's pods, in this order. */
const pods = (addresses: readonly string[]): Host[] =>
  addresses.map((text, ordinal) => ({ address: text, weight: 1, name: `api-${ordinal}` }));
const ownersBy = (balancer: Balancer): string[] =>
  keys.map((key) => balancer.hosts[balancer.choose(key, 0)]!.address);

describe.each(COMPARED)("%s", (strategy) => {
  test("gives the same owners for members in any order", () => {
    fc.assert(
      fc.property(
        members(1, 12).chain((list) =>
          fc.tuple(fc.constant(pods(list)), fc.shuffledSubarray(pods(list), { minLength: list.length })),
        ),
        ([list, shuffled]) => {
          expect(ownersBy(over(strategy, shuffled))).toEqual(ownersBy(over(strategy, list)));
        },
      ),
      { numRuns: 10, seed: 1 },
    );
  });

  test("uses every host, and without hosts none", () => {
    const hosts = pods(["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1"]);
    expect(new Set(ownersBy(over(strategy, hosts))).size).toBe(4);
    expect(over(strategy, []).choose(keys[0]!, 0)).toBe(-1);
  });

  test("a later attempt can look at another host", () => {
    const hosts = pods(["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]);
    const looked = (key: number): Set<number> =>
      new Set(Array.from({ length: 300 }, (_, attempt) => over(strategy, hosts).choose(keys[key]!, attempt)));
    expect(looked(0).size).toBe(3);
  });
});

describe.each(["RENDEZVOUS", "JUMP"] as const)("%s, when one more comes", (strategy) => {
  test("about 1/(n+1) move, all of them to the new one", () => {
    fc.assert(
      fc.property(members(2, 12), (list) => {
        const before = ownersBy(over(strategy, pods(list.slice(0, -1))));
        const after = ownersBy(over(strategy, pods(list)));
        const moved = after.filter((owner, index) => owner !== before[index]);
        expect(moved.every((owner) => owner === list.at(-1))).toBe(true);
        expect(Math.abs(moved.length / keys.length - 1 / list.length)).toBeLessThan(0.05);
      }),
      { numRuns: 15, seed: 1 },
    );
  });
});

test("RENDEZVOUS: whoever goes, only its tenants move", () => {
  fc.assert(
    fc.property(members(2, 10), fc.nat(), (list, pick) => {
      const gone = list[pick % list.length]!;
      const before = ownersBy(over("RENDEZVOUS", pods(list)));
      const after = ownersBy(over("RENDEZVOUS", pods(list.filter((one) => one !== gone))));
      expect(after.every((owner, index) => owner === before[index] || before[index] === gone)).toBe(true);
    }),
    { numRuns: 15, seed: 1 },
  );
});

test("JUMP: one that goes from the middle renumbers the rest, and they move too", () => {
  const list = ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1", "10.0.0.5:1"];
  const before = ownersBy(over("JUMP", pods(list)));
  const after = ownersBy(over("JUMP", pods(list.filter((_, at) => at !== 1))));
  const between = after.filter((owner, index) => owner !== before[index] && before[index] !== list[1]).length;
  expect(between / keys.length).toBeGreaterThan(0.2);
});

// Values of dgryski/go-jump's tests, computed with the paper's own code.
test.each([
  [1n, 1, 0],
  [42n, 57, 43],
  [0xdead10ccn, 1, 0],
  [0xdead10ccn, 666, 361],
  [256n, 1024, 520],
])("jump hash of %s over %i buckets is %i", (key, buckets, expected) => {
  expect(jumpBucket(fromBigInt(key), buckets)).toBe(expected);
});

describe("BOUNDED_LOAD", () => {
  test("no host ever gets more than 1.25 times the average, rounded up, whatever is in progress", () => {
    fc.assert(
      fc.property(
        members(1, 8),
        fc.array(fc.nat(1999), { maxLength: 200 }),
        fc.nat(),
        (list, requests, ends) => {
          const hosts = pods(list);
          const active = hosts.map(() => 0);
          const balancer = over("BOUNDED_LOAD", hosts, { activeRequests: (index: number) => active[index]! });
          const open: number[] = [];
          for (const [at, request] of requests.entries()) {
            const total = open.length;
            const host = balancer.choose(keys[request]!, 0);
            active[host]!++;
            open.push(host);
            expect(active[host]).toBeLessThanOrEqual(Math.ceil((BALANCE * (total + 1)) / hosts.length));
            expect(active[host]).toBeLessThanOrEqual(boundOf(total, hosts.length));
            if ((at + ends) % 3 === 0) active[open.shift()!]!--;
          }
        },
      ),
      { numRuns: 30, seed: 1 },
    );
  });

  test("is the ring while there is room, and leaves home when there is none", () => {
    const hosts = pods(["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]);
    const ring = buildRing(hosts, RING);
    const home = ringOwner(ring, keys[0]!);
    const loaded = (count: number) =>
      over("BOUNDED_LOAD", hosts, { activeRequests: (index: number) => (index === home ? count : 0) });
    expect(ownersBy(loaded(0))).toEqual(keys.map((key) => hosts[ringOwner(ring, key)]!.address));
    expect(loaded(3).choose(keys[0]!, 0)).not.toBe(home);
  });
});

describe("STICKY", () => {
  test("nobody moves while its host is there, whatever else comes and goes", () => {
    const list = Array.from({ length: 12 }, (_, index) => `10.244.1.${index}:8000`);
    fc.assert(
      fc.property(
        fc.array(fc.subarray(list, { minLength: 1 }), { minLength: 2, maxLength: 6 }),
        (courses) => {
          const directory = new Map<string, string>();
          let before: readonly string[] | null = null;
          for (const present of courses) {
            const owners = ownersBy(over("STICKY", pods(present), { directory }));
            const left = before?.map((owner) => (present.includes(owner) ? owner : null));
            left?.forEach((owner, index) => owner !== null && expect(owners[index]).toBe(owner));
            before = owners;
          }
        },
      ),
      { numRuns: 15, seed: 1 },
    );
  });

  test("a pod that comes gets new tenants alone", () => {
    const directory = new Map<string, string>();
    const two = pods(["10.0.0.1:1", "10.0.0.2:1"]);
    const three = pods(["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]);
    ownersBy(over("STICKY", two, { directory }));
    expect(new Set(ownersBy(over("STICKY", three, { directory }))).size).toBe(2);
    // Without its memory it is the ring.
    expect(new Set(ownersBy(over("STICKY", three))).size).toBe(3);
  });
});

test("each strategy has a name to write", () => {
  expect(Object.values(STRATEGIES)).toEqual(expect.arrayContaining([...COMPARED, "RING_HASH", "MAGLEV"]));
});
