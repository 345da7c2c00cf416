/**
 * The book of requests: calls the outcome by its name, compares the owner with the tenant's last one, and folds rows
 * into windows before anything is sampled. The same for every engine.
 */
import { AffinityClassifier } from "../events/affinity.ts";
import { WindowFold } from "../events/aggregate.ts";
import type { Outcome, RequestRow, RunEvent } from "../events/types.ts";
import type { Topology } from "../topology/types.ts";
import type { Arrival } from "./engine.ts";

/** How the `x-request-id` of the bench's own requests begins. */
export const BENCH_ID = "bench-";

/** The gateway holds a request for at most 60 s and waits 10 s for its answer; the bench is more patient than both. */
export const CLIENT_TIMEOUT_SECONDS = 90;

/** What the bench, as a client, saw of one request. */
export type Exchange = {
  readonly arrival: Arrival;
  readonly id: string;
  readonly sentAtUs: number;
  readonly doneAtUs: number;
  readonly status: number | null;
  readonly podInAnswer: string | null;
  /** For anything but a 2xx with a pod: the machine-readable reason of the answer, or the connection's error. */
  readonly cause: string | null;
};

const MAX_OWNERS = 1_000_000;
/** The gateway's own words for "beyond the limits of the hold" (see its error reasons). */
const LIMIT_REASONS = /^(hold_|tenant_limit|too_many)/;

export class RequestBook {
  readonly #emit: (event: RunEvent) => void;
  readonly #affinity: AffinityClassifier;
  readonly #fold: WindowFold;
  /** tier and tenant → the pod of its last answer. */
  readonly #owners = new Map<string, string>();

  /** `endpointsSlackUs`: how long a proxy that does not name its endpoint list may still use the one before. */
  constructor(topology: Topology, emit: (event: RunEvent) => void, endpointsSlackUs = 0) {
    this.#emit = emit;
    this.#fold = new WindowFold(emit);
    const services = topology.tiers.map((tier) => [tier.name, tier.routingService.fqdn]);
    this.#affinity = new AffinityClassifier({
      services: Object.fromEntries(services) as Record<string, string>,
      slackUs: endpointsSlackUs,
    });
  }

  /** Every event of the run passes here: the sets of ready pods are part of the judgement. */
  observe(event: RunEvent): void {
    if (event.type === "endpoints") this.#affinity.endpoints(event);
    if (event.type === "decision") this.#affinity.decision(event);
  }

  ownerOf(tier: string, tenant: string): string | undefined {
    return this.#owners.get(`${tier} ${tenant}`);
  }

  /** Writes the windows that have ended by `nowUs`. */
  advance(nowUs: number): void {
    this.#fold.advance(nowUs);
  }

  /** Writes what is left, at the end of a load or of the run. */
  flush(): void {
    this.#fold.flush();
  }

  /** One request is over; `pod` and `endpointsVersion` are the proxy's word. */
  write(
    scenario: string,
    exchange: Exchange,
    pod: string | null,
    endpointsVersion: number | undefined,
  ): void {
    const { arrival, status, cause, podInAnswer } = exchange;
    const outcome = outcomeOf(exchange);
    const affinity =
      pod === null || outcome !== "answer"
        ? undefined
        : this.#affinity.answered({
            tier: arrival.tier,
            tenant: arrival.tenant,
            pod,
            sentAtUs: exchange.sentAtUs,
            atUs: exchange.doneAtUs,
            ...(endpointsVersion === undefined ? {} : { endpointsVersion }),
          });
    if (affinity !== undefined && pod !== null) this.#remember(`${arrival.tier} ${arrival.tenant}`, pod);
    const row: RequestRow = {
      type: "request",
      atUs: exchange.doneAtUs,
      scheduledAtUs: arrival.atUs,
      sentAtUs: exchange.sentAtUs,
      id: exchange.id,
      scenario,
      load: arrival.load,
      tenant: arrival.tenant,
      tier: arrival.tier,
      gateway: arrival.gateway,
      method: arrival.method,
      idempotent: arrival.method === "GET" || arrival.idempotencyKey !== undefined,
      status,
      outcome,
      ...(cause === null ? {} : { cause }),
      pod,
      ...(podInAnswer !== null && podInAnswer !== pod ? { podInAnswer } : {}),
      ...(affinity === undefined ? {} : { affinity }),
      latencyUs: exchange.doneAtUs - arrival.atUs,
    };
    this.#fold.add(row);
    this.#emit(row);
  }

  #remember(key: string, pod: string): void {
    this.#owners.set(key, pod);
    if (this.#owners.size > MAX_OWNERS) this.#owners.delete(this.#owners.keys().next().value ?? "");
  }
}

function outcomeOf({ status, podInAnswer, cause }: Exchange): Outcome {
  if (podInAnswer !== null) return "answer";
  if (status !== null && status < 500) return "error";
  return LIMIT_REASONS.test(cause ?? "") ? "refused" : "lost";
}
