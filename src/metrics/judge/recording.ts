/** Series to compare answers on: made from a seed, with gaps, resets, staleness markers and odd values. */
import { Labels, METRIC_NAME } from "../../promql/labels.ts";
import { stream } from "../../seed/seed.ts";
import type { RecordedSeries } from "./remote-write.ts";

export const RECORDING_START_MS = 1_700_000_000_000;
export const RECORDING_END_MS = RECORDING_START_MS + 40 * 60_000;

type Point = { tMs: number; value: number | "stale" };

/** 222 series over 40 minutes. */
export function makeRecording(seed: number): RecordedSeries[] {
  const random = stream(seed, "recording");
  const all: RecordedSeries[] = [];

  const times = (everyMs: number): number[] => {
    const out: number[] = [];
    let skip = 0;
    const phase = random.below(everyMs);
    for (let tMs = RECORDING_START_MS + phase; tMs <= RECORDING_END_MS; tMs += everyMs) {
      if (skip > 0) skip--;
      else if (random.below(40) === 0) skip = 1 + random.below(80);
      // Some series are scraped on the dot, others with jitter.
      else out.push(tMs + (everyMs % 2 === 0 ? 0 : random.below(700)));
    }
    return out;
  };

  const add = (set: Record<string, string>, everyMs: number, next: (i: number) => number): void => {
    const samples: Point[] = times(everyMs).map((tMs, i) => ({ tMs, value: next(i) }));
    // Once in a while the series vanishes: a marker where its next sample would be, or in between.
    const marked = samples.flatMap((point, i): Point[] => {
      const following = samples[i + 1];
      if (random.below(60) !== 0 || following === undefined) return [point];
      return [point, { tMs: Math.floor((point.tMs + following.tMs) / 2), value: "stale" }];
    });
    all.push({ labels: Labels.from(set), samples: marked });
  };

  const intervals = [5_000, 10_000, 15_000, 14_999, 30_001];
  const interval = (): number => intervals[random.below(intervals.length)] ?? 15_000;
  const jobs = ["api", "gateway", "batch"];
  const tiers = ["small", "medium", "large"];

  for (const job of jobs)
    for (const tier of tiers)
      for (let pod = 0; pod < 6; pod++) {
        const instance = `10.0.${pod}.${random.below(250)}:8080`;
        const common = { job, tier, pod: `${job}-${pod}`, instance };
        let total = random.below(1000);
        const reset = 1 + random.below(120);
        add(
          { [METRIC_NAME]: "requests_total", ...common, code: pod % 2 === 0 ? "200" : "500" },
          interval(),
          (i) => {
            total =
              i % reset === reset - 1 ? random.below(5) : total + random.below(50) / (1 + random.below(4));
            return total;
          },
        );
        add({ [METRIC_NAME]: "active_tenants", ...common }, interval(), () => random.below(20));
        add({ [METRIC_NAME]: "temperature", job, tier, pod: `${pod}` }, interval(), () => {
          const odd = random.below(50);
          if (odd === 0) return NaN;
          if (odd === 1) return random.below(2) === 0 ? Infinity : -Infinity;
          return (random.float() - 0.5) * 10 ** (random.below(12) - 4);
        });
      }

  for (const tier of tiers) {
    for (const pod of ["a", "b"]) {
      const bounds = ["0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"];
      const counts = bounds.map(() => 0);
      const everyMs = 15_000;
      bounds.forEach((le, index) => {
        add({ [METRIC_NAME]: "latency_seconds_bucket", tier, pod, le }, everyMs, () => {
          for (let i = index; i < counts.length; i++) counts[i] = (counts[i] ?? 0) + random.below(4);
          return counts[index] ?? 0;
        });
      });
    }
    add({ [METRIC_NAME]: "limit", tier }, 15_000, () => 5 + random.below(3));
    add({ [METRIC_NAME]: "info", tier, version: `v${random.below(3)}` }, 15_000, () => 1);
  }
  for (let pod = 0; pod < 6; pod++)
    add({ [METRIC_NAME]: "up", job: jobs[pod % 3] ?? "", instance: `host-${pod}` }, 10_000, () =>
      random.below(12) === 0 ? 0 : 1,
    );
  // Two of the same but for the name: dropping names makes them collide.
  add({ [METRIC_NAME]: "twin_one", x: "1" }, 15_000, (i) => i);
  add({ [METRIC_NAME]: "twin_two", x: "1" }, 15_000, (i) => 2 * i);
  add({ [METRIC_NAME]: "large" }, 10_000, (i) => (i % 2 === 0 ? 1e300 * (i + 1) : 1e-300));
  add({ [METRIC_NAME]: "cancelling", sign: "plus" }, 10_000, () => 1e16 + random.below(100));
  add({ [METRIC_NAME]: "cancelling", sign: "minus" }, 10_000, () => -1e16 - random.below(100));
  add({ [METRIC_NAME]: "cancelling", sign: "small" }, 10_000, () => random.float());
  return all;
}
