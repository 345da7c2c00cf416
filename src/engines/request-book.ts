/**
 * The book of requests: calls the outcome by its name, compares the owner with the tenant's last one, and folds rows
 * into windows before anything is sampled. The same for every engine.
 */
import { AffinityClassifier, type AnsweredRequest } from "../events/affinity.ts";
import { WindowFold } from "../events/aggregate.ts";
import type { Affinity, Outcome, RequestRow, RequestsWindow, RunEvent } from "../events/types.ts";
import type { Topology } from "../topology/types.ts";
import type { Arrival } from "./engine.ts";
import { Population } from "./population.ts";

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
  /** Where the tenant has one ({@link Population}). */
  readonly tenantNumber?: number | undefined;
  /** For anything but a 2xx with a pod: the machine-readable reason of the answer, or the connection's error. */
  readonly cause: string | null;
};

const MAX_OWNERS = 1_000_000;
/** The gateway's own words for "beyond the limits of the hold" (see its error reasons). */
const LIMIT_REASONS = /^(hold_|tenant_limit|too_many)/;

export class RequestBook {
  readonly #emit: (event: RunEvent) => void;
  readonly #affinity: AffinityClassifier;
  #fold: WindowFold;
  #rowWanted: (id: string) => boolean = () => true;
  readonly population = new Population();
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
    const number = this.population.find(tier, tenant);
    if (number !== undefined) return this.population.lastAnswer(number)?.pod;
    return this.#owners.get(`${tier} ${tenant}`);
  }

  /** Writes the windows that have ended by `nowUs`. */
  advance(nowUs: number): void {
    this.#fold.advance(nowUs);
  }

  /** From here on windows are as long as this, and requests have rows where `rowWanted` says so. */
  sample(windowUs: number, rowWanted: (id: string) => boolean): void {
    this.#fold.flush();
    this.#fold = new WindowFold(this.#emit, windowUs);
    this.#rowWanted = rowWanted;
  }

  /** Takes sums of requests that somebody else has compared and counted. */
  merge(window: RequestsWindow): void {
    this.#fold.merge(window);
  }

  /** How an answered request's owner compares with its tenant's last one, which it now is. */
  compare(tenant: number, pod: number, request: Omit<AnsweredRequest, "tenant" | "pod">): Affinity {
    const { population } = this;
    const last = population.lastAnswer(tenant);
    const affinity = this.#affinity.compare(last, { ...request, pod: population.podNames[pod]! });
    population.answered(tenant, pod, request.atUs, request.endpointsVersion ?? 0);
    return affinity;
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
    const { arrival, tenantNumber } = exchange;
    const outcome = outcomeOf(exchange);
    const answered = {
      tier: arrival.tier,
      sentAtUs: exchange.sentAtUs,
      atUs: exchange.doneAtUs,
      ...(endpointsVersion === undefined ? {} : { endpointsVersion }),
    };
    let affinity: Affinity | undefined;
    if (pod !== null && outcome === "answer" && tenantNumber !== undefined) {
      affinity = this.compare(tenantNumber, this.population.podNumber(pod), answered);
    } else if (pod !== null && outcome === "answer") {
      affinity = this.#affinity.answered({ ...answered, tenant: arrival.tenant, pod });
      this.#remember(`${arrival.tier} ${arrival.tenant}`, pod);
    }
    const row = rowOf(scenario, exchange, pod, outcome, affinity);
    this.#fold.add(row);
    if (this.#rowWanted(exchange.id)) this.#emit(row);
  }

  /** The row of a request that is counted already. */
  row(scenario: string, exchange: Exchange, pod: string, affinity: Affinity): void {
    this.#emit(rowOf(scenario, exchange, pod, "answer", affinity));
  }

  #remember(key: string, pod: string): void {
    this.#owners.set(key, pod);
    if (this.#owners.size > MAX_OWNERS) this.#owners.delete(this.#owners.keys().next().value ?? "");
  }
}

function rowOf(
  scenario: string,
  exchange: Exchange,
  pod: string | null,
  outcome: Outcome,
  affinity: Affinity | undefined,
): RequestRow {
  const { arrival, status, cause, podInAnswer } = exchange;
  return {
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
}

function outcomeOf({ status, podInAnswer, cause }: Exchange): Outcome {
  if (podInAnswer !== null) return "answer";
  if (status !== null && status < 500) return "error";
  return LIMIT_REASONS.test(cause ?? "") ? "refused" : "lost";
}
