import type { Labels } from "../promql/labels.ts";
import type { SeriesSamples } from "../promql/storage.ts";

const FIRST_CAPACITY = 16;

/** The samples of one series in typed arrays that double; the oldest are dropped from the front. */
export class Series {
  readonly labels: Labels;
  /** True once the store has forgotten this series; who kept it must ask for it anew. */
  dropped = false;
  wasWritten = false;
  private times = new Float64Array(FIRST_CAPACITY);
  private values = new Float64Array(FIRST_CAPACITY);
  // Staleness is kept beside the value: JavaScript does not promise to keep the bits of a NaN.
  private stale = new Uint8Array(FIRST_CAPACITY);
  private from = 0;
  private to = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  get length(): number {
    return this.to - this.from;
  }

  append(tMs: number, value: number, stale: boolean): "appended" | "outOfOrder" | "duplicate" {
    if (this.to > this.from) {
      const last = this.to - 1;
      const lastMs = this.times[last] ?? 0;
      if (tMs < lastMs) return "outOfOrder";
      if (tMs === lastMs) {
        const same = stale
          ? this.stale[last] === 1
          : this.stale[last] === 0 && Object.is(this.values[last], value);
        return same ? "appended" : "duplicate";
      }
    }
    if (this.to === this.times.length) this.makeRoom();
    this.times[this.to] = tMs;
    this.values[this.to] = value;
    this.stale[this.to] = stale ? 1 : 0;
    this.to++;
    this.wasWritten = true;
    return "appended";
  }

  private makeRoom(): void {
    const length = this.to - this.from;
    const capacity = length * 2 > this.times.length ? this.times.length * 2 : this.times.length;
    // New arrays, never a move in place: an answer of `between` may still be looked at.
    const times = new Float64Array(capacity);
    const values = new Float64Array(capacity);
    const stale = new Uint8Array(capacity);
    times.set(this.times.subarray(this.from, this.to));
    values.set(this.values.subarray(this.from, this.to));
    stale.set(this.stale.subarray(this.from, this.to));
    this.times = times;
    this.values = values;
    this.stale = stale;
    this.from = 0;
    this.to = length;
  }

  dropBefore(beforeMs: number): void {
    this.from = this.firstAtOrAfter(beforeMs);
  }

  private firstAtOrAfter(tMs: number): number {
    let low = this.from;
    let high = this.to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.times[middle] ?? 0) < tMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The samples of `startMs` ≤ t ≤ `endMs`. */
  between(startMs: number, endMs: number): SeriesSamples {
    const from = this.firstAtOrAfter(startMs);
    const to = Math.max(from, this.firstAtOrAfter(endMs + 1));
    return { labels: this.labels, times: this.times, values: this.values, stale: this.stale, from, to };
  }
}
