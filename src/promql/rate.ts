import type { Window } from "./window.ts";

/**
 * `rate`, `increase` and `delta`: the change between the window's first and last sample, resets of a counter added back,
 * stretched towards the window's ends. Undefined for fewer than two samples.
 * Source: prometheus/prometheus promql/functions.go (extrapolatedRate).
 */
export function extrapolatedRate(window: Window, isCounter: boolean, perSecond: boolean): number | undefined {
  const { times, values } = window;
  const intervals = values.length - 1;
  if (intervals < 1) return undefined;
  const first = values[0] ?? NaN;
  let change = (values[intervals] ?? NaN) - first;
  if (isCounter)
    for (let i = 1; i <= intervals; i++) {
      const before = values[i - 1] ?? NaN;
      if ((values[i] ?? NaN) < before) change += before;
    }

  const firstMs = times[0] ?? NaN;
  const lastMs = times[intervals] ?? NaN;
  const sampled = (lastMs - firstMs) / 1000;
  const average = sampled / intervals;
  // No sample where one was due: the series begins or ends inside the window, so go only half an interval further.
  const threshold = average * 1.1;

  let toStart = (firstMs - window.startMs) / 1000;
  // A counter was never negative: not further back than to where it would have been zero. Version 2 looked at this first.
  const toZero = isCounter && change > 0 && first >= 0 ? sampled * (first / change) : Infinity;
  if (window.version === 2) toStart = Math.min(toStart, toZero);
  if (toStart >= threshold) toStart = average / 2;
  if (window.version === 3) toStart = Math.min(toStart, toZero);
  let toEnd = (window.endMs - lastMs) / 1000;
  if (toEnd >= threshold) toEnd = average / 2;

  let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
  if (perSecond) factor /= (window.endMs - window.startMs) / 1000;
  return change * factor;
}

/** `irate` (per second, resets counted from zero) and `idelta`: from the last two samples only. */
export function instantRate({ times, values }: Window, isRate: boolean): number | undefined {
  const last = values.length - 1;
  if (last < 1) return undefined;
  const [before, value] = [values[last - 1] ?? NaN, values[last] ?? NaN];
  const sampledMs = (times[last] ?? NaN) - (times[last - 1] ?? NaN);
  if (sampledMs === 0) return undefined;
  const change = isRate && value < before ? value : value - before;
  return isRate ? change / (sampledMs / 1000) : change;
}
