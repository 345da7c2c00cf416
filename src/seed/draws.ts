/**
 * Chance by place instead of by turn: what is drawn for the n-th thing of a stream is the same whoever asks first, and
 * a million streams need no object each. Whole 32-bit steps, so every machine agrees.
 */
import { stream } from "./seed.ts";

/** One named family of streams; {@link drawAt} takes its number apart from theirs. */
export type DrawKey = { readonly high: number; readonly low: number };

export function drawKey(seed: number, name: string): DrawKey {
  const random = stream(seed, name);
  return { high: random.uint32() | 0, low: random.uint32() | 0 };
}

/** The final mix of MurmurHash3: each bit of the input sways each of the result. */
function mixed(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Where stream `index` under `key` begins; what {@link drawTurn} goes on from. */
export const drawPlace = ({ high, low }: DrawKey, index: number): number =>
  mixed((low + Math.imul(index, 0x9e3779b1)) | 0) ^ high;

/** The `turn`-th draw of a stream: a whole number, 0 ≤ n < 2³². */
export const drawTurn = (place: number, turn: number): number =>
  mixed((place + Math.imul(turn + 1, 0x7feb352d)) | 0) >>> 0;

/** The `turn`-th draw of stream `index` under `key`. */
export const drawAt = (key: DrawKey, index: number, turn: number): number =>
  drawTurn(drawPlace(key, index), turn);

/** A stream read draw by draw, set to any place of any stream of its family: one object serves a million of them. */
export class DrawCursor {
  readonly #key: DrawKey;
  #index = 0;
  turn = 0;

  constructor(key: DrawKey) {
    this.#key = key;
  }

  seek(index: number, turn: number): void {
    this.#index = index;
    this.turn = turn;
  }

  /** 0 ≤ x < 1, in steps of 2⁻³². */
  float(): number {
    return drawAt(this.#key, this.#index, this.turn++) / 2 ** 32;
  }
}
