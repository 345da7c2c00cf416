/** Kubernetes quantities (`1500m`, `2`, `1e3`, `5000635u`, `1Ki`) as the metric arithmetic reads them. */

/** int64's ends, as near as a double comes. */
export const INT64_MAX = 2 ** 63;
export const INT64_MIN = -(2 ** 63);
export const INT32_MAX = 2 ** 31 - 1;

const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY_POWERS: Readonly<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 };

/** The exact value: `digits` × 10^`exponent`. Null for what is no quantity. */
export function parseQuantity(text: string | number): { digits: bigint; exponent: number } | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE][+-]?\d{1,3})|([KMGTPE]i)|([numkMGTPE]?))$/.exec(
    String(text).trim(),
  );
  if (match === null) return null;
  const [, sign, whole = "", fraction = "", scientific, binary, suffix = ""] = match;
  if (whole === "" && fraction === "") return null;
  let digits = BigInt(`${whole}${fraction}`);
  if (binary !== undefined) digits *= 1024n ** BigInt(BINARY_POWERS[binary] ?? 0);
  const exponent = scientific === undefined ? (DECIMAL_EXPONENTS[suffix] ?? 0) : Number(scientific.slice(1));
  return { digits: sign === "-" ? -digits : digits, exponent: exponent - fraction.length };
}

/**
 * A quantity in milli units, rounded away from zero to a whole one, as `Quantity.MilliValue()` does.
 * @throws {RangeError} for what is no quantity.
 * @see kubernetes/kubernetes staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go
 */
export function quantityMilli(text: string | number): number {
  const parsed = parseQuantity(text);
  if (parsed === null) throw new RangeError(`Not a quantity: "${text}"`);
  const exponent = parsed.exponent + 3;
  if (exponent >= 0) return Number(parsed.digits * 10n ** BigInt(exponent));
  const divisor = 10n ** BigInt(-exponent);
  const whole = parsed.digits / divisor;
  if (whole * divisor === parsed.digits) return Number(whole);
  return Number(parsed.digits < 0n ? whole - 1n : whole + 1n);
}

/** A quantity as a double; null for what is no quantity. */
export function quantityFloat(text: string | number): number | null {
  const parsed = parseQuantity(text);
  return parsed === null ? null : Number(`${parsed.digits}e${parsed.exponent}`);
}

/** Milli units as the API prints them: 2000 → `2`, 2150 → `2150m`. */
export function formatMilli(milli: number): string {
  if (milli >= INT64_MAX) return "9223372036854775807m";
  if (milli <= INT64_MIN) return "-9223372036854775808m";
  if (milli % 1000 !== 0) return `${milli}m`;
  const whole = milli / 1000;
  for (const [suffix, size] of [
    ["E", 1e18],
    ["P", 1e15],
    ["T", 1e12],
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (whole !== 0 && whole % size === 0) return `${whole / size}${suffix}`;
  }
  return String(whole);
}
