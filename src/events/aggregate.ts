/**
 * Exact sums of requests over windows of time. Whatever engine folds, the result is the same as the fold of all its rows:
 * nothing here samples.
 */
import type { RequestRow, RequestsWindow } from "./types.ts";

export const WINDOW_US = 5_000_000;

/** Sub-buckets to a power of two: a bucket is at most 1/16 as wide as its lower end. */
const SUB_BUCKETS = 16;

/**
 * The logarithmic bucket of a latency in microseconds: exact below 16, then 16 to each power of two. Only whole-number
 * steps, so every machine agrees.
 */
export function latencyBucket(latencyUs: number): number {
  if (latencyUs >= 0 && latencyUs < 2 ** 31) {
    const exponent = Math.max(0, 27 - Math.clz32(latencyUs));
    return exponent * SUB_BUCKETS + (latencyUs >>> exponent);
  }
  let value = Math.max(0, Math.floor(latencyUs));
  let exponent = 0;
  while (value >= 2 * SUB_BUCKETS) {
    value = Math.floor(value / 2);
    exponent++;
  }
  return value < SUB_BUCKETS ? value : exponent * SUB_BUCKETS + value;
}

/** The least latency, in microseconds, that falls into `bucket`. */
export function latencyBucketFloor(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const exponent = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS)) * 2 ** exponent;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Sum = Mutable<Omit<RequestsWindow, "latency">> & { latency: Record<string, number> };

const keyOf = (row: RequestRow | RequestsWindow): string =>
  `${row.scenario}\0${row.load}\0${row.tier}\0${row.gateway}\0${row.pod ?? ""}\0${row.outcome}\0${row.cause ?? ""}\0${row.affinity ?? ""}`;

function startSum(row: RequestRow, fromUs: number, windowUs: number): Sum {
  return {
    type: "requests.window",
    fromUs,
    atUs: fromUs + windowUs,
    scenario: row.scenario,
    load: row.load,
    tier: row.tier,
    gateway: row.gateway,
    pod: row.pod,
    outcome: row.outcome,
    ...(row.cause === undefined ? {} : { cause: row.cause }),
    ...(row.affinity === undefined ? {} : { affinity: row.affinity }),
    count: 0,
    latency: {},
    latencyUsSum: 0,
    latencyUsMax: 0,
    scheduledAtUsMin: Infinity,
    firstAtUs: Infinity,
    lastAtUs: 0,
  };
}

function addRow(sum: Sum, row: RequestRow): void {
  const bucket = String(latencyBucket(row.latencyUs));
  sum.count++;
  sum.latency[bucket] = (sum.latency[bucket] ?? 0) + 1;
  sum.latencyUsSum += row.latencyUs;
  sum.latencyUsMax = Math.max(sum.latencyUsMax, row.latencyUs);
  sum.scheduledAtUsMin = Math.min(sum.scheduledAtUsMin, row.scheduledAtUs);
  sum.firstAtUs = Math.min(sum.firstAtUs, row.atUs);
  sum.lastAtUs = Math.max(sum.lastAtUs, row.atUs);
}

function addWindow(sum: Sum, window: RequestsWindow): void {
  sum.count += window.count;
  sum.latencyUsSum += window.latencyUsSum;
  sum.latencyUsMax = Math.max(sum.latencyUsMax, window.latencyUsMax);
  sum.scheduledAtUsMin = Math.min(sum.scheduledAtUsMin, window.scheduledAtUsMin);
  sum.firstAtUs = Math.min(sum.firstAtUs, window.firstAtUs);
  sum.lastAtUs = Math.max(sum.lastAtUs, window.lastAtUs);
  for (const [bucket, count] of Object.entries(window.latency))
    sum.latency[bucket] = (sum.latency[bucket] ?? 0) + count;
}

/**
 * Folds request rows as they come and hands out the rows of each window once it is over. A row that becomes known after
 * its window was handed out opens that window once more, so sums stay exact ({@link mergeWindows} joins the two).
 * Memory: one sum for each combination inside the windows still open.
 */
export class WindowFold {
  readonly #emit: (window: RequestsWindow) => void;
  readonly #windowUs: number;
  /** Start of a window → combination → its sum. */
  readonly #open = new Map<number, Map<string, Sum>>();

  constructor(emit: (window: RequestsWindow) => void, windowUs = WINDOW_US) {
    this.#emit = emit;
    this.#windowUs = windowUs;
  }

  add(row: RequestRow): void {
    const fromUs = Math.floor(row.atUs / this.#windowUs) * this.#windowUs;
    let sums = this.#open.get(fromUs);
    if (!sums) this.#open.set(fromUs, (sums = new Map()));
    const key = keyOf(row);
    let sum = sums.get(key);
    if (!sum) sums.set(key, (sum = startSum(row, fromUs, this.#windowUs)));
    addRow(sum, row);
  }

  /** Takes sums that somebody else made of rows of one window. */
  merge(window: RequestsWindow): void {
    let sums = this.#open.get(window.fromUs);
    if (!sums) this.#open.set(window.fromUs, (sums = new Map()));
    const key = keyOf(window);
    const sum = sums.get(key);
    if (sum) addWindow(sum, window);
    else sums.set(key, { ...window, latency: { ...window.latency } });
  }

  /** Hands out the windows that ended at or before `nowUs`. */
  advance(nowUs: number): void {
    const over = [...this.#open.keys()].filter((fromUs) => fromUs + this.#windowUs <= nowUs);
    for (const fromUs of over.sort((a, b) => a - b)) {
      const sums = this.#open.get(fromUs)!;
      this.#open.delete(fromUs);
      for (const sum of sums.values()) this.#emit(sum);
    }
  }

  /** Hands out all that is left, over or not. */
  flush(): void {
    this.advance(Infinity);
  }
}

/** The windows of a whole list of rows, in one canonical order. */
export function foldRows(rows: Iterable<RequestRow>, windowUs = WINDOW_US): RequestsWindow[] {
  const windows: RequestsWindow[] = [];
  const fold = new WindowFold((window) => windows.push(window), windowUs);
  for (const row of rows) fold.add(row);
  fold.flush();
  return mergeWindows(windows);
}

/** Joins windows of the same time and combination, in one canonical order: what a log's windows are compared by. */
export function mergeWindows(windows: Iterable<RequestsWindow>): RequestsWindow[] {
  const merged = new Map<string, Sum>();
  for (const window of windows) {
    const key = `${String(window.fromUs).padStart(16, "0")}\0${keyOf(window)}`;
    const sum = merged.get(key);
    if (!sum) {
      merged.set(key, { ...window, latency: { ...window.latency } });
      continue;
    }
    addWindow(sum, window);
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}
