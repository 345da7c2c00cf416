import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../clock/clock.ts";

/** Request headers that go on to the backend; all others end here. */
const TO_BACKEND = [
  "content-type",
  "accept",
  "accept-language",
  "idempotency-key",
  "traceparent",
  "tracestate",
  "baggage",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "b3",
  "x-work-ms",
];

/** Answer headers that go back to the client. */
const TO_CLIENT = [
  "content-type",
  "content-language",
  "cache-control",
  "etag",
  "location",
  "retry-after",
  "vary",
];

const pick = (from: IncomingHttpHeaders, names: readonly string[]): Record<string, string> => {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = from[name];
    if (value !== undefined) picked[name] = typeof value === "string" ? value : value.join(", ");
  }
  return picked;
};

export const backendHeaders = (
  given: IncomingHttpHeaders,
  own: Readonly<Record<string, string>>,
): Record<string, string> => ({ ...pick(given, TO_BACKEND), ...own });

export const answerHeaders = (
  given: IncomingHttpHeaders,
  own: Readonly<Record<string, string>>,
): Record<string, string> => ({ ...pick(given, TO_CLIENT), ...own });

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** A request's `x-request-id`, or one of our own: pod, time of start and a count, so that no two are ever alike. */
export class RequestIds {
  readonly #prefix: string;
  #count = 0;

  constructor(pod: string, clock: Pick<Clock, "nowUs" | "epochUnixSeconds">) {
    this.#prefix = `${pod}-${clock.epochUnixSeconds.toString(36)}-${clock.nowUs().toString(36)}`;
  }

  of(given: string | readonly string[] | undefined): string {
    if (typeof given === "string" && REQUEST_ID.test(given)) return given;
    return `${this.#prefix}-${this.#count++}`;
  }
}
