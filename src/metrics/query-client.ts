import type { QueryOptions } from "../promql/query.ts";
import type { Storage } from "../promql/storage.ts";
import type { PrometheusAnswer } from "./answer.ts";

/** Asks a real Prometheus. Never throws: what went wrong is in the answer. */
export declare function queryPrometheus(request: {
  readonly baseUrl: string;
  readonly query: string;
  /** Omitted from the request where undefined. */
  readonly timeUnixSeconds?: number;
  readonly timeoutMs: number;
}): Promise<PrometheusAnswer>;

/** The answer that the HTTP API would give, without the HTTP. `timeUnixSeconds` may have a fraction. */
export declare function queryTsdb(
  storage: Storage,
  request: { readonly query: string; readonly timeUnixSeconds: number; readonly options?: QueryOptions },
): PrometheusAnswer;
