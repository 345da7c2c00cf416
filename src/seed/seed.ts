import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** One named stream of chance. Every draw is exact integer arithmetic, so it is the same on every machine. */
export interface Random {
  /** A whole number, 0 ≤ n < 2³². */
  uint32(): number;
  /** A whole number, 0 ≤ n < `bound`; `bound` is at most 2³². */
  below(bound: number): number;
  /** 0 ≤ x < 1, in steps of 2⁻⁵³. */
  float(): number;
  /** The items in a random order; the input is left alone. */
  shuffled<T>(items: readonly T[]): T[];
}

/** 32-bit FNV-1a with a final mix: turns a stream's name into a seed of its own. */
function nameToSeed(name: string, basis: number): number {
  let hash = basis >>> 0;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}

/**
 * The stream that `name` means under `seed`. Streams are independent: drawing more from one never shifts another,
 * so a pod's address stays the same when the traffic changes.
 */
export function stream(seed: number, name: string): Random {
  const low = nameToSeed(name, (seed ^ 0x811c9dc5) >>> 0);
  const high = nameToSeed(`${name}#${Math.floor(seed / 2 ** 32)}`, (seed ^ 0x01234567) >>> 0);
  // An all-zero state would stay zero for ever; the constants keep it apart.
  const generator = xoroshiro128plusFromState([low, ~low, high, high ^ 0x5bd1e995]);
  const uint32 = (): number => generator.next() >>> 0;
  const below = (bound: number): number => {
    if (!(bound >= 1)) throw new RangeError(`nothing is below ${bound}`);
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const drawn = uint32();
      if (drawn < limit) return drawn % bound;
    }
  };
  return {
    uint32,
    below,
    float: () => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53,
    shuffled: (items) => {
      const result = [...items];
      for (let i = result.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [result[i], result[j]] = [result[j]!, result[i]!];
      }
      return result;
    },
  };
}
