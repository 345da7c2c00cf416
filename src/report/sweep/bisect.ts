/** Between which two neighbouring values a thing begins to hold no longer. Pure, but for the question itself. */

/** Whole steps of the range, so that no rounding can lead past a neighbour. */
export type Range = {
  readonly lo: number;
  readonly hi: number;
  readonly decimals: number;
  readonly unit: string;
};

/** `1..60`, `0.5..2.5`, `5s..60s`; the finer of the two ends' decimals is the step. Null where it is none. */
export function parseRange(text: string): Range | null {
  const match = /^(-?\d+(?:\.(\d+))?)([a-z]*)\.\.(-?\d+(?:\.(\d+))?)([a-z]*)$/.exec(text);
  if (match === null) return null;
  const [, lo = "", loDecimals = "", loUnit = "", hi = "", hiDecimals = "", hiUnit = ""] = match;
  if (loUnit !== hiUnit) return null;
  const decimals = Math.max(loDecimals.length, hiDecimals.length);
  const range = { lo: Number(lo), hi: Number(hi), decimals, unit: hiUnit };
  return range.lo < range.hi ? range : null;
}

export type Tried<T> = { readonly value: string; readonly holds: boolean; readonly found: T };

export type Bisected<T> =
  /** It holds at both ends or at neither: there may be no edge between, and none was looked for. */
  | { readonly kind: "same"; readonly ends: readonly [Tried<T>, Tried<T>] }
  /** Two neighbours: it holds at `holding` and not at `failing`. */
  | { readonly kind: "edge"; readonly holding: Tried<T>; readonly failing: Tried<T> };

/**
 * Asks at both ends, then halves. Where it changes more than once, one of the changes is found.
 *
 * @param ask is called about log₂ of the range's steps times, one after the other.
 */
export async function bisect<T>(
  { lo, hi, decimals, unit }: Range,
  ask: (value: string) => Promise<{ readonly holds: boolean; readonly found: T }>,
): Promise<Bisected<T>> {
  const scale = 10 ** decimals;
  const at = async (step: number): Promise<Tried<T> & { readonly step: number }> => {
    const value = `${(step / scale).toFixed(decimals)}${unit}`;
    return { step, value, ...(await ask(value)) };
  };
  let low = await at(Math.round(lo * scale));
  let high = await at(Math.round(hi * scale));
  if (low.holds === high.holds) return { kind: "same", ends: [low, high] };
  while (high.step - low.step > 1) {
    const middle = await at(Math.floor((low.step + high.step) / 2));
    if (middle.holds === low.holds) low = middle;
    else high = middle;
  }
  return low.holds
    ? { kind: "edge", holding: low, failing: high }
    : { kind: "edge", holding: high, failing: low };
}
