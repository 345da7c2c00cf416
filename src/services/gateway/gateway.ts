import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, secondsToUs } from "../../clock/clock.ts";
import { stream } from "../../seed/seed.ts";
import { guardRealMs } from "../shared/guard.ts";
import { HttpService } from "../shared/http-service.ts";
import {
  abortedByClient,
  ByteBudget,
  notFound,
  readBody,
  send,
  sendJson,
  sendRefusal,
  splitTarget,
} from "../shared/http.ts";
import type { Log } from "../shared/log.ts";
import type { Program } from "../shared/run.ts";
import { isTenantId, readTenantId, type Refusal } from "../shared/tenant-id.ts";
import { Activity } from "./activity.ts";
import { BackendClient } from "./backend.ts";
import type { Backend, GatewayConfig } from "./config.ts";
import { Forwarder } from "./forward.ts";
import { ActiveTenantsGauge, Supervised } from "./gauge.ts";
import { HoldLimits, Lane } from "./hold.ts";
import { createGatewayMetrics } from "./metrics.ts";
import { PodLog } from "./misses.ts";
import { createNames, type Names } from "./names.ts";
import { answerHeaders, backendHeaders, RequestIds } from "./pass-through.ts";
import { Recovery } from "./recovery.ts";
import { readSimulation, simulate } from "./simulate.ts";
import { tierOf } from "./tiers.ts";

export type GatewayDeps = {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: by the configuration's DNS server. */
  readonly names?: Names;
};

export type Gateway = Program & {
  readonly service: HttpService;
  /** Ends at once, whatever is in progress. */
  close(): Promise<void>;
};

const SWEEP_SECONDS = 10;

type Tier = {
  readonly backend: Backend;
  readonly client: BackendClient;
  readonly lane: Lane;
  readonly recovery: Recovery;
  readonly forwarder: Forwarder;
};

/**
 * The entry of the topology. `GET` and `POST /request` take a tenant's request to its tier (see forward.ts and hold.ts),
 * `/simulate/{tenant}?duration=60` makes traffic, `/metrics`, `/health` and `/ready` tell how it goes. Routing is the mesh's:
 * the tenant→pod map here is an observation. The tenant header is taken as it comes: whoever can reach the gateway can name
 * any tenant, so in production it belongs behind something that sets the header from an authenticated identity.
 */
export function createGateway(deps: GatewayDeps): Gateway {
  const { config, clock, log } = deps;
  const seed = config.seed ?? stream(0, config.pod).uint32();
  const names = deps.names ?? createNames(config.dnsServer, guardRealMs(clock, 2));
  const connectTimeoutMs = guardRealMs(clock, config.connectTimeoutSeconds);
  const tierNames = config.backends.map(({ tier }) => tier);
  const idleUs = secondsToUs(config.tenantIdleSeconds);
  const activity = new Activity(tierNames, {
    idleUs,
    keepUs: secondsToUs(config.keepSeconds),
    maxTenants: config.maxTenants,
  });
  const limits = new HoldLimits({
    perTenant: config.holdPerTenant,
    total: config.holdTotal,
    bytes: config.holdBytes,
  });
  const bodies = new ByteBudget(2 * Math.max(config.holdBytes, config.bodyLimitBytes));
  const ids = new RequestIds(config.pod, clock);
  const table = {
    tiers: new Set(tierNames),
    tenantTiers: config.tenantTiers,
    defaultTier: config.defaultTier,
  };
  const tiers = new Map<string, Tier>();
  const simulations = new Set<AbortController>();
  let self: BackendClient | null = null;

  const activeTenants = (tier: string): number | undefined =>
    tiers.get(tier)!.recovery.complete ? activity.active(tier, clock.nowUs()) : undefined;
  const gauge = new ActiveTenantsGauge({
    clock,
    log,
    tiers: tierNames,
    intervalSeconds: config.gaugeIntervalSeconds,
    count: activeTenants,
    onFailure: () => metrics.refreshFailed(),
  });
  const metrics = createGatewayMetrics(config, {
    activeTenants: (tier) => gauge.shown(tier),
    held: (tier) => tiers.get(tier)!.lane.held,
    inFlight: (tier) => tiers.get(tier)!.lane.inFlight,
    connections: (tier) => tiers.get(tier)!.client.stats,
    heldBytes: () => limits.heldBytes,
    recovered: (tier) => tiers.get(tier)!.recovery.complete,
    simulations: () => simulations.size,
    refreshAgeSeconds: () => gauge.ageSeconds(),
  });
  const sweeper = new Supervised(
    clock,
    SWEEP_SECONDS,
    () => {
      for (const tenant of activity.sweep(clock.nowUs())) metrics.forget(tenant);
    },
    (error) => {
      metrics.refreshFailed();
      log("error", "quiet tenants were not removed", { detail: String(error) });
    },
  );

  for (const backend of config.backends) {
    const { tier } = backend;
    const random = stream(seed, `gateway/${config.pod}/${tier}`);
    const pods = new PodLog(1000, idleUs);
    const client = new BackendClient({
      origin: backend.url,
      connections: config.backendConnections,
      connectTimeoutMs,
      answerLimitBytes: config.answerLimitBytes,
      lookup: names.lookup,
    });
    const lane = new Lane({
      clock,
      random,
      limits,
      holdUs: secondsToUs(config.holdSeconds),
      maxInFlight: Math.min(config.releaseInFlight, config.backendConnections),
      maxDirect: config.backendConnections,
      on: (event) => metrics.hold(tier, event),
      onColdStart: (us) => metrics.coldStart(tier, us / 1e6),
    });
    const recovery = new Recovery({
      tier,
      headless: backend.headless,
      idleSeconds: config.tenantIdleSeconds,
      names,
      clock,
      log,
      onTenants: ({ pod, secondsSince }, atUs) => {
        if (pod !== null && secondsSince.size > 0) pods.answered(pod, atUs);
        for (const [tenant, seconds] of secondsSince) {
          activity.restore(tier, tenant, pod, atUs - secondsToUs(seconds));
        }
      },
    });
    const forwarder = new Forwarder({
      tier,
      backend: client,
      lane,
      activity,
      metrics,
      clock,
      random,
      podField: config.podField,
      answerDeadlineSeconds: config.answerDeadlineSeconds,
      pods,
    });
    tiers.set(tier, { backend, client, lane, recovery, forwarder });
  }

  async function request(req: IncomingMessage, res: ServerResponse, query: string): Promise<void> {
    const receivedUs = clock.nowUs();
    const signal = abortedByClient(res);
    const requestId = ids.of(req.headers["x-request-id"]);
    const own = { "x-request-id": requestId };
    const refuse = (refusal: Refusal, tier = "none"): void => {
      metrics.failed(tier, refusal.reason);
      sendRefusal(res, refusal, own);
    };
    const { method } = req;
    if (method !== "GET" && method !== "POST") {
      res.setHeader("allow", "GET, POST");
      return refuse({ status: 405, reason: "method_not_allowed", message: "GET and POST are served here." });
    }
    const reading = readTenantId(req.headers[config.tenantHeader], config.tenantHeader);
    if (reading.refusal) return refuse(reading.refusal);
    const { tenant } = reading;
    const tierHeader = req.headers[config.tierHeader];
    const chosen = tierOf(table, tenant, typeof tierHeader === "object" ? tierHeader.join(", ") : tierHeader);
    if (chosen.refusal) return refuse(chosen.refusal);
    const { tier } = chosen;
    if (service.inProgress > config.maxRequests) {
      const message = `${config.maxRequests} requests are in progress already.`;
      return refuse({ status: 503, reason: "too_many_requests", message, retryAfterSeconds: 1 }, tier);
    }
    const read = await readBody(req, config.bodyLimitBytes, bodies);
    if (read.refusal) return refuse(read.refusal, tier);
    const { body } = read;
    try {
      const result = await tiers.get(tier)!.forwarder.run({
        tenant,
        method,
        path: joinQuery(config.backendPath, query),
        headers: backendHeaders(req.headers, { [config.tenantHeader]: tenant, "x-request-id": requestId }),
        body,
        repeatable: method === "GET" || req.headers["idempotency-key"] !== undefined,
        receivedUs,
        signal,
      });
      if (result.kind === "refused") sendRefusal(res, result.refusal, own);
      if (result.kind !== "answer") return;
      send(res, result.answer.status, result.answer.body, answerHeaders(result.answer.headers, own));
    } finally {
      bodies.give(body.length);
    }
  }

  async function simulation(res: ServerResponse, encoded: string, query: string): Promise<void> {
    if (!config.simulateEnabled || self === null) {
      const message = "Simulations are off; SIMULATE_ENABLED turns them on.";
      return sendRefusal(res, { status: 404, reason: "simulate_disabled", message });
    }
    if (!isTenantId(encoded)) {
      const message = "The tenant must be 1 to 128 of A-Z a-z 0-9 . _ : -";
      return sendRefusal(res, { status: 400, reason: "tenant_malformed", message });
    }
    const read = readSimulation(encoded, query, { secondsMax: config.simulateSecondsMax });
    if (read.refusal) return sendRefusal(res, read.refusal);
    if (simulations.size >= config.simulateMax || service.draining) {
      const message = `${simulations.size} simulations are running.`;
      return sendRefusal(res, {
        status: 429,
        reason: "too_many_simulations",
        message,
        retryAfterSeconds: 10,
      });
    }
    const cancel = new AbortController();
    abortedByClient(res).addEventListener("abort", () => cancel.abort());
    simulations.add(cancel);
    try {
      sendJson(res, 200, await simulate({ ...config, clock, self }, read.simulation, cancel.signal));
    } finally {
      simulations.delete(cancel);
    }
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { path, query } = splitTarget(req.url ?? "/");
    if (path === config.requestPath) return request(req, res, query);
    if (path.startsWith("/simulate/")) return simulation(res, path.slice("/simulate/".length), query);
    switch (path) {
      case "/health": {
        const nowUs = clock.nowUs();
        const active = tierNames.reduce((sum, tier) => sum + activity.active(tier, nowUs), 0);
        return sendJson(res, 200, { status: "healthy", active_tenants: active });
      }
      case "/ready": {
        if (service.draining) return sendJson(res, 503, { status: "draining" });
        if (!gauge.healthy || !sweeper.healthy) return sendJson(res, 503, { status: "failing" });
        return sendJson(res, 200, { status: "ready" });
      }
      case "/metrics":
        return send(res, 200, await metrics.registry.metrics(), {
          "content-type": metrics.registry.contentType,
        });
      default:
        return sendRefusal(res, notFound(path));
    }
  }

  const service = new HttpService({
    clock,
    log,
    handle,
    drainDelaySeconds: config.drainDelaySeconds,
    drainSeconds: config.drainSeconds,
  });

  const stop = async (): Promise<void> => {
    gauge.stop();
    sweeper.stop();
    for (const { recovery } of tiers.values()) recovery.stop();
    await Promise.all([self?.close(), ...[...tiers.values()].map(({ client }) => client.close())]);
  };

  return {
    service,
    async listen() {
      const bound = await service.listen(config.port, config.listenAddress);
      const host = ["0.0.0.0", "::"].includes(bound.address) ? "127.0.0.1" : bound.address;
      self = new BackendClient({
        origin: `http://${host.includes(":") ? `[${host}]` : host}:${bound.port}`,
        connections: 1024,
        connectTimeoutMs,
        answerLimitBytes: config.answerLimitBytes,
      });
      gauge.start();
      sweeper.start();
      for (const { recovery } of tiers.values()) void recovery.run();
      return bound;
    },
    async drain() {
      for (const cancel of simulations) cancel.abort();
      // Held requests go on waiting for most of the grace period; the last of it is for telling the rest that it ends.
      const lastCallUs = clock.nowUs() + secondsToUs(config.drainDelaySeconds + 0.8 * config.drainSeconds);
      const timer = clock.at(lastCallUs, () => {
        const message = "This gateway is ending; another one can take the request.";
        for (const { lane } of tiers.values()) {
          lane.end({ status: 503, reason: "draining", message, retryAfterSeconds: 1 });
        }
      });
      const cutOff = await service.drain();
      timer.cancel();
      await stop();
      return cutOff;
    },
    async close() {
      for (const cancel of simulations) cancel.abort();
      await service.close();
      await stop();
    },
  };
}

const joinQuery = (path: string, query: string): string =>
  query === "" ? path : path.includes("?") ? `${path}&${query.slice(1)}` : `${path}${query}`;
