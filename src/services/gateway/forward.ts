/**
 * Takes one request to its tenant's pod: holds it while there is none, tries again where that is safe, keeps to its deadline,
 * and notes which pod answered.
 */
import { type Clock, sleep, usToSeconds } from "../../clock/clock.ts";
import type { Random } from "../../seed/seed.ts";
import { guardUs } from "../shared/guard.ts";
import { DEADLINE_HEADER } from "../shared/headers.ts";
import type { Refusal } from "../shared/tenant-id.ts";
import type { Activity } from "./activity.ts";
import type { BackendClient } from "./backend.ts";
import { type Answer, type Attempt, podNamedBy } from "./classify.ts";
import { Lane, type Ticket } from "./hold.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { missCause, PodLog } from "./misses.ts";

export type ForwardRequest = {
  readonly tenant: string;
  readonly method: "GET" | "POST";
  /** Path and query at the backend. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whether it may be tried again after a failure that somebody may have seen: GET, or an Idempotency-Key. */
  readonly repeatable: boolean;
  readonly receivedUs: number;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
};

export type Forwarded =
  /** `pod` is null where the answer is no 2xx that names one. */
  | { readonly kind: "answer"; readonly answer: Answer; readonly pod: string | null }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "abandoned" };

export type TierDeps = {
  readonly tier: string;
  readonly backend: BackendClient;
  readonly lane: Lane;
  readonly activity: Activity;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly podField: string;
  readonly answerDeadlineSeconds: number;
  readonly pods: PodLog;
};

/** Waits between tries of one request, milliseconds of topology time: doubled from the first to the last, ± a half. */
const BACK_OFF_MS = { first: 50, last: 1000 };

type Tried = {
  readonly tries: number;
  readonly attempt: Attempt | { readonly kind: "deadline"; readonly lastCause: string };
};

export class Forwarder {
  readonly #deps: TierDeps;
  #seq = 0;

  constructor(deps: TierDeps) {
    this.#deps = deps;
  }

  async run(request: ForwardRequest): Promise<Forwarded> {
    const { lane, clock, activity, tier, metrics } = this.#deps;
    const ticket: Ticket = {
      seq: this.#seq++,
      tenant: request.tenant,
      receivedUs: request.receivedUs,
      bytes: request.body.length + 1024,
      signal: request.signal,
    };
    metrics.request(request.tenant, tier);
    if (!activity.begin(tier, request.tenant, clock.nowUs())) {
      return this.#close(request, {
        kind: "refused",
        refusal: {
          status: 503,
          reason: "tenant_limit",
          message: "Too many tenants are active.",
          retryAfterSeconds: 5,
        },
      });
    }
    try {
      let admission = await lane.admit(ticket);
      let tries = 0;
      while (admission.kind === "go") {
        const tried = await this.#try(request);
        tries += tried.tries;
        const { attempt } = tried;
        if (attempt.kind === "noUpstream" || attempt.kind === "overloaded") {
          // A try that no pod saw is no failed one.
          tries--;
          admission = await lane.requeue(ticket, attempt.kind);
          continue;
        }
        const result = this.#resultOf(request, attempt, tries);
        lane.done(ticket, attempt.kind === "answer");
        return this.#close(request, result);
      }
      return this.#close(request, admission);
    } finally {
      activity.end(tier, request.tenant, clock.nowUs());
    }
  }

  /** Tries until there is an answer, nobody to answer, a failure that may not be repeated, or no time. */
  async #try(request: ForwardRequest): Promise<Tried> {
    const { clock, backend, random, metrics, tier, answerDeadlineSeconds } = this.#deps;
    const deadlineUs = clock.nowUs() + guardUs(clock, answerDeadlineSeconds);
    const stop = new AbortController();
    const leave = (): void => stop.abort();
    request.signal.addEventListener("abort", leave);
    const timer = clock.at(deadlineUs, leave);
    let lastCause = "no answer";
    try {
      for (let tries = 1, backOffMs = BACK_OFF_MS.first; ; tries++) {
        const remainingMs = Math.max(1, Math.floor((deadlineUs - clock.nowUs()) / 1000));
        const attempt = request.signal.aborted
          ? ({ kind: "aborted" } as const)
          : await backend.send({
              method: request.method,
              path: request.path,
              headers: { ...request.headers, [DEADLINE_HEADER]: String(remainingMs) },
              body: request.body,
              signal: stop.signal,
            });
        if (attempt.kind === "aborted") {
          return { tries, attempt: request.signal.aborted ? attempt : { kind: "deadline", lastCause } };
        }
        if (attempt.kind !== "failed" || !request.repeatable || attempt.cause === "answer_too_large") {
          return { tries, attempt };
        }
        lastCause = attempt.cause;
        await sleep(clock, Math.round(backOffMs * 1000 * (0.5 + random.float())), stop.signal);
        if (stop.signal.aborted) continue;
        metrics.retried(tier, attempt.cause);
        backOffMs = Math.min(2 * backOffMs, BACK_OFF_MS.last);
      }
    } finally {
      timer.cancel();
      request.signal.removeEventListener("abort", leave);
    }
  }

  #resultOf(request: ForwardRequest, attempt: Tried["attempt"], tries: number): Forwarded {
    switch (attempt.kind) {
      case "answer":
        return { kind: "answer", answer: attempt.answer, pod: this.#note(request, attempt.answer, tries) };
      case "deadline": {
        const message = `No answer within ${this.#deps.answerDeadlineSeconds} s; last: ${attempt.lastCause}.`;
        return { kind: "refused", refusal: { status: 504, reason: "deadline_exceeded", message } };
      }
      case "failed": {
        // Nobody has seen a request whose connection could not be made, so trying again is safe: 503.
        const unseen = attempt.cause === "connection_failure";
        const refusal = {
          status: unseen ? 503 : 502,
          reason: attempt.cause,
          message: attempt.detail.slice(0, 300),
        };
        return { kind: "refused", refusal: unseen ? { ...refusal, retryAfterSeconds: 1 } : refusal };
      }
      default:
        return { kind: "abandoned" };
    }
  }

  /** Only a 2xx that names its pod changes the map and counts as hit or miss. */
  #note({ tenant }: ForwardRequest, answer: Answer, tries: number): string | null {
    const { activity, metrics, tier, clock, lane, pods, podField } = this.#deps;
    const pod = podNamedBy(answer, podField);
    if (pod === null) return null;
    const nowUs = clock.nowUs();
    const affinity = activity.answered(tier, tenant, pod, nowUs);
    pods.answered(pod, nowUs);
    if (affinity.kind === "first") metrics.first(tier);
    else if (affinity.kind === "hit") metrics.hit(tenant, pod);
    else if (lane.lastZeroUs !== null && lane.lastZeroUs > affinity.lastAnswerUs) metrics.overZero(tier);
    else {
      const from = pods.get(affinity.from);
      const to = pods.get(pod);
      metrics.miss(tier, missCause({ tries, tenantLastAnswerUs: affinity.lastAnswerUs, from, to }));
    }
    return pod;
  }

  #close(request: ForwardRequest, result: Forwarded): Forwarded {
    const { metrics, tier, clock } = this.#deps;
    const seconds = usToSeconds(clock.nowUs() - request.receivedUs);
    if (result.kind === "answer") {
      metrics.ended(tier, result.pod === null ? "error" : "answer", seconds);
      if (result.pod !== null) return result;
      const { status } = result.answer;
      metrics.failed(tier, status >= 200 && status < 300 ? "pod_not_named" : `status_${status}`);
    } else if (result.kind === "refused") {
      metrics.ended(tier, "refused", seconds);
      metrics.failed(tier, result.refusal.reason);
    } else {
      metrics.ended(tier, "abandoned", seconds);
      metrics.failed(tier, "client_left");
    }
    return result;
  }
}
