/**
 * The gateway's program without HTTP: the same lanes, limits, gauge and memory of tenants as `src/services/gateway`, and
 * its rules for trying again, on callbacks.
 */
import { type Clock, secondsToUs, type Timer } from "../../clock/clock.ts";
import { type Random, stream } from "../../seed/seed.ts";
import { Activity } from "../../services/gateway/activity.ts";
import type { GatewayConfig } from "../../services/gateway/config.ts";
import { ActiveTenantsGauge, Supervised } from "../../services/gateway/gauge.ts";
import { type Admission, HoldLimits, Lane, type Ticket } from "../../services/gateway/hold.ts";
import type { Probe } from "../../topology/types.ts";
import type { ResolvedRoute } from "../../routing/types.ts";
import { Counters, sampleLine, seriesHead, type WantedMetrics } from "./exposition.ts";
import type { Population } from "../population.ts";
import { PopulationActivity } from "./population-activity.ts";
import type { Proxy, ProxyPassage, ProxyReply } from "./proxy.ts";
import { type ProbeKind, type SimulatedProgram, probePage } from "./server.ts";
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

/** Metrics of the program that change with each request, whatever comes of it. */
const COUNTED = [
  "test_requests_total",
  "test_request_outcomes_total",
  "test_holds_total",
  "test_held_requests",
  "test_requests_in_flight",
];

/** What each request of a tier meets here and beyond, as long as nothing changes. */
export type Passage = ProxyPassage & {
  readonly activity: PopulationActivity;
  readonly inFlight: number;
};

type Tier = {
  readonly lane: Lane;
  /** Those of its tenants that have numbers. */
  readonly numbered: PopulationActivity;
  readonly random: Random;
  readonly route: ResolvedRoute | null;
  readonly headless: string | null;
  recovered: boolean;
};

const SWEEP_SECONDS = 10;
/** Waits between tries of one request, milliseconds: doubled from the first to the last, ± a half. */
const BACK_OFF_MS = { first: 50, last: 1000 };
const BODY_OVERHEAD_BYTES = 1024;

export class Gateway implements SimulatedProgram {
  readonly options: GatewayOptions;
  readonly activity: Activity;
  readonly counters: Counters;
  readonly #tiers = new Map<string, Tier>();
  readonly #gauge: ActiveTenantsGauge;
  readonly #sweeper: Supervised;
  readonly #open = new Set<Forwarding>();
  readonly #series: readonly { readonly head: string; readonly tiers: readonly string[] }[];
  #seq = 0;
  #draining = false;
  #accepting = true;
  #gone = false;

  constructor(options: GatewayOptions) {
    this.options = options;
    const { config, clock } = options;
    const seed = config.seed ?? stream(0, config.pod).uint32();
    const tiers = config.backends.map(({ tier }) => tier);
    this.counters = new Counters(options.wanted);
    this.activity = new Activity(tiers, {
      idleUs: secondsToUs(config.tenantIdleSeconds),
      keepUs: secondsToUs(config.keepSeconds),
      maxTenants: config.maxTenants,
    });
    const limits = new HoldLimits({
      perTenant: config.holdPerTenant,
      total: config.holdTotal,
      bytes: config.holdBytes,
    });
    this.#gauge = new ActiveTenantsGauge({
      clock,
      tiers,
      log: () => {},
      intervalSeconds: config.gaugeIntervalSeconds,
      count: (tier) => (this.#tiers.get(tier)!.recovered ? this.#active(tier) : undefined),
      onFailure: () => {},
    });
    this.#sweeper = new Supervised(
      clock,
      SWEEP_SECONDS,
      () => void this.activity.sweep(clock.nowUs()),
      () => {},
    );
    for (const { tier, url, headless } of config.backends) {
      const random = stream(seed, `gateway/${config.pod}/${tier}`);
      const lane = new Lane({
        clock,
        random,
        limits,
        holdUs: secondsToUs(config.holdSeconds),
        maxInFlight: Math.min(config.releaseInFlight, config.backendConnections),
        maxDirect: config.backendConnections,
        on: (event) => this.counters.inc(["test_holds_total"], { tier, event }),
        onColdStart: () => {},
      });
      const route = options.routeOf(url);
      const numbered = new PopulationActivity(secondsToUs(config.tenantIdleSeconds), 0);
      this.#tiers.set(tier, { lane, numbered, random, route, headless, recovered: headless === null });
    }
    this.#series = seriesOf(config);
    this.#gauge.start();
    this.#sweeper.start();
    for (const tier of tiers) this.#recover(tier);
  }

  get accepting(): boolean {
    return this.#accepting && !this.#gone;
  }

  /** A client's request; `settle` is called once, within this call or later. */
  request(request: GatewayRequest, settle: (answer: GatewayAnswer) => void): void {
    const { config, clock } = this.options;
    const refuse = (status: number, reason: string): void =>
      settle({ status, pod: null, cause: reason, owner: null });
    const tier = this.#tiers.get(request.tier);
    if (!tier) return refuse(400, "tier_unknown");
    if (this.#open.size >= config.maxRequests) return refuse(503, "too_many_requests");
    this.counters.inc(["test_requests_total"], { tenant_id: request.tenant, tier: request.tier });
    const { tenantNumber } = request;
    if (tenantNumber !== undefined) {
      tier.numbered.reserve(this.options.population.size);
      tier.numbered.begin(tenantNumber);
    } else if (!this.activity.begin(request.tier, request.tenant, clock.nowUs())) {
      this.activity.end(request.tier, request.tenant, clock.nowUs());
      return refuse(503, "tenant_limit");
    }
    const forwarding = new Forwarding(this, tier, request, this.#seq++, (answer) => {
      this.#open.delete(forwarding);
      if (tenantNumber === undefined) this.activity.end(request.tier, request.tenant, clock.nowUs());
      else tier.numbered.end(tenantNumber, clock.nowUs());
      const outcome = answer.pod !== null ? "answer" : answer.cause === null ? "error" : "refused";
      this.counters.inc(["test_request_outcomes_total"], { tier: request.tier, outcome });
      settle(answer);
      this.#exitWhenIdle();
    });
    this.#open.add(forwarding);
    forwarding.start();
  }

  /** Null where only the whole way tells what a request meets. */
  passage(name: string): Passage | null {
    const tier = this.#tiers.get(name);
    const { config, wanted, population, proxy } = this.options;
    const steady =
      tier !== undefined &&
      this.accepting &&
      !this.#draining &&
      tier.recovered &&
      tier.lane.flows &&
      population.size <= config.maxTenants &&
      !COUNTED.some((metric) => wanted.has(metric));
    if (!steady || tier.route === null) return null;
    const way = proxy()?.passage(tier.route, config.tenantHeader, config.backendPath);
    if (!way) return null;
    tier.numbered.reserve(population.size);
    return {
      ...way,
      atOnce: Math.min(way.atOnce, config.backendConnections, config.maxRequests - this.#open.size),
      timeoutUs: Math.min(way.timeoutUs, secondsToUs(config.answerDeadlineSeconds)),
      activity: tier.numbered,
      inFlight: tier.lane.inFlight,
    };
  }

  probe(probe: Probe, kind: ProbeKind): boolean {
    const page = probePage(probe, kind, this.options.standIn);
    if (this.#gone || page === "none") return false;
    return page === "health" || !this.#draining;
  }

  scrape(path: string): string {
    if (!this.options.standIn && path !== "/metrics") throw new Error("server returned HTTP status 404");
    const { wanted } = this.options;
    let text = this.#activeTenants() + this.counters.page();
    for (const [tier, { lane, recovered }] of this.#tiers) {
      const gauges: [string, number][] = [
        ["test_held_requests", lane.held],
        ["test_requests_in_flight", lane.inFlight],
        ["test_recovery_complete", recovered ? 1 : 0],
      ];
      for (const [name, value] of gauges) if (wanted.has(name)) text += sampleLine(name, { tier }, value);
    }
    return text;
  }

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    const { clock, config } = this.options;
    const delayUs = secondsToUs(config.drainDelaySeconds);
    const drainUs = secondsToUs(config.drainSeconds);
    const startUs = clock.nowUs();
    clock.at(startUs + delayUs, () => {
      this.#accepting = false;
      this.#exitWhenIdle();
    });
    clock.at(startUs + delayUs + Math.round(0.8 * drainUs), () => {
      const message = "This gateway is ending; another one can take the request.";
      for (const { lane } of this.#tiers.values())
        lane.end({ status: 503, reason: "draining", message, retryAfterSeconds: 1 });
    });
    clock.at(startUs + delayUs + drainUs, () => this.#exit());
  }

  die(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#accepting = false;
    this.#gauge.stop();
    this.#sweeper.stop();
    for (const forwarding of this.#open) forwarding.cut();
    this.#open.clear();
  }

  #active(tier: string): number {
    const nowUs = this.options.clock.nowUs();
    return this.activity.active(tier, nowUs) + this.#tiers.get(tier)!.numbered.active(nowUs);
  }

  #exitWhenIdle(): void {
    if (this.#draining && !this.#accepting && this.#open.size === 0) this.#exit();
  }

  #exit(): void {
    if (this.#gone) return;
    this.die();
    this.options.onExit("exit code 0");
  }

  #activeTenants(): string {
    let text = "";
    for (const { head, tiers } of this.#series) {
      const counts = tiers.map((tier) => this.#gauge.shown(tier));
      // Tiers that share a series are added up, and none of it is told while one of them is not known.
      if (counts.includes(undefined)) continue;
      text += `${head}${counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)}\n`;
    }
    return text;
  }

  /** Asks the tier's pods for its tenants before saying how many are active (`services/gateway/recovery.ts`). */
  #recover(name: string): void {
    const { clock, random, timings, config, tenantsAt, fullyQualified, proxy } = this.options;
    const tier = this.#tiers.get(name)!;
    if (tier.recovered || this.#gone) return;
    const pods = tier.headless === null ? [] : proxy()?.listed(fullyQualified(tier.headless));
    // Without its proxy there is no one to tell the names.
    const waitUs = pods ? drawUs(timings.recoveryAnswer, random) : 1_000_000;
    clock.at(clock.nowUs() + waitUs, () => {
      if (this.#gone) return;
      if (!pods) return this.#recover(name);
      const nowUs = clock.nowUs();
      for (const { address } of pods) {
        const reading = tenantsAt(address, config.tenantIdleSeconds);
        if (reading === null) continue;
        for (const [tenant, seconds] of Object.entries(reading.tenants))
          this.activity.restore(name, tenant, reading.pod, nowUs - secondsToUs(seconds));
        this.#recoverNumbered(tier, reading.pod, nowUs);
      }
      tier.recovered = true;
    });
  }

  /** What the pod knows of tenants with numbers stands with the population. */
  #recoverNumbered({ numbered }: Tier, pod: string, nowUs: number): void {
    const { population, config } = this.options;
    const fromUs = nowUs - secondsToUs(config.tenantIdleSeconds);
    numbered.reserve(population.size);
    for (const { tenant, overUs } of population.lastAnsweredBy(pod, fromUs))
      numbered.answered(tenant, overUs);
  }
}

/** The gauge's series as their lines begin, each with the tiers that it counts. */
function seriesOf({
  activeTenantsMetrics,
}: GatewayConfig): { readonly head: string; readonly tiers: string[] }[] {
  const series = new Map<string, { readonly head: string; readonly tiers: string[] }>();
  for (const { tier, metric, labels } of activeTenantsMetrics) {
    const sorted = Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const head = seriesHead(metric, sorted);
    const known = series.get(head);
    if (known) known.tiers.push(tier);
    else series.set(head, { head, tiers: [tier] });
  }
  return [...series.values()];
}

/** One request on its way through the gateway (`services/gateway/forward.ts`). */
class Forwarding {
  readonly #gateway: Gateway;
  readonly #tier: Tier;
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
    gateway: Gateway,
    tier: Tier,
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
