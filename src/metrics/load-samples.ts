import { parseExposition, parseSeries } from "./exposition.ts";
import { Tsdb } from "./tsdb.ts";

/**
 * A store of the samples of a text in the exposition format, in whatever order they stand there. Samples without a
 * timestamp are taken to be of `defaultMs` (unix milliseconds). Throws an `ExpositionError` with the line.
 */
export function loadSamples(text: string, defaultMs: number): Tsdb {
  const samples: {
    readonly series: string;
    readonly value: number;
    readonly tMs: number;
    readonly line: number;
  }[] = [];
  parseExposition(text, {
    sample: (series, value, tMs, line) => samples.push({ series, value, tMs: tMs ?? defaultMs, line }),
  });
  samples.sort((a, b) => a.tMs - b.tMs);
  const tsdb = new Tsdb({ retentionMs: Infinity });
  for (const { series, value, tMs, line } of samples) tsdb.append(parseSeries(series, line), tMs, value);
  return tsdb;
}
