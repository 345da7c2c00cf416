/**
 * An unsigned 64-bit number as two 32-bit halves: what JavaScript multiplies and compares fast, where a BigInt would
 * be allocated at each step.
 */
export type Hash64 = { readonly high: number; readonly low: number };

export const fromBigInt = (value: bigint): Hash64 => ({
  high: Number((value >> 32n) & 0xffffffffn),
  low: Number(value & 0xffffffffn),
});
export const toBigInt = ({ high, low }: Hash64): bigint => (BigInt(high) << 32n) | BigInt(low);
export const toDecimal = (hash: Hash64): string => toBigInt(hash).toString();

export const xor = (a: Hash64, b: Hash64): Hash64 => ({
  high: (a.high ^ b.high) >>> 0,
  low: (a.low ^ b.low) >>> 0,
});

/** Rotation to the left by one bit. */
export const rotl1 = ({ high, low }: Hash64): Hash64 => ({
  high: ((high << 1) | (low >>> 31)) >>> 0,
  low: ((low << 1) | (high >>> 31)) >>> 0,
});

/** Remainder by `divisor` ≤ 2²⁶, so that every step stays exact in a double. */
export const modulo = ({ high, low }: Hash64, divisor: number): number =>
  ((high % divisor) * (2 ** 32 % divisor) + (low % divisor)) % divisor;

/** The upper half of the 64-bit product of two 32-bit numbers. */
export function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const first = (Math.imul(aLow, bHigh) >>> 0) + (Math.imul(aLow, bLow) >>> 16);
  const second = (first & 0xffff) + (Math.imul(aHigh, bLow) >>> 0);
  return (Math.imul(aHigh, bHigh) + Math.floor(first / 65536) + Math.floor(second / 65536)) >>> 0;
}
