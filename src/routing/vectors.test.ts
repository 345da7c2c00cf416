/** Every row and field of the golden vectors, which a real Envoy 1.40.0 was asked for. */
import { describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { fromBigInt, toDecimal } from "./hash64.ts";
import type { Locality } from "./host-weights.ts";
import { buildMaglev, maglevEntriesPerHost, maglevOwner, maglevSlot } from "./maglev.ts";
import { headerHash } from "./request-hash.ts";
import { buildRing, ringEntriesPerHost, ringEntryKey, ringIndex, ringOwner } from "./ring-hash.ts";
import type { HashFunction } from "./ring-hash.ts";
import type { Host } from "./types.ts";

type Row = {
  id: string;
  hosts: Host[];
  localities?: Locality[];
  headerValuesHex?: string[];
  requestHash: string;
  entriesPerHost: number[];
  chosen: string;
  ifRejected: string[];
};
type RingRow = Row & {
  minimumRingSize: number;
  maximumRingSize: number;
  hashFunction: HashFunction;
  ringSize: number;
  ringEntries: number;
  ringIndex: number;
  entryHash: string;
  entryKey: string;
};
type MaglevRow = Row & { tableSize: number; slot: number };

const load = <T>(name: string): T[] => {
  const text = readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8");
  return (JSON.parse(text) as { vectors: T[] }).vectors;
};
const ringRows = load<RingRow>("ring-hash-vectors.json");
const maglevRows = load<MaglevRow>("maglev-vectors.json");

const localities = (row: Row) => (row.localities ? { localities: row.localities } : {});
const hashOf = (row: Row) =>
  row.headerValuesHex
    ? headerHash(row.headerValuesHex.map((hex) => Buffer.from(hex, "hex")))!
    : fromBigInt(BigInt(row.requestHash));

test("there are as many rows as were checked", () => {
  expect([ringRows.length, maglevRows.length]).toEqual([120, 73]);
});

describe("ring hash", () => {
  test.each(ringRows.map((row) => [row.id, row] as const))("%s", (_, row) => {
    const { minimumRingSize, maximumRingSize, hashFunction } = row;
    const ring = buildRing(row.hosts, { minimumRingSize, maximumRingSize, hashFunction, ...localities(row) });
    const hash = hashOf(row);
    const index = ringIndex(ring, hash);
    const looks = [0, 1, 2, 3, 4, 5].map((attempt) => row.hosts[ringOwner(ring, hash, attempt)]!.address);
    expect({
      requestHash: toDecimal(hash),
      ringSize: ring.size,
      ringEntries: ring.entries,
      entriesPerHost: ringEntriesPerHost(ring),
      ringIndex: index,
      entryHash: toDecimal({ high: ring.high[index]!, low: ring.low[index]! }),
      entryKey: ringEntryKey(ring, index),
      chosen: looks[0],
      ifRejected: looks.slice(1),
    }).toEqual({
      requestHash: row.requestHash,
      ringSize: row.ringSize,
      ringEntries: row.ringEntries,
      entriesPerHost: row.entriesPerHost,
      ringIndex: row.ringIndex,
      entryHash: row.entryHash,
      entryKey: row.entryKey,
      chosen: row.chosen,
      ifRejected: row.ifRejected,
    });
  });
});

describe("Maglev", () => {
  test.each(maglevRows.map((row) => [row.id, row] as const))("%s", (_, row) => {
    const table = buildMaglev(row.hosts, { tableSize: row.tableSize, ...localities(row) });
    const hash = hashOf(row);
    const looks = [0, 1, 2, 3, 4, 5].map((attempt) => row.hosts[maglevOwner(table, hash, attempt)]!.address);
    expect({
      requestHash: toDecimal(hash),
      slot: maglevSlot(table, hash),
      entriesPerHost: maglevEntriesPerHost(table),
      chosen: looks[0],
      ifRejected: looks.slice(1),
    }).toEqual({
      requestHash: row.requestHash,
      slot: row.slot,
      entriesPerHost: row.entriesPerHost,
      chosen: row.chosen,
      ifRejected: row.ifRejected,
    });
  });
});
