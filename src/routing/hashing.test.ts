/** XXH64 against the reference library, request hashes, and what a ring and a table promise. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import xxhash from "xxhash-wasm";
import { fromBigInt, modulo, multiplyHigh, rotl1, toBigInt, toDecimal } from "./hash64.ts";
import { buildMaglev, maglevEntriesPerHost, maglevOwner } from "./maglev.ts";
import { murmur2 } from "./murmur2.ts";
import { headerHash, latin1Bytes, requestHash } from "./request-hash.ts";
import type { HashedRequest } from "./request-hash.ts";
import { buildRing, ringEntriesPerHost, ringOwner } from "./ring-hash.ts";
import type { Host } from "./types.ts";
import { xxh64, xxh64Latin1 } from "./xxh64.ts";

const reference = await xxhash();
const MASK = 0xffffffffffffffffn;
const word = fc.bigInt({ min: 0n, max: MASK });

describe("64-bit arithmetic", () => {
  test("XXH64 equals the reference library's for any bytes and seed", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), word, (bytes, seed) => {
        expect(toBigInt(xxh64(bytes, fromBigInt(seed)))).toBe(reference.h64Raw(bytes, seed));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["foo", "3728699739546630719"],
    ["bar", "5234164152756840025"],
    ["lyft", "4400747396090729504"],
    ["", "17241709254077376921"],
    ["foo\nbar", "8917841378505826757"],
  ])("Envoy's own check value of %j", (text, hash) => expect(toDecimal(xxh64Latin1(text))).toBe(hash));

  test.each([
    ["foo", "9631199822919835226"],
    ["", "6142509188972423790"],
  ])("MurmurHash2 of %j", (text, hash) => expect(toDecimal(murmur2(latin1Bytes(text)))).toBe(hash));

  test("modulo, rotation and product are those of 64 bits", () => {
    const half = fc.nat({ max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 5_000_011 }), half, half, (value, divisor, a, b) => {
        expect(modulo(fromBigInt(value), divisor)).toBe(Number(value % BigInt(divisor)));
        expect(toBigInt(rotl1(fromBigInt(value)))).toBe(((value << 1n) | (value >> 63n)) & MASK);
        expect(multiplyHigh(a, b) >>> 0).toBe(Number((BigInt(a) * BigInt(b)) >> 32n));
      }),
    );
  });
});

const asked = (
  over: Partial<HashedRequest> & { headers?: Record<string, string[]> } = {},
): HashedRequest => ({
  header: (name) => over.headers?.[name] ?? [],
  path: "/",
  sourceIp: "10.0.0.1",
  remoteAddress: "10.0.0.1:5000",
  localAddress: "10.0.0.2:8000",
  ...over,
});
const decimal = (hash: ReturnType<typeof requestHash>) => (hash.hash === null ? null : toDecimal(hash.hash));
const header = { kind: "header", headerName: "x" } as const;

describe("requestHash()", () => {
  test("no policy finds anything: no hash", () => expect(decimal(requestHash([header], asked()))).toBeNull());

  test("two identical policies give rotl1(p) ⊕ p, not p", () => {
    const p = toBigInt(xxh64Latin1("A"));
    const twice = requestHash([header, header], asked({ headers: { x: ["A"] } }));
    expect(decimal(twice)).toBe(String((((p << 1n) | (p >> 63n)) & MASK) ^ p));
  });

  test("a policy that finds nothing is skipped", () => {
    const missing = { kind: "header", headerName: "none" } as const;
    const request = asked({ headers: { x: ["A"] } });
    expect(decimal(requestHash([missing, header], request))).toBe(decimal(requestHash([header], request)));
  });

  test.each([
    ["/p?q=a%20b", "a%20b"],
    ["/p?x=1&q=v&q=w", "v"],
    ["/p?q=", ""],
    ["/p?q", ""],
    ["/p?qq=1", null],
  ])("query value of %s as it stands: %j", (path, value) => {
    const policy = { kind: "query_parameter", name: "q" } as const;
    const expected = value === null ? null : toDecimal(xxh64Latin1(value));
    expect(decimal(requestHash([policy], asked({ path })))).toBe(expected);
  });

  test("a cookie is read; with a ttl a missing one is made up from the connection", () => {
    const cookie = { kind: "cookie", name: "s" } as const;
    expect(decimal(requestHash([cookie], asked({ headers: { cookie: ["a=1; s=v"] } })))).toBe(
      toDecimal(xxh64Latin1("v")),
    );
    expect(requestHash([cookie], asked())).toEqual({ hash: null, cookies: [] });
    const made = requestHash([{ ...cookie, ttlSeconds: 0, path: "/" }], asked());
    const value = toBigInt(xxh64Latin1("10.0.0.1:500010.0.0.2:8000")).toString(16);
    expect(made.cookies).toEqual([{ name: "s", value, path: "/", ttlSeconds: 0 }]);
    expect(decimal(made)).toBe(toDecimal(xxh64Latin1(value)));
  });

  test("the order of header lines does not matter", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 6 }), (lines) => {
        expect(headerHash([...lines].reverse())).toEqual(headerHash(lines));
      }),
    );
  });
});

const address = fc.integer({ min: 0, max: 65_535 }).map((n) => `10.244.${n >> 8}.${n & 255}:8000`);
const hostsOf = (addresses: readonly string[]): Host[] =>
  addresses.map((text) => ({ address: text, weight: 1 }));
const members = (min: number, max: number) => fc.uniqueArray(address, { minLength: min, maxLength: max });
const keys = Array.from({ length: 2000 }, (_, index) => xxh64Latin1(`tenant-${index}`));

type Owners = (hosts: readonly Host[]) => string[];
const ringOwners: Owners = (hosts) => {
  const ring = buildRing(hosts, { minimumRingSize: 1024, maximumRingSize: 8_388_608 });
  return keys.map((key) => hosts[ringOwner(ring, key)]!.address);
};
const maglevOwners: Owners = (hosts) => {
  const table = buildMaglev(hosts, { tableSize: 65_537 });
  return keys.map((key) => hosts[maglevOwner(table, key)]!.address);
};

describe.each([
  // The ring's share of moves is (2n+1)/((n+1)(n+2)): more than 1/(n+1), as its size is fixed.
  ["ring", ringOwners, (n: number) => (2 * n + 1) / ((n + 1) * (n + 2))],
  ["Maglev table", maglevOwners, (n: number) => 1 / (n + 1)],
] as const)("a %s", (_, owners, expectedMoves) => {
  test("gives the same owners for members in any order", () => {
    fc.assert(
      fc.property(
        members(1, 12).chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        ([list, shuffled]) => {
          expect(owners(hostsOf(shuffled))).toEqual(owners(hostsOf(list)));
        },
      ),
      { numRuns: 15 },
    );
  });

  test("moves as many keys as the formula says when a member joins", () => {
    fc.assert(
      fc.property(members(3, 9), (list) => {
        const before = owners(hostsOf(list.slice(0, -1)));
        const after = owners(hostsOf(list));
        const moved = after.filter((owner, index) => owner !== before[index]).length / keys.length;
        expect(Math.abs(moved - expectedMoves(list.length - 1))).toBeLessThan(0.12);
      }),
      { numRuns: 15 },
    );
  });

  test("is empty without members", () => expect(() => owners([])).toThrow());
});

test("a ring of n equal hosts has ceil(size / n) entries of each", () => {
  fc.assert(
    fc.property(members(1, 48), fc.integer({ min: 1, max: 4096 }), (list, minimumRingSize) => {
      const ring = buildRing(hostsOf(list), { minimumRingSize, maximumRingSize: 8_388_608 });
      const each = Math.ceil(minimumRingSize / list.length);
      expect(ringEntriesPerHost(ring)).toEqual(list.map(() => each));
    }),
    { numRuns: 30 },
  );
});

test("a Maglev table is even to one slot", () => {
  fc.assert(
    fc.property(members(1, 20), (list) => {
      const counts = maglevEntriesPerHost(buildMaglev(hostsOf(list), { tableSize: 1021 }));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 30 },
  );
});

test("an address listed twice counts once, as it was listed first", () => {
  const [a, b] = hostsOf(["10.244.0.1:8000", "10.244.0.2:8000"]) as [Host, Host];
  const ring = buildRing([a, b, { ...a, weight: 5 }], { minimumRingSize: 100, maximumRingSize: 100 });
  expect(ringEntriesPerHost(ring)).toEqual([50, 50, 0]);
});

test("a ring whose minimum is above its maximum is refused", () => {
  expect(() => buildRing([], { minimumRingSize: 2, maximumRingSize: 1 })).toThrow(RangeError);
});
