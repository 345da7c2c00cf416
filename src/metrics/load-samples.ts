import { ExpositionError, parseExposition, parseSeries } from "./exposition.ts";
import { Tsdb } from "./tsdb.ts";

type TextSample = {
  readonly series: string;
  readonly value: number;
  /** Unix milliseconds; null where the line has no timestamp. */
  readonly tMs: number | null;
  readonly line: number;
};

export type TextSamples = {
  readonly samples: readonly TextSample[];
  /** The newest timestamp written in the text; null where there is none. */
  readonly newestMs: number | null;
};

/** More than any page that is read at a desk; a text above it is refused, not cut. */
const MAX_SERIES = 1_000_000;

/** The samples of a text in the exposition format, as they stand there. Throws an `ExpositionError` with the line. */
export function readSamples(text: string): TextSamples {
  const samples: TextSample[] = [];
  let newestMs: number | null = null;
  parseExposition(text, {
    sample: (series, value, tMs, line) => {
      samples.push({ series, value, tMs, line });
      if (tMs !== null && (newestMs === null || tMs > newestMs)) newestMs = tMs;
    },
  });
  return { samples, newestMs };
}

/**
 * A store of samples, in whatever order they were written. Those without a timestamp are taken to be of `defaultMs`
 * (unix milliseconds). Throws an `ExpositionError` where a series has two values at one time.
 */
export function storeSamples({ samples }: TextSamples, defaultMs: number): Tsdb {
  const timed = samples.map(({ tMs, ...sample }) => ({ ...sample, tMs: tMs ?? defaultMs }));
  timed.sort((a, b) => a.tMs - b.tMs);
  const tsdb = new Tsdb({ retentionMs: Infinity, maxSeries: MAX_SERIES });
  for (const { series, value, tMs, line } of timed) {
    const result = tsdb.append(parseSeries(series, line), tMs, value);
    if (result === "appended") continue;
    throw new ExpositionError(
      line,
      result === "refused"
        ? `more than ${MAX_SERIES} series`
        : `a second value for ${series} at ${tMs} ms; one series has one value at a time`,
    );
  }
  return tsdb;
}

/** {@link readSamples} and {@link storeSamples} in one. */
export const loadSamples = (text: string, defaultMs: number): Tsdb =>
  storeSamples(readSamples(text), defaultMs);
