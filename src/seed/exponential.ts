import type { Random } from "./seed.ts";

/**
 * A draw from the exponential distribution of mean 1, by comparing uniform ones: no logarithm, whose last bits differ
 * between machines. A falling run of draws that begins with u is of odd length with probability e⁻ᵘ; a run of even length
 * is thrown away and counts for one whole unit.
 *
 * Source: J. von Neumann, Various techniques used in connection with random digits, 1951.
 */
export function exponential(random: Pick<Random, "float">): number {
  for (let whole = 0; ; whole++) {
    const first = random.float();
    let last = first;
    let length = 1;
    for (let next = random.float(); next < last; next = random.float()) {
      last = next;
      length++;
    }
    if (length % 2 === 1) return whole + first;
  }
}
