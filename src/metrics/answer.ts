/** What came of asking a Prometheus, or our own store: the raw parts that KEDA's scaler looks at. */
export type PrometheusAnswer = {
  /** Null where there was no HTTP answer at all: connection refused, time-out. */
  readonly httpStatus: number | null;
  /** `status` of the body: "success" or "error"; null where the body is not Prometheus' JSON. */
  readonly status: string | null;
  /** `data.resultType`; null where there is no `data`. */
  readonly resultType: string | null;
  /** `data.result` as it came: for a vector `[{metric, value: [unixSeconds, "text"]}, …]`; null where there is none. */
  readonly result: unknown;
  readonly errorType: string | null;
  /** The error in Prometheus' words, or why there was no (readable) answer; null for a success. */
  readonly error: string | null;
  readonly warnings: readonly string[];
};
