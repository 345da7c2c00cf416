/** Quantiles and fractions of classic histograms (prometheus/prometheus promql/quantile.go). */
export type Bucket = { readonly upperBound: number; readonly count: number };

const SMALL_DELTA = 1e-12;
const SMALLEST_NORMAL = 2 ** -1022;

function almostEqual(a: number, b: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true;
  const sum = Math.abs(a) + Math.abs(b);
  const difference = Math.abs(a - b);
  if (a === 0 || b === 0 || sum < SMALLEST_NORMAL) return difference < SMALL_DELTA * SMALLEST_NORMAL;
  return difference / Math.min(sum, Number.MAX_VALUE) < SMALL_DELTA;
}

/** In order of bounds, equal bounds as one; null where the last is not +Inf. */
function ordered(buckets: readonly Bucket[]): Bucket[] | null {
  const sorted = [...buckets].sort((a, b) =>
    a.upperBound < b.upperBound ? -1 : a.upperBound > b.upperBound ? 1 : 0,
  );
  if (sorted.at(-1)?.upperBound !== Infinity) return null;
  const merged: Bucket[] = [];
  for (const bucket of sorted) {
    const last = merged.at(-1);
    if (last?.upperBound === bucket.upperBound)
      merged[merged.length - 1] = { ...last, count: last.count + bucket.count };
    else merged.push(bucket);
  }
  return merged;
}

export type ForcedMonotonicity = {
  readonly minBucket: number;
  readonly maxBucket: number;
  readonly maxDiff: number;
};

/** Cumulative counts never fall; small falls are rounding, larger ones are told. */
function monotonic(buckets: readonly Bucket[]): { buckets: Bucket[]; forced: ForcedMonotonicity | null } {
  let forced: ForcedMonotonicity | null = null;
  let previous = buckets[0]?.count ?? NaN;
  const fixed = buckets.map((bucket, i) => {
    const { count, upperBound } = bucket;
    if (i === 0 || count === previous) return bucket;
    if (almostEqual(previous, count)) return { upperBound, count: previous };
    if (count < previous) {
      forced = {
        minBucket: Math.min(forced?.minBucket ?? Infinity, upperBound),
        maxBucket: Math.max(forced?.maxBucket ?? -Infinity, upperBound),
        maxDiff: Math.max(forced?.maxDiff ?? 0, previous - count),
      };
      return { upperBound, count: previous };
    }
    previous = count;
    return bucket;
  });
  return { buckets: fixed, forced };
}

export type BucketQuantile = { readonly value: number; readonly forced: ForcedMonotonicity | null };

export function bucketQuantile(q: number, given: readonly Bucket[]): BucketQuantile {
  const plain = (value: number): BucketQuantile => ({ value, forced: null });
  if (Number.isNaN(q)) return plain(NaN);
  if (q < 0) return plain(-Infinity);
  if (q > 1) return plain(Infinity);
  const sorted = ordered(given);
  if (sorted === null) return plain(NaN);
  const { buckets, forced } = monotonic(sorted);
  const last = buckets.length - 1;
  const observations = buckets[last]?.count ?? 0;
  if (last < 1 || observations === 0) return { value: NaN, forced };

  let rank = q * observations;
  let index = buckets.findIndex((bucket) => bucket.count >= rank);
  if (index < 0 || index > last) index = last;
  const upper = (i: number): number => buckets[i]?.upperBound ?? NaN;
  if (index === last) return { value: upper(last - 1), forced };
  if (index === 0 && upper(0) <= 0) return { value: upper(0), forced };
  let start = 0;
  let count = buckets[index]?.count ?? NaN;
  if (index > 0) {
    const below = buckets[index - 1]?.count ?? NaN;
    start = upper(index - 1);
    count -= below;
    rank -= below;
  }
  return { value: start + (upper(index) - start) * (rank / count), forced };
}

/** The share of observations between `lower` and `upper`. */
export function bucketFraction(lower: number, upper: number, given: readonly Bucket[]): number {
  const buckets = ordered(given);
  const count = buckets?.at(-1)?.count ?? NaN;
  if (buckets === null || count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return NaN;
  if (lower >= upper) return 0;
  const rankOf = (bound: number): number => {
    let from = (buckets[0]?.upperBound ?? NaN) <= 0 ? -Infinity : 0;
    let rank = 0;
    for (const bucket of buckets) {
      if (from >= bound) return rank;
      if (bucket.upperBound > bound) {
        // Inside a bucket without a lower end nothing can be interpolated.
        if (from === -Infinity) return bucket.count;
        return rank + ((bucket.count - rank) * (bound - from)) / (bucket.upperBound - from);
      }
      rank = bucket.count;
      from = bucket.upperBound;
    }
    return count;
  };
  return (Math.min(rankOf(upper), count) - Math.min(rankOf(lower), count)) / count;
}
