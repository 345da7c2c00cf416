/** When Envoy tries again, and after how long. Source: envoyproxy/envoy source/common/router/retry_state_impl.cc. */
import type { Random } from "../seed/seed.ts";
import type { RetryPolicy } from "./types.ts";

/** How one attempt ended. `reset`: without a complete set of response headers. */
export type AttemptOutcome =
  | { readonly kind: "connect-failure" }
  | { readonly kind: "overflow" }
  | { readonly kind: "reset" }
  | { readonly kind: "per-try-timeout" }
  | { readonly kind: "response"; readonly status: number; readonly grpcStatus: number | null };

const GRPC_WORDS: Readonly<Record<string, number>> = {
  cancelled: 1,
  "deadline-exceeded": 4,
  "resource-exhausted": 8,
  internal: 13,
  unavailable: 14,
};

/** The word of `retry_on` that asks for another attempt after this outcome, null for none. */
export function retryReason(policy: RetryPolicy, outcome: AttemptOutcome): string | null {
  if (outcome.kind === "overflow") return null;
  const { retryOn } = policy;
  if (outcome.kind !== "response") {
    const words = ["5xx", "gateway-error", "reset"];
    if (outcome.kind === "connect-failure") words.push("connect-failure", "reset-before-request");
    return retryOn.find((word) => words.includes(word)) ?? null;
  }
  const { status, grpcStatus } = outcome;
  const matches = (word: string): boolean => {
    if (word === "5xx") return status >= 500;
    if (word === "gateway-error") return status >= 502 && status <= 504;
    if (word === "retriable-4xx") return status === 409;
    if (word === "retriable-status-codes") return policy.retriableStatusCodes.includes(status);
    return grpcStatus !== null && GRPC_WORDS[word] === grpcStatus;
  };
  return retryOn.find(matches) ?? null;
}

const BASE_MS = 25;
const MAX_MS = 250;

/** Wait before retry `n` (1 = the first): a whole number of milliseconds below the doubling, capped interval. */
export const backOffMs = (n: number, random: Random): number =>
  random.below(Math.min(MAX_MS, BASE_MS * 2 ** (n - 1)));
