/**
 * The client-side proxy of one pod: listens for each Service port that the pod may call and routes what comes as Envoy
 * would. Knows no process: orders come in, reports go out.
 */
import type { Clock } from "../../clock/clock.ts";
import { sleep } from "../../clock/clock.ts";
import type { ResolvedCluster, ResolvedRoute } from "../../routing/types.ts";
import { defaultRetryPolicy } from "../../routing/virtual-service.ts";
import { stream } from "../../seed/seed.ts";
import type { Random } from "../../seed/seed.ts";
import { Cluster, NO_ENDPOINTS } from "./cluster.ts";
import type { EndpointList } from "./cluster.ts";
import { startDnsServer } from "./dns-server.ts";
import type { DnsServer } from "./dns-server.ts";
import { Exchange } from "./exchange.ts";
import type { Downstream, ExchangeContext } from "./exchange.ts";
import { HeadlessService } from "./headless.ts";
import { listen } from "./listener.ts";
import type { Listener } from "./listener.ts";
import type { SidecarEndpoint, SidecarOrder, SidecarReport } from "./protocol.ts";

export type SidecarDeps = {
  readonly clock: Clock;
  readonly report: (report: SidecarReport) => void;
};

export interface Sidecar {
  /** Carries an order out after the ones before it. */
  order(order: SidecarOrder): Promise<void>;
  /** Takes no new connections and resolves when the requests in progress are answered, or their time is up. */
  drain(): Promise<void>;
  /** Ends everything at once. */
  close(): void;
}

/** How long a proxy that was told to end waits for requests: Istio's `terminationDrainDuration`. */
const DRAIN_MS = 5000;

type Start = Extract<SidecarOrder, { type: "start" }>;

export function createSidecar(deps: SidecarDeps): Sidecar {
  return new BuiltInSidecar(deps);
}

class BuiltInSidecar implements Sidecar {
  readonly #deps: SidecarDeps;
  readonly #clusters = new Map<string, Cluster>();
  readonly #endpoints = new Map<string, EndpointList>();
  readonly #headless = new Map<string, HeadlessService>();
  readonly #listeners = new Set<Listener>();
  #dns: DnsServer | null = null;
  #start: Start | null = null;
  #context: ExchangeContext | null = null;
  #accepts: Random | null = null;
  #lastOrder: Promise<void> = Promise.resolve();
  #inProgress = 0;
  #draining = false;
  #idle: () => void = () => {};

  constructor(deps: SidecarDeps) {
    this.#deps = deps;
  }

  order(order: SidecarOrder): Promise<void> {
    const done = this.#lastOrder.then(() =>
      order.type === "start" ? this.#begin(order) : this.#update(order.service, order),
    );
    this.#lastOrder = done.catch(() => {});
    return done;
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#dns?.close();
    this.#dns = null;
    for (const listener of this.#listeners) listener.stopAccepting();
    if (this.#inProgress > 0) {
      const { clock } = this.#deps;
      const limitUs = Math.max(DRAIN_MS, 1000 * clock.speed) * 1000;
      const done = new AbortController();
      this.#idle = () => done.abort();
      await sleep(clock, limitUs, done.signal);
    }
    this.close();
  }

  close(): void {
    this.#draining = true;
    this.#dns?.close();
    this.#dns = null;
    for (const listener of this.#listeners) listener.close();
    for (const cluster of this.#clusters.values()) cluster.pools.close();
  }

  async #begin(start: Start): Promise<void> {
    if (this.#start !== null) throw new Error("Cannot start: this sidecar is started already");
    this.#start = start;
    this.#accepts = stream(start.seed, "sidecar/accept");
    const draws = stream(start.seed, "sidecar/balancer");
    this.#context = {
      clock: this.#deps.clock,
      random: draws,
      jitter: stream(start.seed, "sidecar/back-off"),
      clusterOf: (cluster) => this.#clusterOf(cluster, draws),
      report: this.#deps.report,
      draining: () => this.#draining,
    };
    for (const service of new Set(start.headless.map((entry) => entry.service)))
      this.#headless.set(service, this.#headlessService(start, service));
    for (const [service, headless] of this.#headless)
      await headless.update(this.#endpoints.get(service)?.endpoints ?? []);
    const listeners = [];
    for (const { route, bindAddress, bindPort } of start.listeners) {
      const accept = (): Downstream | null => this.#accept(route);
      const listener = await this.#listen(bindAddress, bindPort, accept);
      listeners.push({ host: route.host, port: route.port, bindAddress, bindPort: listener.bindPort });
    }
    if (start.dns !== null) {
      const names = () => [...this.#headless.values()];
      this.#dns = await startDnsServer(start.dns, names, stream(start.seed, "sidecar/dns"));
    }
    const dns =
      this.#dns === null ? null : { bindAddress: this.#dns.bindAddress, bindPort: this.#dns.bindPort };
    this.#deps.report({ type: "started", listeners, dns });
  }

  async #update(service: string, list: EndpointList): Promise<void> {
    this.#endpoints.set(service, list);
    for (const cluster of this.#clusters.values())
      if (cluster.config.service === service) cluster.update(list);
    await this.#headless.get(service)?.update(list.endpoints);
  }

  #clusterOf(config: ResolvedCluster, random: Random): Cluster {
    const found = this.#clusters.get(config.name);
    if (found) return found;
    const hashing = config.lbPolicy === "RING_HASH" || config.lbPolicy === "MAGLEV";
    const override = hashing ? this.#start?.overrideLbPolicy : undefined;
    const cluster = new Cluster(
      { ...config, lbPolicy: override ?? config.lbPolicy },
      this.#deps.clock,
      random,
    );
    cluster.update(this.#endpoints.get(config.service) ?? NO_ENDPOINTS);
    this.#clusters.set(config.name, cluster);
    return cluster;
  }

  #headlessService(start: Start, service: string): HeadlessService {
    const entries = start.headless.filter((entry) => entry.service === service);
    const routeFor = (port: number): ResolvedRoute =>
      start.listeners.find(({ route }) => route.host === service && route.port === port)?.route ??
      passthroughRoute(service, port);
    return new HeadlessService({
      service,
      ports: entries.map(({ port }) => port),
      publishNotReadyAddresses: entries.some((entry) => entry.publishNotReadyAddresses),
      random: stream(start.seed, `sidecar/addresses/${service}`),
      open: (endpoint, port, at, bindPort) => {
        const route = routeFor(port);
        return this.#listen(at, bindPort, () => ({ route, originalDestination: endpoint, pinned: null }));
      },
    });
  }

  async #listen(bindAddress: string, bindPort: number, accept: () => Downstream | null): Promise<Listener> {
    const listener = await listen({
      bindAddress,
      bindPort,
      accept,
      handle: (downstream, request, response) => {
        this.#inProgress++;
        response.once("close", () => {
          if (--this.#inProgress === 0) this.#idle();
        });
        new Exchange(this.#context!, downstream, request, response).start();
      },
    });
    this.#listeners.add(listener);
    void listener.ended.then(() => this.#listeners.delete(listener));
    return listener;
  }

  /**
   * Which pod a connection to the called name reaches. A headless name is looked up first: its pods in random order,
   * the first one; none, and there is nothing to connect to. A Service's own address leads to a random ready pod.
   */
  #accept(route: ResolvedRoute): Downstream | null {
    const headless = this.#headless.get(route.host);
    const random = this.#accepts!;
    const pods: readonly SidecarEndpoint[] =
      headless?.listed ?? (this.#endpoints.get(route.host)?.endpoints ?? []).filter(({ ready }) => ready);
    const originalDestination = pods.length === 0 ? null : random.shuffled(pods)[0]!;
    if (headless !== undefined && originalDestination === null) return null;
    return { route, originalDestination, pinned: null };
  }
}

/** A headless Service that has no listener of its own is still called by its name: nothing configured, as it comes. */
function passthroughRoute(service: string, port: number): ResolvedRoute {
  return {
    host: service,
    port,
    destinations: [
      {
        weight: 100,
        cluster: {
          name: `outbound|${port}||${service}`,
          service,
          port,
          type: "ORIGINAL_DST",
          lbPolicy: "CLUSTER_PROVIDED",
          minimumRingSize: 1024,
          maximumRingSize: 8_388_608,
          tableSize: 65_537,
          circuitBreakers: {
            maxConnections: Infinity,
            maxPendingRequests: Infinity,
            maxRequests: Infinity,
            maxRetries: Infinity,
          },
          connectTimeoutMs: 10_000,
        },
      },
    ],
    hashPolicies: [],
    retryPolicy: defaultRetryPolicy(true),
    timeoutMs: 0,
    because: [],
  };
}
