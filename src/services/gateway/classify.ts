/**
 * What one attempt at the backend came to. Pure: the words of Envoy and of Node's sockets in, one of five results out.
 *
 * Envoy answers itself, with status 503: `no healthy upstream` (flag UH) where a cluster has no usable host, the header
 * `x-envoy-overloaded` where a circuit breaker is full (UO), and `upstream connect error or disconnect/reset before
 * headers…` where a connection failed (UF) or broke (UC). Source: envoyproxy/envoy, source/common/router/router.cc.
 */
import type { IncomingHttpHeaders } from "node:http";
import { NO_HEALTHY_UPSTREAM, OVERLOADED_HEADER, UPSTREAM_RESET } from "../shared/headers.ts";

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

export type Attempt =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** No pod to send it to: the request was not seen by anybody. */
  | { readonly kind: "noUpstream"; readonly cause: "no_healthy_upstream" | "name_not_found" }
  /** A circuit breaker of the proxy is full: not seen by anybody either. */
  | { readonly kind: "overloaded" }
  /** The connection could not be made, or broke: somebody may have seen the request. */
  | { readonly kind: "failed"; readonly cause: FailureCause; readonly detail: string }
  | { readonly kind: "aborted" };

export type FailureCause = "connection_failure" | "connection_reset" | "answer_too_large" | "bad_answer";

export function classifyAnswer(answer: Answer): Attempt {
  if (answer.status !== 503) return { kind: "answer", answer };
  if (answer.headers[OVERLOADED_HEADER] === "true") return { kind: "overloaded" };
  // Envoy's own bodies are short; a longer one is the application's.
  if (answer.body.length > 2048) return { kind: "answer", answer };
  const text = answer.body.toString("latin1").trim();
  if (text === NO_HEALTHY_UPSTREAM) return { kind: "noUpstream", cause: "no_healthy_upstream" };
  if (!text.startsWith(UPSTREAM_RESET)) return { kind: "answer", answer };
  const cause = /reset reason: (remote |local )?connection (failure|timeout)/.test(text)
    ? "connection_failure"
    : "connection_reset";
  return { kind: "failed", cause, detail: text };
}

const CONNECT_CODES = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  // Answers of a resolver that could not say whether the name exists.
  "EAI_AGAIN",
  "ESERVFAIL",
  "ETIMEOUT",
  "EREFUSED",
]);
/** Answers of a resolver that say there is nobody by this name now. */
const NO_NAME_CODES = new Set(["ENOTFOUND", "ENODATA", "EAI_NODATA"]);
const BAD_ANSWER_CODE = /^(HPE_|UND_ERR_(RESPONSE|HEADERS_OVERFLOW|RES_))/;

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

export function classifyError(error: unknown): Attempt {
  const code = codeOf(error);
  if (NO_NAME_CODES.has(code)) return { kind: "noUpstream", cause: "name_not_found" };
  const detail = error instanceof Error ? error.message : String(error);
  if (CONNECT_CODES.has(code)) return { kind: "failed", cause: "connection_failure", detail };
  if (BAD_ANSWER_CODE.test(code)) return { kind: "failed", cause: "bad_answer", detail };
  return { kind: "failed", cause: "connection_reset", detail };
}

/**
 * Whether the words of a proxy say that the pod refused the connection: nobody listens there yet, or any more.
 * (`remote connection failure`; `connection failure` before Envoy 1.24.)
 */
export const proxySaysRefused = (status: number, body: string): boolean =>
  status === 503 &&
  body.startsWith(UPSTREAM_RESET) &&
  /reset reason: (remote )?connection failure|Connection refused/.test(body);

/** The pod that a 2xx answer names; null for any other answer. */
export function podNamedBy(answer: Answer, podField: string): string | null {
  if (answer.status < 200 || answer.status > 299) return null;
  try {
    const parsed: unknown = JSON.parse(answer.body.toString("utf8"));
    if (typeof parsed !== "object" || parsed === null) return null;
    const pod: unknown = (parsed as Record<string, unknown>)[podField];
    return typeof pod === "string" && pod !== "" && pod.length <= 253 ? pod : null;
  } catch {
    return null;
  }
}
