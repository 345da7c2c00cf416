/**
 * The gateway's program without HTTP: the same lanes, limits, gauge and memory of tenants as `src/services/gateway`, on
 * callbacks.
 */
import { secondsToUs } from "../../clock/clock.ts";
import { stream } from "../../seed/seed.ts";
import { Activity } from "../../services/gateway/activity.ts";
import type { GatewayConfig } from "../../services/gateway/config.ts";
import { ActiveTenantsGauge, Supervised } from "../../services/gateway/gauge.ts";
import { HoldLimits, Lane } from "../../services/gateway/hold.ts";
import type { Probe } from "../../topology/types.ts";
import {
  Forwarding,
  type GatewayAnswer,
  type GatewayOptions,
  type GatewayRequest,
  type GatewayTier,
} from "./forwarding.ts";
import { Counters, sampleLine, seriesHead } from "./exposition.ts";
import { PopulationActivity } from "./population-activity.ts";
import type { ProxyPassage } from "./proxy.ts";
import { type ProbeKind, type SimulatedProgram, probePage } from "./server.ts";
import { drawUs } from "./timings.ts";

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

const SWEEP_SECONDS = 10;
export class Gateway implements SimulatedProgram {
  readonly options: GatewayOptions;
  readonly activity: Activity;
  readonly counters: Counters;
  readonly #tiers = new Map<string, GatewayTier>();
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
  #recoverNumbered({ numbered }: GatewayTier, pod: string, nowUs: number): void {
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
