/**
 * Prometheus' remote write 1.0, just enough to put samples (staleness markers too) into a real Prometheus for comparison.
 * Source: prometheus/prometheus prompb/remote.proto, google/snappy format_description.txt.
 */
import type { Labels } from "../../promql/labels.ts";

export type RecordedSeries = {
  readonly labels: Labels;
  /** "stale" stands for a staleness marker. */
  readonly samples: readonly { readonly tMs: number; readonly value: number | "stale" }[];
};

function varint(value: number | bigint): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return out;
}

const field = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);

function sample(value: number | "stale", tMs: number): Buffer {
  const double = Buffer.alloc(8);
  if (value === "stale") double.writeBigUInt64LE(0x7ff0000000000002n);
  else if (Number.isNaN(value)) double.writeBigUInt64LE(0x7ff8000000000001n);
  else double.writeDoubleLE(value);
  return Buffer.concat([Buffer.from([9]), double, Buffer.from([16, ...varint(tMs)])]);
}

function timeSeries({ labels, samples }: RecordedSeries): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < labels.pairs.length; i += 2) {
    const pair = [
      field(1, Buffer.from(labels.pairs[i] ?? "")),
      field(2, Buffer.from(labels.pairs[i + 1] ?? "")),
    ];
    parts.push(field(1, Buffer.concat(pair)));
  }
  for (const { tMs, value } of samples) parts.push(field(2, sample(value, tMs)));
  return Buffer.concat(parts);
}

/** Snappy's block format with literals only: larger than it could be, and right. */
function snappy(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from(varint(bytes.length))];
  for (let at = 0; at < bytes.length; at += 65_536) {
    const piece = bytes.subarray(at, at + 65_536);
    const length = piece.length - 1;
    parts.push(Buffer.from([61 << 2, length & 0xff, length >> 8]), piece);
  }
  return Buffer.concat(parts);
}

/** The body of a write request. */
export const writeRequest = (series: readonly RecordedSeries[]): Buffer =>
  snappy(Buffer.concat(series.map((one) => field(1, timeSeries(one)))));

const SLICE_MS = 600_000;

/** The same samples, ten minutes at a time. Who takes them in this order makes the series in the same order too. */
export function slicesOf(series: readonly RecordedSeries[]): RecordedSeries[][] {
  const times = series.flatMap(({ samples }) => samples.map(({ tMs }) => tMs));
  const [first, last] = times.reduce(([low, high], tMs) => [Math.min(low, tMs), Math.max(high, tMs)], [
    Infinity,
    -Infinity,
  ] as [number, number]);
  const slices: RecordedSeries[][] = [];
  for (let from = first; from <= last; from += SLICE_MS)
    slices.push(
      series
        .map(({ labels, samples }) => ({
          labels,
          samples: samples.filter(({ tMs }) => tMs >= from && tMs < from + SLICE_MS),
        }))
        .filter(({ samples }) => samples.length > 0),
    );
  return slices.filter((slice) => slice.length > 0);
}
