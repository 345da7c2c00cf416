/**
 * The book of requests: joins what the client saw with what the sidecar's access log says, calls the outcome by its
 * name, compares the owner with the tenant's last one, and folds rows into windows before anything is sampled.
 */
import type { Clock } from "../../clock/clock.ts";
import { AffinityClassifier } from "../../events/affinity.ts";
import { WindowFold } from "../../events/aggregate.ts";
import type { Outcome, RequestRow, RunEvent } from "../../events/types.ts";
import type { AccessLogEntry } from "../../services/sidecar/protocol.ts";
import type { Topology } from "../../topology/types.ts";
import type { Exchange } from "./bench-client.ts";

export type RequestLedgerOptions = {
  readonly clock: Clock;
  readonly topology: Topology;
  readonly emit: (event: RunEvent) => void;
  /** How long a proxy that does not name its endpoint list may still use the one before. */
  readonly endpointsSlackUs?: number;
};

/** How long the access log may lag behind the answer, in real time, before the answer's word is taken alone. */
const ACCESS_LOG_PATIENCE_MS = 1_000;
const MAX_UNJOINED = 50_000;
const MAX_OWNERS = 1_000_000;
/** The gateway's own words for "beyond the limits of the hold" (see its error reasons). */
const LIMIT_REASONS = /^(hold_|tenant_limit|too_many)/;

export class RequestLedger {
  readonly #options: RequestLedgerOptions;
  readonly #access = new Map<string, AccessLogEntry>();
  readonly #waiting = new Map<string, (entry: AccessLogEntry) => void>();
  readonly #affinity: AffinityClassifier;
  readonly #fold: WindowFold;
  /** tier and tenant → the pod of its last answer. */
  readonly #owners = new Map<string, string>();
  /** The last warning or error that anything logged: what to tell when nothing comes up. */
  lastTrouble: string | null = null;

  constructor(options: RequestLedgerOptions) {
    this.#options = options;
    this.#fold = new WindowFold(options.emit);
    const services = options.topology.tiers.map((tier) => [tier.name, tier.routingService.fqdn]);
    this.#affinity = new AffinityClassifier({
      services: Object.fromEntries(services) as Record<string, string>,
      slackUs: options.endpointsSlackUs ?? 0,
    });
  }

  /** Every event of the run passes here: the sets of ready pods are part of the judgement. */
  observe(event: RunEvent): void {
    if (event.type === "log" && event.level !== "info") this.lastTrouble = event.message;
    if (event.type === "pod" && event.what === "exited")
      this.lastTrouble = `${event.pod} exited: ${event.reason}`;
    if (event.type === "endpoints") this.#affinity.endpoints(event);
    if (event.type === "decision") this.#affinity.decision(event);
  }

  access(entry: AccessLogEntry): void {
    if (entry.requestId === null || entry.pod === null || entry.status >= 300) return;
    const waiting = this.#waiting.get(entry.requestId);
    if (waiting) return waiting(entry);
    // Requests that are not the bench's own (a person's curl) are never asked for: let the oldest go.
    if (this.#access.size >= MAX_UNJOINED) this.#access.delete(this.#access.keys().next().value ?? "");
    this.#access.set(entry.requestId, entry);
  }

  ownerOf(tier: string, tenant: string): string | undefined {
    return this.#owners.get(`${tier} ${tenant}`);
  }

  async done(scenario: string, exchange: Exchange): Promise<void> {
    const answered = exchange.podInAnswer !== null;
    const entry = answered ? await this.#accessOf(exchange.id) : null;
    this.#write(scenario, exchange, entry?.pod ?? exchange.podInAnswer, entry?.endpointsVersion ?? undefined);
  }

  /** Writes the windows that have ended by `nowUs`. */
  advance(nowUs: number): void {
    this.#fold.advance(nowUs);
  }

  /** Writes what is left, at the end of a load or of the run. */
  flush(): void {
    this.#fold.flush();
  }

  #write(
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
    this.#options.emit(row);
  }

  #remember(key: string, pod: string): void {
    this.#owners.set(key, pod);
    if (this.#owners.size > MAX_OWNERS) this.#owners.delete(this.#owners.keys().next().value ?? "");
  }

  #accessOf(id: string): Promise<AccessLogEntry | null> {
    const known = this.#access.get(id);
    if (known) {
      this.#access.delete(id);
      return Promise.resolve(known);
    }
    return new Promise((resolve) => {
      const settle = (entry: AccessLogEntry | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(entry);
      };
      const timer = setTimeout(() => settle(null), ACCESS_LOG_PATIENCE_MS);
      this.#waiting.set(id, settle);
    });
  }
}

function outcomeOf({ status, podInAnswer, cause }: Exchange): Outcome {
  if (podInAnswer !== null) return "answer";
  if (status !== null && status < 500) return "error";
  return LIMIT_REASONS.test(cause ?? "") ? "refused" : "lost";
}
