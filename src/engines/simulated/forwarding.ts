/** One request on its way through the simulated gateway: held, sent, tried again, answered. */
import { type Clock, secondsToUs, type Timer } from "../../clock/clock.ts";
import type { ResolvedRoute } from "../../routing/types.ts";
import type { Random } from "../../seed/seed.ts";
import type { Activity } from "../../services/gateway/activity.ts";
import type { GatewayConfig } from "../../services/gateway/config.ts";
import type { Admission, Lane, Ticket } from "../../services/gateway/hold.ts";
import type { Population } from "../population.ts";
import type { Counters, WantedMetrics } from "./exposition.ts";
import type { PopulationActivity } from "./population-activity.ts";
import type { Proxy, ProxyReply } from "./proxy.ts";
import { drawUs, type SimulatedTimings } from "./timings.ts";

export type GatewayRequest = {
  readonly id: string;
  /** Among all of the run: what its times are drawn by. */
  readonly number: number;
  readonly tenant: string;
  /** Where it has one: what is remembered of it stands in columns. */
  readonly tenantNumber?: number | undefined;
  readonly tier: string;
  readonly method: "GET" | "POST";
  readonly idempotencyKey: string | undefined;
};

/** What the client gets; `status` null where the connection broke. */
export type GatewayAnswer = {
  readonly status: number | null;
  readonly pod: string | null;
  readonly cause: string | null;
  /** By the proxy's access log. */
  readonly owner: string | null;
  readonly endpointsVersion?: number;
};

export type GatewayOptions = {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly timings: Pick<SimulatedTimings, "hop" | "recoveryAnswer">;
  readonly wanted: WantedMetrics;
  readonly standIn: boolean;
  /** The proxy beside it, while it is up. */
  readonly proxy: () => Proxy | null;
  /** How calls to an origin are routed; null for a name of elsewhere. */
  readonly routeOf: (origin: string) => ResolvedRoute | null;
  /** When each tenant of the pod behind an address was last answered, seconds; null where nobody listens. */
  readonly tenantsAt: (
    address: string,
    withinSeconds: number,
  ) => { readonly pod: string; readonly tenants: Readonly<Record<string, number>> } | null;
  readonly fullyQualified: (name: string) => string;
  readonly population: Population;
  readonly onExit: (reason: string) => void;
};

export type GatewayTier = {
  readonly lane: Lane;
  /** Those of its tenants that have numbers. */
  readonly numbered: PopulationActivity;
  readonly random: Random;
  readonly route: ResolvedRoute | null;
  readonly headless: string | null;
  recovered: boolean;
};

/** What a request needs of the gateway that it passes. */
export type ForwardingHost = {
  readonly options: GatewayOptions;
  readonly activity: Activity;
  readonly counters: Counters;
};

/** Waits between tries of one request, milliseconds: doubled from the first to the last, ± a half. */
const BACK_OFF_MS = { first: 50, last: 1000 };
const BODY_OVERHEAD_BYTES = 1024;

/** One request on its way through the gateway (`services/gateway/forward.ts`). */
export class Forwarding {
  readonly #gateway: ForwardingHost;
  readonly #tier: GatewayTier;
  readonly #request: GatewayRequest;
  readonly #ticket: Ticket;
  readonly #settle: (answer: GatewayAnswer) => void;
  #over = false;
  #deadlineUs = 0;
  #backOffMs = BACK_OFF_MS.first;
  #tries = 0;
  #deadline: Timer | null = null;
  #endStep: () => void = () => {};

  constructor(
    gateway: ForwardingHost,
    tier: GatewayTier,
    request: GatewayRequest,
    seq: number,
    settle: (answer: GatewayAnswer) => void,
  ) {
    this.#gateway = gateway;
    this.#tier = tier;
    this.#request = request;
    this.#settle = settle;
    this.#ticket = {
      seq,
      tenant: request.tenant,
      receivedUs: gateway.options.clock.nowUs(),
      bytes: BODY_OVERHEAD_BYTES,
      signal: null,
    };
  }

  start(): void {
    this.#tier.lane.enter(this.#ticket, (admission) => this.#admitted(admission));
  }

  /** The gateway is gone: the client's connection breaks. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline?.cancel();
    this.#endStep();
    this.#settle({ status: null, pod: null, cause: "UND_ERR_SOCKET", owner: null });
  }

  #admitted(admission: Admission): void {
    if (this.#over) return;
    if (admission.kind !== "go") {
      const { status, reason } =
        admission.kind === "refused" ? admission.refusal : { status: 499, reason: "abandoned" };
      return this.#end({ status, pod: null, cause: reason, owner: null });
    }
    const { clock, config } = this.#gateway.options;
    this.#deadlineUs = clock.nowUs() + secondsToUs(config.answerDeadlineSeconds);
    this.#backOffMs = BACK_OFF_MS.first;
    this.#deadline = clock.at(this.#deadlineUs, () => {
      this.#endStep();
      this.#done({ status: 504, pod: null, cause: "deadline_exceeded", owner: null }, false);
    });
    this.#try();
  }

  #try(): void {
    const { proxy, clock, config, random, timings } = this.#gateway.options;
    const { id, number, tenant, tenantNumber, idempotencyKey } = this.#request;
    const up = proxy();
    const { route } = this.#tier;
    if (up === null || route === null) {
      const reply: ProxyReply =
        route === null ? { kind: "noUpstream" } : { kind: "failed", cause: "connection_failure" };
      const timer = clock.at(clock.nowUs() + drawUs(timings.hop, random), () => this.#replied(reply));
      this.#endStep = () => timer.cancel();
      return;
    }
    this.#endStep = up.send(
      route,
      {
        headers: [
          [config.tenantHeader, tenant],
          ["x-request-id", id],
          ...(idempotencyKey === undefined ? [] : [["idempotency-key", idempotencyKey] as const]),
        ],
        pod: {
          tenant,
          path: config.backendPath,
          deadlineUs: this.#deadlineUs,
          number,
          attempt: this.#tries++,
          numbered: tenantNumber !== undefined,
        },
      },
      (reply) => this.#replied(reply),
    );
  }

  #replied(reply: ProxyReply): void {
    if (this.#over) return;
    if (reply.kind === "noUpstream" || reply.kind === "overloaded") {
      this.#deadline?.cancel();
      return this.#tier.lane.reenter(this.#ticket, reply.kind, (admission) => this.#admitted(admission));
    }
    if (reply.kind === "answer") {
      const { answer, owner, endpointsVersion } = reply;
      const named = answer.status < 300 ? answer.pod : null;
      const cause = named === null ? (answer.reason ?? `status ${answer.status}`) : null;
      const { clock } = this.#gateway.options;
      const { tier, tenant, tenantNumber } = this.#request;
      if (named !== null && tenantNumber !== undefined)
        this.#tier.numbered.answered(tenantNumber, clock.nowUs());
      else if (named !== null) this.#gateway.activity.answered(tier, tenant, named, clock.nowUs());
      return this.#done({ status: answer.status, pod: named, cause, owner, endpointsVersion }, true);
    }
    const { method, idempotencyKey } = this.#request;
    if (method !== "GET" && idempotencyKey === undefined) {
      const status = reply.cause === "connection_failure" ? 503 : 502;
      return this.#done({ status, pod: null, cause: reply.cause, owner: null }, false);
    }
    this.#tryAgain(reply.cause);
  }

  #tryAgain(cause: string): void {
    const { clock } = this.#gateway.options;
    const waitUs = Math.round(this.#backOffMs * 1000 * (0.5 + this.#tier.random.float()));
    this.#backOffMs = Math.min(2 * this.#backOffMs, BACK_OFF_MS.last);
    const timer = clock.at(clock.nowUs() + waitUs, () => {
      this.#gateway.counters.inc(["test_retries_total"], { tier: this.#request.tier, cause });
      this.#try();
    });
    this.#endStep = () => timer.cancel();
  }

  #done(answer: GatewayAnswer, reached: boolean): void {
    if (this.#over) return;
    this.#tier.lane.done(this.#ticket, reached);
    this.#end(answer);
  }

  #end(answer: GatewayAnswer): void {
    this.#over = true;
    this.#deadline?.cancel();
    this.#settle(answer);
  }
}
