import { buildMaglev, maglevOwner } from "../src/routing/maglev.ts";
import { requestHash } from "../src/routing/request-hash.ts";
import { buildRing, ringEntryKey, ringOwner } from "../src/routing/ring-hash.ts";
import type { Host } from "../src/routing/types.ts";
import { xxh64Latin1 } from "../src/routing/xxh64.ts";
import type { Case } from "./harness.ts";

const RING = { minimumRingSize: 1024, maximumRingSize: 8_388_608 };
const MAGLEV = { tableSize: 65_537 };
const HEADER = [{ kind: "header", headerName: "x-tenant-id" }] as const;
const TENANTS = 10_000;

const hosts = (count: number): Host[] =>
  Array.from({ length: count }, (_, index) => ({
    address: `10.244.${index >> 8}.${index & 255}:8000`,
    weight: 1,
  }));
const tenants = Array.from({ length: TENANTS }, (_, index) => `tenant-${index}`);
const sum = (values: Iterable<string>, of: (value: string) => number): number => {
  let total = 0;
  for (const value of values) total = (total + of(value)) | 0;
  return total;
};
const bareHash = (texts: readonly string[]) => (): number => sum(texts, (text) => xxh64Latin1(text).low);

function ringBuild(count: number): Case {
  const set = hosts(count);
  const ring = buildRing(set, RING);
  const keys = Array.from({ length: ring.entries }, (_, index) => ringEntryKey(ring, index));
  return {
    name: `ring build, ${count} hosts, ${ring.entries} entries`,
    unit: "build",
    operations: 1,
    work: () => buildRing(set, RING).entries,
    bare: bareHash(keys),
    against: "the hash of each entry's string",
  };
}

function maglevBuild(count: number): Case {
  const set = hosts(count);
  return {
    name: `Maglev build, ${count} hosts, ${MAGLEV.tableSize} slots`,
    unit: "build",
    operations: 1,
    work: () => buildMaglev(set, MAGLEV).slots.length,
    bare: () => {
      const slots = new Int32Array(MAGLEV.tableSize).fill(-1);
      for (let slot = 0, index = 0; slot < slots.length; slot++) {
        slots[slot] = index;
        index = index + 1 === count ? 0 : index + 1;
      }
      return slots[slots.length - 1]!;
    },
    against: "a loop that fills the slots",
  };
}

export function routingCases(): Case[] {
  const ring = buildRing(hosts(60), RING);
  const table = buildMaglev(hosts(60), MAGLEV);
  const lookup = {
    unit: "look-up",
    operations: TENANTS,
    bare: bareHash(tenants),
    against: "the hash of the tenant",
  };
  const request = (tenant: string) => ({
    header: () => [tenant],
    path: "/request",
    sourceIp: "127.0.0.1",
    remoteAddress: "127.0.0.1:1",
    localAddress: "127.0.0.1:2",
  });
  return [
    ringBuild(5),
    ringBuild(60),
    maglevBuild(5),
    maglevBuild(60),
    {
      ...lookup,
      name: "ring look-up, 60 hosts",
      work: () => sum(tenants, (tenant) => ringOwner(ring, xxh64Latin1(tenant))),
    },
    {
      ...lookup,
      name: "Maglev look-up, 60 hosts",
      work: () => sum(tenants, (tenant) => maglevOwner(table, xxh64Latin1(tenant))),
    },
    {
      ...lookup,
      name: "request's hash policies and ring look-up",
      work: () => sum(tenants, (tenant) => ringOwner(ring, requestHash(HEADER, request(tenant)).hash!)),
    },
  ];
}
