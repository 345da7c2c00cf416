/**
 * Envoy's Maglev table as a value. Source: envoyproxy/envoy
 * source/extensions/load_balancing_policies/maglev/maglev_lb.cc.
 */
import { modulo } from "./hash64.ts";
import type { Hash64 } from "./hash64.ts";
import { normalizeWeights } from "./host-weights.ts";
import type { Locality } from "./host-weights.ts";
import type { Host } from "./types.ts";
import { xxh64Latin1 } from "./xxh64.ts";

export type MaglevOptions = {
  /** A prime below 5 000 012. */
  readonly tableSize: number;
  readonly localities?: readonly Locality[];
};

export type MaglevTable = {
  readonly hosts: readonly Host[];
  readonly tableSize: number;
  /** Index in `hosts` for each slot; empty without hosts. */
  readonly slots: Int32Array;
};

/** As Envoy has it. */
export const MAXIMUM_TABLE_SIZE = 5_000_011;

/** A prime: in a table of any other size a host's steps would not lead past every slot, and it might never be full. */
export function isTableSize(value: number): boolean {
  if (!Number.isInteger(value) || value < 2 || value > MAXIMUM_TABLE_SIZE) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

const ONE: Hash64 = { high: 0, low: 1 };
/** Ring strings are ASCII, so that the order of characters is the order of bytes. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function buildMaglev(hosts: readonly Host[], options: MaglevOptions): MaglevTable {
  const { tableSize } = options;
  const entries = normalizeWeights(hosts, options.localities)
    .sort((a, b) => byText(a.address, b.address))
    .map((host) => ({
      ...host,
      offset: modulo(xxh64Latin1(host.address), tableSize),
      skip: (modulo(xxh64Latin1(host.address, ONE), tableSize - 1) + 1) % tableSize,
      target: 0,
    }));
  if (entries.length === 0) return { hosts, tableSize, slots: new Int32Array(0) };
  const slots = new Int32Array(tableSize).fill(-1);
  const heaviest = entries.reduce((most, { normalizedWeight }) => Math.max(most, normalizedWeight), 0);
  let filled = 0;
  for (let iteration = 1; filled < tableSize; iteration++) {
    for (const entry of entries) {
      if (filled === tableSize) break;
      if (iteration * entry.normalizedWeight < entry.target) continue;
      entry.target += heaviest;
      // `offset` walks on by `skip` instead of being recomputed from a count: the same slots, no product.
      while (slots[entry.offset]! >= 0) entry.offset = (entry.offset + entry.skip) % tableSize;
      slots[entry.offset] = entry.index;
      entry.offset = (entry.offset + entry.skip) % tableSize;
      filled++;
    }
  }
  return { hosts, tableSize, slots };
}

/** The slot that a selection attempt looks at: attempt a > 0 looks up `hash ⊕ (2⁶⁴ − a)`. */
export function maglevSlot(table: MaglevTable, hash: Hash64, attempt = 0): number {
  if (attempt === 0) return modulo(hash, table.tableSize);
  return modulo({ high: ~hash.high, low: hash.low ^ -attempt }, table.tableSize);
}

/** Index in `table.hosts`; −1 without any. */
export const maglevOwner = (table: MaglevTable, hash: Hash64, attempt = 0): number =>
  table.slots.length === 0 ? -1 : table.slots[maglevSlot(table, hash, attempt)]!;

export function maglevEntriesPerHost(table: MaglevTable): number[] {
  const counts = table.hosts.map(() => 0);
  for (const host of table.slots) counts[host]!++;
  return counts;
}
