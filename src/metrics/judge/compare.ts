/** Whether two answers of the HTTP API say the same. */

type Parsed = {
  readonly status?: string;
  readonly error?: string;
  readonly data?: { readonly resultType?: string; readonly result?: unknown };
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
};

const TOLERANCE = 1e-12;

function sameNumber(a: string, b: string): boolean {
  if (a === b) return true;
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
  return Math.abs(x - y) <= TOLERANCE * Math.max(Math.abs(x), Math.abs(y));
}

type Series = {
  readonly metric: Record<string, string>;
  readonly value?: unknown;
  readonly values?: unknown;
};

const keyOf = ({ metric }: Series): string =>
  JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Points as `[time, "value"]`. */
const pointsOf = (series: Series): readonly [number, string][] =>
  (series.values ?? [series.value]) as readonly [number, string][];

function differingPoint(a: readonly [number, string][], b: readonly [number, string][]): string | null {
  if (a.length !== b.length) return `${a.length} points, not ${b.length}`;
  for (const [i, [time, value]] of a.entries()) {
    const [otherTime, otherValue] = b[i] ?? [NaN, ""];
    if (time !== otherTime || !sameNumber(value, otherValue))
      return `[${time}, ${value}], not [${otherTime}, ${otherValue}]`;
  }
  return null;
}

/** The judge counts the samples of a merged note over and over, so that number is left out. */
const notesOf = (notes: readonly string[] | undefined): string =>
  JSON.stringify((notes ?? []).map((note) => note.replace(/over \d+ samples/, "over … samples")).sort());

/** What differs, ours first; null where nothing does. */
export function difference(
  ourBody: string,
  theirBody: string,
  options: { readonly notes: boolean; readonly valuesOnly?: boolean },
): string | null {
  const ours = JSON.parse(ourBody) as Parsed;
  const theirs = JSON.parse(theirBody) as Parsed;
  if (ours.status !== theirs.status)
    return `${ours.status} (${ours.error ?? ""}), not ${theirs.status} (${theirs.error ?? ""})`;
  if (ours.status === "error") return null;
  const [a, b] = [ours.data, theirs.data];
  if (a?.resultType !== b?.resultType) return `${a?.resultType}, not ${b?.resultType}`;
  if (options.notes) {
    for (const kind of ["warnings", "infos"] as const) {
      const [mine, other] = [notesOf(ours[kind]), notesOf(theirs[kind])];
      if (mine !== other) return `${kind}: ${mine}, not ${other}`;
    }
  }
  if (a?.resultType === "scalar" || a?.resultType === "string")
    return differingPoint([a.result as [number, string]], [b?.result as [number, string]]);
  const [mine, other] = [a?.result as Series[], b?.result as Series[]];
  if (options.valuesOnly === true) {
    const values = (all: readonly Series[]): string =>
      JSON.stringify(all.flatMap(pointsOf).map(String).sort());
    return values(mine) === values(other) ? null : `${values(mine)}, not ${values(other)}`;
  }
  const byKey = new Map(other.map((series) => [keyOf(series), series]));
  for (const series of mine) {
    const match = byKey.get(keyOf(series));
    if (match === undefined) return `${keyOf(series)} is not in theirs`;
    const found = differingPoint(pointsOf(series), pointsOf(match));
    if (found !== null) return `${keyOf(series)}: ${found}`;
  }
  if (mine.length !== other.length) {
    const keys = new Set(mine.map(keyOf));
    return `${mine.length} series, not ${other.length}: without ${other.map(keyOf).find((key) => !keys.has(key))}`;
  }
  return null;
}
