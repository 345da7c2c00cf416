/** One query over a text of samples: what a Prometheus that had scraped them would answer. */
import { PromqlError } from "../promql/errors.ts";
import { instantQuery, type QueryOptions, type QueryResult } from "../promql/query.ts";
import { apiErrorOf } from "./api-error.ts";
import { errorBody, resultJson, successBody } from "./api-json.ts";
import { readSamples, storeSamples } from "./load-samples.ts";

export type SamplesQuery = {
  readonly promql: string;
  /** Exposition text, version 0.0.4; timestamps in unix milliseconds. */
  readonly text: string;
  /** When to ask, unix milliseconds; null: at the text's newest timestamp, else at `nowMs`. */
  readonly tMs: number | null;
  readonly nowMs: number;
  readonly options?: QueryOptions;
};

export type SamplesAnswer = {
  /** When it was asked, unix milliseconds; samples without a timestamp are of that instant. */
  readonly tMs: number;
  /** What the HTTP API writes, byte for byte. */
  readonly body: string;
} & (
  | { readonly result: QueryResult; readonly error: null }
  | { readonly result: null; readonly error: { readonly errorType: string; readonly message: string } }
);

/** Asks. A query that fails is an answer too. Throws an `ExpositionError` for a text that cannot be read. */
export function querySamples({ promql, text, tMs: wanted, nowMs, options }: SamplesQuery): SamplesAnswer {
  const samples = readSamples(text);
  const tMs = wanted ?? samples.newestMs ?? nowMs;
  const tsdb = storeSamples(samples, tMs);
  try {
    const result = instantQuery(tsdb, promql, tMs, options);
    return { tMs, body: successBody(resultJson(result), result.warnings, result.infos), result, error: null };
  } catch (problem) {
    if (!(problem instanceof PromqlError)) throw problem;
    const { errorType, message } = apiErrorOf(problem);
    return { tMs, body: errorBody(errorType, message), result: null, error: { errorType, message } };
  }
}
