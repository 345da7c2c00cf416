/**
 * How many milliseconds of topology time the caller will still wait for its answer. A header of our own: Envoy's
 * `x-envoy-expected-rq-timeout-ms` is overwritten by each proxy with the route's time-out.
 */
export const DEADLINE_HEADER = "x-deadline-ms";

/** What Envoy answers itself, in its words (source/common/http and router of envoyproxy/envoy). */
export const NO_HEALTHY_UPSTREAM = "no healthy upstream";
export const UPSTREAM_RESET = "upstream connect error or disconnect/reset before headers";
export const OVERLOADED_HEADER = "x-envoy-overloaded";
