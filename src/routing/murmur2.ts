/**
 * 64-bit MurmurHash2 as libstdc++ has it, seed 0xc70f6907: Envoy's other hash for ring entries, which Istio never
 * asks for. Kept small rather than fast. Source: envoyproxy/envoy source/common/common/hash.cc.
 */
import { fromBigInt } from "./hash64.ts";
import type { Hash64 } from "./hash64.ts";

const MULTIPLIER = 0xc6a4a7935bd1e995n;
const SEED = 0xc70f6907n;
const MASK = 0xffffffffffffffffn;
const times = (value: bigint): bigint => (value * MULTIPLIER) & MASK;
const mix = (value: bigint): bigint => value ^ (value >> 47n);

export function murmur2(bytes: Uint8Array): Hash64 {
  let hash = SEED ^ times(BigInt(bytes.length));
  const whole = bytes.length & ~7;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += 8) hash = times(hash ^ times(mix(times(view.getBigUint64(at, true)))));
  if (whole < bytes.length) {
    let rest = 0n;
    for (let at = bytes.length - 1; at >= whole; at--) rest = (rest << 8n) | BigInt(bytes[at]!);
    hash = times(hash ^ rest);
  }
  return fromBigInt(mix(times(mix(hash))));
}
