import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readHostSet } from "./host-set.ts";
import type { Host } from "./types.ts";
import { finderOver, hashText, ownersOf, stepBetween, tenantHash, type HashingPolicy } from "./where.ts";

const RING: HashingPolicy = {
  lbPolicy: "RING_HASH",
  minimumRingSize: 1024,
  maximumRingSize: 8_388_608,
  tableSize: 65_537,
};
const MAGLEV: HashingPolicy = { ...RING, lbPolicy: "MAGLEV", tableSize: 1021 };
const hosts = (count: number): Host[] =>
  Array.from({ length: count }, (_, index) => ({ address: `10.244.0.${index + 1}:8000`, weight: 1 }));
const tenants = Array.from({ length: 300 }, (_, index) => `tenant-${index}`);

type Row = {
  readonly id: string;
  readonly hosts: readonly Host[];
  readonly localities?: unknown;
  readonly hashFunction?: string;
  readonly headerValues: readonly (string | null)[] | null;
  readonly requestHash: string;
  readonly chosen: string;
  readonly [size: string]: unknown;
};
const rows = (["ring-hash", "maglev"] as const).flatMap((name) => {
  const text = readFileSync(new URL(`fixtures/${name}-vectors.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { vectors: Row[] }).vectors.map((row) => ({ name, row }));
});
/** Those that ask what a host set of one's own can ask: one header line of text, no localities, Envoy's default hash. */
const askable = rows.filter(
  ({ row }) =>
    row.localities === undefined &&
    (row.hashFunction ?? "XX_HASH") === "XX_HASH" &&
    row.headerValues?.length === 1 &&
    row.headerValues[0] !== null,
);

test("most golden rows can be asked", () => {
  expect(askable.length).toBe(142);
});

test.each(askable.map(({ name, row }) => [row.id, name, row] as const))("golden row %s", (_, name, row) => {
  const { minimumRingSize, maximumRingSize, tableSize } = row;
  const policy =
    name === "maglev"
      ? { algorithm: "MAGLEV", tableSize }
      : { algorithm: "RING_HASH", minimumRingSize, maximumRingSize };
  const set = readHostSet({ policy, hosts: row.hosts, tenants: row.headerValues });
  if ("problems" in set) throw new Error(JSON.stringify(set.problems));
  const owners = ownersOf(set.policy, set.hosts, set.tenants);
  expect(owners.map((owner) => row.hosts[owner!]!.address)).toEqual([row.chosen]);
  expect(hashText(set.tenants[0]!)).toBe(row.requestHash);
});

test("without hosts nobody has one", () => {
  expect(ownersOf(RING, [], ["a", "b"])).toEqual([null, null]);
  expect(ownersOf(MAGLEV, [], ["a"])).toEqual([null]);
});

test("what decided is named: the ring entry of the owner, the slot of the table", () => {
  const three = hosts(3);
  const ring = finderOver(RING, three);
  const hash = tenantHash("a");
  expect(ring.place(hash)).toMatch(new RegExp(`^ring entry ${three[ring.owner(hash)]!.address}_\\d+$`));
  expect(finderOver(MAGLEV, three).place(hash)).toMatch(/^slot \d+ of 1021$/);
});

describe("stepBetween()", () => {
  test("a pod comes: beside the even share that it needs", () => {
    const step = stepBetween(RING, hosts(2), hosts(3), tenants);
    expect(step).toMatchObject({ from: 2, to: 3, leastPossible: 100 });
    const toNew = step.moves.filter(({ to }) => to === "10.244.0.3:8000").length;
    expect(step.moves.length).toBe(toNew + step.betweenStaying);
  });

  test("a pod goes: its tenants must move", () => {
    const step = stepBetween(RING, hosts(3), hosts(2), tenants);
    const leavers = step.moves.filter(({ from }) => from === "10.244.0.3:8000").length;
    expect(step.leastPossible).toBe(leavers);
    expect(step.moves.length).toBe(leavers + step.betweenStaying);
  });

  // Envoy gives every host ⌈1024 / n⌉ entries, so those that stay win or lose some with every step.
  test("a ring of the minimum size moves some between pods that stay; one with as many entries a pod does not", () => {
    const between = (minimumRingSize: (count: number) => number): number =>
      [2, 3, 4, 5].reduce((sum, count) => {
        const [was, is] = [
          finderOver({ ...RING, minimumRingSize: minimumRingSize(count) }, hosts(count)),
          finderOver({ ...RING, minimumRingSize: minimumRingSize(count + 1) }, hosts(count + 1)),
        ];
        return (
          sum +
          tenants.filter((tenant) => {
            const [from, to] = [was.owner(tenantHash(tenant)), is.owner(tenantHash(tenant))];
            return from !== to && to !== count;
          }).length
        );
      }, 0);
    expect(between(() => 1024)).toBeGreaterThan(0);
    expect(between((count) => 100 * count)).toBe(0);
  });

  test("Maglev moves some between pods that stay, and it is said", () => {
    const step = stepBetween({ ...MAGLEV, tableSize: 251 }, hosts(5), hosts(4), tenants);
    expect(step.betweenStaying).toBeGreaterThan(0);
    expect(step.moves.length).toBe(step.leastPossible + step.betweenStaying);
  });

  test("from and to nothing nobody moves", () => {
    for (const [before, after] of [
      [0, 2],
      [2, 0],
      [0, 0],
    ] as const)
      expect(stepBetween(RING, hosts(before), hosts(after), tenants)).toMatchObject({
        moves: [],
        leastPossible: 0,
      });
  });

  test("there and back are the same moves, turned round", () => {
    const sizes = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const there = stepBetween(RING, hosts(a), hosts(b), tenants);
        const back = stepBetween(RING, hosts(b), hosts(a), tenants);
        expect(back.moves).toEqual(
          there.moves.map(({ tenant, from, to }) => ({ tenant, from: to, to: from })),
        );
      }),
      { numRuns: 30 },
    );
  });
});

describe("readHostSet() names what is wrong and where", () => {
  const good = { policy: { algorithm: "RING_HASH" }, hosts: [{ address: "a:1" }], tenants: ["a"] };
  test("weights and sizes have Envoy's and Istio's defaults", () => {
    expect(readHostSet(good)).toEqual({
      policy: RING,
      hosts: [{ address: "a:1", weight: 1 }],
      tenants: ["a"],
    });
  });
  test.each([
    [7, "", "an object is wanted, found number"],
    [{ ...good, host: [] }, "host", "unknown field; there are policy, hosts, tenants"],
    [{ ...good, policy: undefined }, "policy", 'missing; {"algorithm": "RING_HASH"} is the shortest'],
    [{ ...good, policy: {} }, "policy.algorithm", "RING_HASH or MAGLEV is wanted, found nothing"],
    [
      { ...good, policy: { algorithm: "RANDOM" } },
      "policy.algorithm",
      'RING_HASH or MAGLEV is wanted, found "RANDOM"',
    ],
    [{ ...good, policy: { algorithm: "MAGLEV", tableSize: 1000 } }, "policy.tableSize", "1000 is no prime"],
    [
      { ...good, policy: { algorithm: "RING_HASH", maximumRingSize: 10 } },
      "policy.maximumRingSize",
      "10 is below the minimumRingSize 1024",
    ],
    [{ ...good, hosts: undefined }, "hosts", "missing; a list is wanted"],
    [{ ...good, hosts: [{ address: "a:1" }, { address: "" }] }, "hosts.1.address", 'found ""'],
    [{ ...good, hosts: [{ address: "é:1" }] }, "hosts.0.address", "is wanted"],
    [
      { ...good, hosts: [{ address: "a:1", weight: 0 }] },
      "hosts.0.weight",
      "a whole number from 1 to 4294967295 is wanted, found 0",
    ],
    [{ ...good, tenants: ["a", 7] }, "tenants.1", "a text is wanted, found number"],
  ])("%# %s", (value, path, message) => {
    const result = readHostSet(value);
    const found = "problems" in result ? result.problems : [];
    expect(found.map((problem) => problem.path.join("."))).toEqual([path]);
    expect(found[0]?.message).toContain(message);
  });
});
