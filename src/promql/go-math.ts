/** Arithmetic where Go and JavaScript differ, and Prometheus' summation. */

/** Neumaier's sum with the compensation kept apart, as prometheus/prometheus util/kahansum does it. */
export class KahanSum {
  sum: number;
  compensation = 0;
  private readonly version: 2 | 3;

  /** Version 2 let an infinite sum spoil the compensation. */
  constructor(start = 0, version: 2 | 3 = 3) {
    this.sum = start;
    this.version = version;
  }

  add(value: number): void {
    const total = this.sum + value;
    if (this.version === 3 && (total === Infinity || total === -Infinity)) this.compensation = 0;
    else if (Math.abs(this.sum) >= Math.abs(value)) this.compensation += this.sum - total + value;
    else this.compensation += value - total + this.sum;
    this.sum = total;
  }

  get total(): number {
    return this.sum + this.compensation;
  }

  get isInfinite(): boolean {
    return this.sum === Infinity || this.sum === -Infinity;
  }
}

/** The mean of values that come one by one: of the sum while that is finite, then incrementally. */
export class KahanMean {
  private readonly sum: KahanSum;
  private count = 1;
  private incremental = false;

  constructor(first: number) {
    this.sum = new KahanSum(first);
  }

  add(value: number): void {
    this.count++;
    const { sum, count } = this;
    if (!this.incremental) {
      const { sum: before, compensation } = sum;
      sum.add(value);
      if (!sum.isInfinite) return;
      this.incremental = true;
      sum.sum = before / (count - 1);
      sum.compensation = compensation / (count - 1);
    }
    const share = (count - 1) / count;
    sum.sum *= share;
    sum.compensation *= share;
    sum.add(value / count);
  }

  get mean(): number {
    const { sum, count } = this;
    return this.incremental ? sum.total : sum.sum / count + sum.compensation / count;
  }
}

/** Version 2's mean, which takes each value in as it comes; for `avg_over_time` with compensation. */
export function incrementalMean(values: readonly number[], compensated: boolean): number {
  const mean = new KahanSum(0, 2);
  for (const [i, value] of values.entries()) {
    if (mean.isInfinite && !Number.isNaN(value) && (Number.isFinite(value) || value === mean.sum)) continue;
    mean.add(value / (i + 1) - mean.sum / (i + 1));
    if (!compensated) mean.compensation = 0;
  }
  return mean.isInfinite ? mean.sum : mean.total;
}

/** Go's `math.Pow`: 1 to any power is 1, and so is -1 to an infinite one. */
export function pow(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && Math.abs(exponent) === Infinity)) return 1;
  return base ** exponent;
}

/** Go's `math.Max`: an infinity wins over NaN. */
export const max = (a: number, b: number): number =>
  a === Infinity || b === Infinity ? Infinity : Math.max(a, b);
export const min = (a: number, b: number): number =>
  a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b);

/** The order of Prometheus' value heaps: NaN before everything, even before NaN. */
export const ascending = (a: number, b: number): boolean => Number.isNaN(a) || a < b;
export const descending = (a: number, b: number): boolean => Number.isNaN(a) || a > b;

/** Go's `sort.Sort` for short lists: by insertion, so that equal elements (and NaNs) fall as they do there. */
export function goSort<T>(items: T[], less: (a: T, b: T) => boolean): T[] {
  if (items.length > 12)
    return items.sort((a, b) => (less(a, b) ? (less(b, a) ? 0 : -1) : less(b, a) ? 1 : 0));
  for (let i = 1; i < items.length; i++)
    for (let j = i; j > 0; j--) {
      const [before, after] = [items[j - 1] as T, items[j] as T];
      if (!less(after, before)) break;
      items[j - 1] = after;
      items[j] = before;
    }
  return items;
}

/** The φ-quantile of `values`, interpolated (prometheus/prometheus promql/quantile.go). */
export function quantile(q: number, values: readonly number[], version: 2 | 3 = 3): number {
  if (values.length === 0 || Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const sorted = [...values].sort((a, b) =>
    Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : a - b,
  );
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  const low = sorted[lower] ?? NaN;
  if (weight === 0 && version === 3) return low;
  return low * (1 - weight) + (sorted[upper] ?? NaN) * weight;
}

/** A heap as Go's container/heap keeps it; needed because ties in `topk` fall by how it moves its elements. */
export class GoHeap<T> {
  readonly items: T[] = [];
  private readonly less: (a: T, b: T) => boolean;

  constructor(less: (a: T, b: T) => boolean) {
    this.less = less;
  }

  private swap(i: number, j: number): void {
    const [a, b] = [this.items[i] as T, this.items[j] as T];
    this.items[i] = b;
    this.items[j] = a;
  }

  private before(i: number, j: number): boolean {
    return this.less(this.items[i] as T, this.items[j] as T);
  }

  push(item: T): void {
    this.items.push(item);
    for (let j = this.items.length - 1; j > 0;) {
      const parent = (j - 1) >> 1;
      if (!this.before(j, parent)) return;
      this.swap(parent, j);
      j = parent;
    }
  }

  /** Replaces the first element and restores the heap. */
  replaceTop(item: T): void {
    this.items[0] = item;
    const { length } = this.items;
    for (let i = 0; ;) {
      let child = 2 * i + 1;
      if (child >= length) return;
      if (child + 1 < length && this.before(child + 1, child)) child++;
      if (!this.before(child, i)) return;
      this.swap(i, child);
      i = child;
    }
  }
}

/** Go's `strconv.FormatFloat(value, 'f', -1, 64)`, as the HTTP API writes numbers. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  const exponential = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (exponential === null) return text;
  const [, sign = "", whole = "", fraction = "", power] = exponential;
  const digits = whole + fraction;
  const point = 1 + Number(power);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits.padEnd(point, "0");
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Go's `strconv.ParseFloat` for what metrics pages and bucket bounds hold; null where it is no number. */
export function parseFloat64(text: string): number | null {
  if (/^[+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && !text.includes("_")) return Number(text);
  const word = /^([+-]?)(inf(?:inity)?|nan)$/i.exec(text);
  if (word !== null) {
    if (/^nan$/i.test(word[2] ?? "")) return word[1] === "" ? NaN : null;
    return word[1] === "-" ? -Infinity : Infinity;
  }
  return hexadecimal(text);
}

function hexadecimal(text: string): number | null {
  const hex = /^([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)p([+-]?\d+)$/i.exec(text);
  if (hex === null) return null;
  const [, sign, whole = "", fraction = "", power] = hex;
  if (whole + fraction === "") return null;
  const mantissa = Number.parseInt(whole + fraction, 16);
  return (sign === "-" ? -1 : 1) * mantissa * 2 ** (Number(power) - 4 * fraction.length);
}
