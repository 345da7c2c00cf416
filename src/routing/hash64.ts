/**
 * An unsigned 64-bit number as two 32-bit halves: what JavaScript multiplies and compares fast, where a BigInt would
 * be allocated at each step. The halves are signed 32-bit integers, which the engine keeps without a box; whoever
 * orders or prints them takes them as unsigned (`>>> 0`).
 */
export type Hash64 = { readonly high: number; readonly low: number };

export const fromBigInt = (value: bigint): Hash64 => ({
  high: Number(BigInt.asIntN(32, value >> 32n)),
  low: Number(BigInt.asIntN(32, value)),
});
export const toBigInt = ({ high, low }: Hash64): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
export const toDecimal = (hash: Hash64): string => toBigInt(hash).toString();

export const xor = (a: Hash64, b: Hash64): Hash64 => ({ high: a.high ^ b.high, low: a.low ^ b.low });

/** Rotation to the left by one bit. */
export const rotl1 = ({ high, low }: Hash64): Hash64 => ({
  high: (high << 1) | (low >>> 31),
  low: (low << 1) | (high >>> 31),
});

/** Remainder by `divisor` ≤ 2²⁶, so that every step stays exact in a double. */
export const modulo = ({ high, low }: Hash64, divisor: number): number =>
  (((high >>> 0) % divisor) * (2 ** 32 % divisor) + ((low >>> 0) % divisor)) % divisor;

/** The upper half of the 64-bit product of two 32-bit numbers taken as unsigned; itself signed. */
export function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Neither sum can leave 32 bits unsigned.
  const first = (Math.imul(aLow, bHigh) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const second = ((first & 0xffff) + Math.imul(aHigh, bLow)) | 0;
  return (Math.imul(aHigh, bHigh) + (first >>> 16) + (second >>> 16)) | 0;
}
