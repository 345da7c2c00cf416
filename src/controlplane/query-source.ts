import type { PrometheusAnswer } from "../metrics/answer.ts";

/** Who answers the triggers' queries: the built-in store, or a real Prometheus. */
export interface QuerySource {
  /** An instant query as KEDA asks it: `time` truncated to a whole Unix second. */
  query(promql: string, timeUnixSeconds: number): PrometheusAnswer | Promise<PrometheusAnswer>;
}
