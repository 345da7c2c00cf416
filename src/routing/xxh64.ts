/**
 * XXH64 in two 32-bit halves. Held against the reference library by the tests.
 * Source: Cyan4973/xxHash doc/xxhash_spec.md; Envoy uses seed 0 (envoyproxy/envoy source/common/common/hash.h).
 */
import { multiplyHigh } from "./hash64.ts";
import type { Hash64 } from "./hash64.ts";

const P1H = 0x9e3779b1 | 0;
const P1L = 0x85ebca87 | 0;
const P2H = 0xc2b2ae3d | 0;
const P2L = 0x27d4eb4f | 0;
const P3H = 0x165667b1 | 0;
const P3L = 0x9e3779f9 | 0;
const P4H = 0x85ebca77 | 0;
const P4L = 0xc2b2ae63 | 0;
const P5H = 0x27d4eb2f | 0;
const P5L = 0x165667c5 | 0;

// P1 + P2, with which the first lane starts.
const SUM_H = (P1H + P2H + ((P1L >>> 0) + (P2L >>> 0) > 0xffffffff ? 1 : 0)) | 0;
const SUM_L = (P1L + P2L) | 0;

// The working number and the four lanes. One hash is computed at a time, without a call that could interleave.
let high = 0;
let low = 0;
const lanes = new Int32Array(8);

function multiply(byHigh: number, byLow: number): void {
  high = (multiplyHigh(low, byLow) + Math.imul(high, byLow) + Math.imul(low, byHigh)) | 0;
  low = Math.imul(low, byLow);
}

function add(otherHigh: number, otherLow: number): void {
  const sum = (low + otherLow) | 0;
  // A carry happened where the sum is, unsigned, below what was added.
  high = (high + otherHigh + (sum >>> 0 < otherLow >>> 0 ? 1 : 0)) | 0;
  low = sum;
}

/** Rotates left by `bits`, 1 to 31. */
function rotate(bits: number): void {
  const rotated = (high << bits) | (low >>> (32 - bits));
  low = (low << bits) | (high >>> (32 - bits));
  high = rotated;
}

const read32 = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** (lane + input × P2) rotated by 31, × P1. */
function round(laneHigh: number, laneLow: number, inputHigh: number, inputLow: number): void {
  high = inputHigh;
  low = inputLow;
  multiply(P2H, P2L);
  add(laneHigh, laneLow);
  rotate(31);
  multiply(P1H, P1L);
}

function setLane(lane: number, seed: Hash64, plusHigh: number, plusLow: number): void {
  high = seed.high;
  low = seed.low;
  add(plusHigh, plusLow);
  lanes[2 * lane] = high;
  lanes[2 * lane + 1] = low;
}

function addLaneRotated(lane: number, bits: number): void {
  const wasHigh = high;
  const wasLow = low;
  high = lanes[2 * lane]!;
  low = lanes[2 * lane + 1]!;
  rotate(bits);
  add(wasHigh, wasLow);
}

function mergeLane(lane: number): void {
  const wasHigh = high;
  const wasLow = low;
  round(0, 0, lanes[2 * lane]!, lanes[2 * lane + 1]!);
  high = high ^ wasHigh;
  low = low ^ wasLow;
  multiply(P1H, P1L);
  add(P4H, P4L);
}

/** Eats whole stripes of 32 bytes; answers how many bytes that were. */
function stripes(bytes: Uint8Array, seed: Hash64): number {
  setLane(0, seed, SUM_H, SUM_L);
  setLane(1, seed, P2H, P2L);
  setLane(2, seed, 0, 0);
  setLane(3, seed, ~P1H, -P1L | 0);
  let at = 0;
  for (; at + 32 <= bytes.length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const from = at + 8 * lane;
      round(lanes[2 * lane]!, lanes[2 * lane + 1]!, read32(bytes, from + 4), read32(bytes, from));
      lanes[2 * lane] = high;
      lanes[2 * lane + 1] = low;
    }
  }
  high = 0;
  low = 0;
  addLaneRotated(0, 1);
  addLaneRotated(1, 7);
  addLaneRotated(2, 12);
  addLaneRotated(3, 18);
  for (let lane = 0; lane < 4; lane++) mergeLane(lane);
  return at;
}

function tail(bytes: Uint8Array, from: number): void {
  let at = from;
  for (; at + 8 <= bytes.length; at += 8) {
    const wasHigh = high;
    const wasLow = low;
    round(0, 0, read32(bytes, at + 4), read32(bytes, at));
    high = high ^ wasHigh;
    low = low ^ wasLow;
    rotate(27);
    multiply(P1H, P1L);
    add(P4H, P4L);
  }
  if (at + 4 <= bytes.length) {
    const word = read32(bytes, at);
    high = high ^ (multiplyHigh(word, P1L) + Math.imul(word, P1H));
    low = low ^ Math.imul(word, P1L);
    rotate(23);
    multiply(P2H, P2L);
    add(P3H, P3L);
    at += 4;
  }
  for (; at < bytes.length; at++) {
    const byte = bytes[at]!;
    high = high ^ (multiplyHigh(byte, P5L) + Math.imul(byte, P5H));
    low = low ^ Math.imul(byte, P5L);
    rotate(11);
    multiply(P1H, P1L);
  }
}

function avalanche(): void {
  // h ^= h >>> 33 moves bit 33 of the whole to bit 0: only the upper half reaches down.
  low = low ^ (high >>> 1);
  multiply(P2H, P2L);
  const shiftedLow = (low >>> 29) | (high << 3);
  const shiftedHigh = high >>> 29;
  high = high ^ shiftedHigh;
  low = low ^ shiftedLow;
  multiply(P3H, P3L);
  low = low ^ high;
}

export const ZERO: Hash64 = { high: 0, low: 0 };

export function xxh64(bytes: Uint8Array, seed: Hash64 = ZERO): Hash64 {
  let from = 0;
  if (bytes.length >= 32) {
    from = stripes(bytes, seed);
  } else {
    high = seed.high;
    low = seed.low;
    add(P5H, P5L);
  }
  add(0, bytes.length);
  tail(bytes, from);
  avalanche();
  return { high, low };
}

// Ring strings are short and many: one buffer serves them all.
const scratch = new Uint8Array(256);

/** XXH64 of a text whose characters are all below U+0100, one byte each (Latin-1, as Node writes headers). */
export function xxh64Latin1(text: string, seed: Hash64 = ZERO): Hash64 {
  const bytes =
    text.length <= scratch.length ? scratch.subarray(0, text.length) : new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return xxh64(bytes, seed);
}
