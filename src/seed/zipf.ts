/** Fraction bits of an exponent that count. */
const FRACTION_BITS = 10;

/**
 * base^−exponent by multiplication and square roots alone, which IEEE 754 rounds the same on every machine, as it does not
 * `Math.pow`. The exponent is taken to the nearest 1/1024.
 */
function negativePower(base: number, exponent: number): number {
  const units = Math.round(exponent * 2 ** FRACTION_BITS);
  let power = 1;
  for (let whole = units >> FRACTION_BITS; whole > 0; whole--) power *= base;
  let root = base;
  for (let bit = FRACTION_BITS - 1; bit >= 0; bit--) {
    root = Math.sqrt(root);
    if ((units >> bit) & 1) power *= root;
  }
  return 1 / power;
}

/**
 * How many times as active as the average each of `count` tenants is: the k-th in proportion to k^−exponent (Zipf), with
 * mean 1. Exponent 0 is the same for all; web traffic is commonly taken for 0.6 to 1.
 *
 * Source: G. K. Zipf, Human Behavior and the Principle of Least Effort, 1949; L. Breslau and others, Web Caching and
 * Zipf-like Distributions, INFOCOM 1999 (exponents 0.64–0.83).
 */
export function zipfWeights(count: number, exponent: number): Float64Array {
  const weights = new Float64Array(count);
  let sum = 0;
  for (let k = 0; k < count; k++) sum += weights[k] = negativePower(k + 1, exponent);
  for (let k = 0; k < count; k++) weights[k] = (weights[k]! * count) / sum;
  return weights;
}
