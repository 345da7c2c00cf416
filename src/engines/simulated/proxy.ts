/**
 * The client-side proxy of one gateway pod, without bytes: routes by the same functions as the built-in sidecar, and
 * answers in what the gateway makes of Envoy's words.
 */
import type { Clock } from "../../clock/clock.ts";
import { createBalancer, type Balancer } from "../../routing/balancer.ts";
import type { Directory } from "../../routing/compared/sticky.ts";
import type { Override } from "../../routing/compared/strategies.ts";
import type { Hash64 } from "../../routing/hash64.ts";
import { headerHash, latin1Bytes, requestHash } from "../../routing/request-hash.ts";
import { backOffMs, retryReason, type AttemptOutcome } from "../../routing/retry.ts";
import { pickDestination, selectHost } from "../../routing/select-host.ts";
import { mayRetry } from "../../routing/circuit-breaker.ts";
import type { ResolvedCluster, ResolvedDestination, ResolvedRoute } from "../../routing/types.ts";
import { type Random, stream } from "../../seed/seed.ts";
import { edited, type HeaderLines, valuesOf } from "../../services/sidecar/headers.ts";
import type { Topology } from "../../topology/types.ts";
import type { ApiPod, PodAnswer, PodRequest } from "./api-pod.ts";
import { ClusterPools } from "./pools.ts";
import type { RequestTimes } from "./request-times.ts";
import { drawUs, type SimulatedTimings } from "./timings.ts";

export type ProxyEndpoint = { readonly address: string; readonly pod: string; readonly ready: boolean };

export type EndpointList = { readonly version: number; readonly endpoints: readonly ProxyEndpoint[] };

/** One attempt as the gateway sees it end (`services/gateway/classify.ts`). */
export type ProxyReply =
  | {
      readonly kind: "answer";
      readonly answer: PodAnswer;
      /** The pod that the access log names. */
      readonly owner: string | null;
      readonly endpointsVersion: number;
    }
  | { readonly kind: "noUpstream" }
  | { readonly kind: "overloaded" }
  | { readonly kind: "failed"; readonly cause: "connection_failure" | "connection_reset" };

export type ProxiedRequest = {
  readonly headers: HeaderLines;
  /** `attempt`: how often the gateway has tried before. */
  readonly pod: PodRequest;
};

/** Attempts of the proxy within one of the gateway's, at most. */
const MAX_ATTEMPTS = 64;

export type ProxyOptions = {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number;
  readonly timings: Pick<SimulatedTimings, "hop">;
  readonly times: RequestTimes;
  readonly random: Random;
  readonly find: (address: string) => ApiPod | null;
  /** The calling pod's address: what `useSourceIp` hashes. */
  readonly sourceIp: string;
  /** A number that no set of hosts has had in this run. */
  readonly nextHostSet: () => number;
  readonly overrideLbPolicy?: Override;
};

export type PodPassage = {
  readonly name: string;
  /** Requests that it works on at once, and how many it has now. */
  readonly atOnce: number;
  readonly inProgress: number;
  readonly workUs: number;
  readonly drainDelayUs: number;
};

export type ProxyPassage = {
  /** In the order of the balancer's hosts. */
  readonly pods: readonly PodPassage[];
  /** Of the endpoints. */
  readonly version: number;
  /** Another number for each set of hosts. */
  readonly hostSet: number;
  /** Requests in flight above which it is no longer sure that one more goes through. */
  readonly atOnce: number;
  readonly timeoutUs: number;
  /** Index in `pods`. */
  readonly ownerOf: (tenant: string) => number;
};

const MAX_HASHES = 100_000;
const NO_ENDPOINTS: EndpointList = { version: 0, endpoints: [] };

/** A keep-alive connection of the gateway to this proxy, where it matters which: it is led to one pod for good. */
type Downstream = { busy: boolean; pinned: ProxyEndpoint | null; opened: boolean };

/** As the route resolved it, or balanced by what the run put in the place of hashing. */
type BalancedCluster = Omit<ResolvedCluster, "lbPolicy"> & {
  readonly lbPolicy: ResolvedCluster["lbPolicy"] | Override;
};

class Cluster {
  readonly config: BalancedCluster;
  readonly pools: ClusterPools;
  readonly #random: Random;
  #list: EndpointList = NO_ENDPOINTS;
  hosts: readonly ProxyEndpoint[] = [];
  #balancer: Balancer | null = null;
  readonly #directory: Directory = new Map();
  readonly #nextHostSet: () => number;
  hostSet = 0;

  constructor(config: BalancedCluster, pools: ClusterPools, random: Random, nextHostSet: () => number) {
    this.#nextHostSet = nextHostSet;
    this.config = config;
    this.pools = pools;
    this.#random = random;
  }

  get version(): number {
    return this.#list.version;
  }

  update(list: EndpointList): void {
    this.#list = list;
    this.hosts = list.endpoints.filter(({ ready }) => ready);
    this.#balancer = null;
    this.hostSet = this.#nextHostSet();
    this.pools.retain(new Set(list.endpoints.map(({ address }) => address)));
  }

  /** Built at the first request after a change: many lists are replaced before anybody asks. */
  get balancer(): Balancer {
    this.#balancer ??= createBalancer(
      this.config,
      this.hosts.map(({ address, pod }) => ({ address, weight: 1, name: pod })),
      {
        random: this.#random,
        activeRequests: (index) => this.pools.activeAt(this.hosts[index]!.address),
        directory: this.#directory,
      },
    );
    return this.#balancer;
  }
}

export class Proxy {
  readonly options: ProxyOptions;
  readonly balancing: Random;
  readonly jitter: Random;
  readonly #accepts: Random;
  readonly #clusters = new Map<string, Cluster>();
  readonly #endpoints = new Map<string, EndpointList>();
  readonly #downstreams = new Map<ResolvedRoute, Downstream[]>();
  readonly #open = new Set<Exchange>();
  readonly #hashes = new Map<string, Hash64>();
  #up = true;

  constructor(options: ProxyOptions) {
    this.options = options;
    this.balancing = stream(options.seed, "sidecar/balancer");
    this.jitter = stream(options.seed, "sidecar/back-off");
    this.#accepts = stream(options.seed, "sidecar/accept");
  }

  get up(): boolean {
    return this.#up;
  }

  update(service: string, list: EndpointList): void {
    const before = this.#endpoints.get(service);
    if (!this.#up || (before && before.version > list.version)) return;
    this.#endpoints.set(service, list);
    for (const cluster of this.#clusters.values())
      if (cluster.config.service === service) cluster.update(list);
  }

  /** Pods that a headless Service's name lists; null where it is not headless. */
  listed(service: string): readonly ProxyEndpoint[] | null {
    const found = this.options.topology.services.find(({ fqdn }) => fqdn === service);
    if (found?.headless !== true) return null;
    const { endpoints } = this.#endpoints.get(service) ?? NO_ENDPOINTS;
    return endpoints.filter(({ ready }) => ready || found.publishNotReadyAddresses);
  }

  /**
   * Where requests of the route go while nothing changes, by the tenant alone; null where that is not so: nothing hashes,
   * something else than the tenant's header is looked at, a pod is not there, or a limit is near.
   */
  passage(route: ResolvedRoute, tenantHeader: string, path: string): ProxyPassage | null {
    const [destination, another] = route.destinations;
    const [policy, more] = route.hashPolicies;
    const plain =
      route.protocol !== "tcp" &&
      another === undefined &&
      more === undefined &&
      policy?.kind === "header" &&
      policy.headerName === tenantHeader &&
      !route.requestHeaders &&
      !destination?.requestHeaders;
    const resolved = destination?.cluster;
    if (!plain || !resolved || resolved.missing === true || resolved.type !== "EDS") return null;
    const cluster = this.#clusters.get(resolved.name);
    const hashing = cluster?.config.lbPolicy === "RING_HASH" || cluster?.config.lbPolicy === "MAGLEV";
    if (!cluster || !hashing || cluster.hosts.length === 0) return null;
    const pods: PodPassage[] = [];
    for (const { address, pod: name } of cluster.hosts) {
      const pod = this.options.find(address);
      const open = pod?.passage(path);
      if (!pod || !open || !cluster.pools.reaches(address, pod)) return null;
      pods.push({ ...open, name, workUs: pod.workUs, drainDelayUs: pod.drainDelayUs });
    }
    const { circuitBreakers } = cluster.config;
    return {
      pods,
      version: cluster.version,
      hostSet: cluster.hostSet,
      atOnce: Math.min(circuitBreakers.maxRequests, circuitBreakers.maxConnections),
      timeoutUs: route.timeoutMs > 0 ? route.timeoutMs * 1000 : Infinity,
      ownerOf: (tenant) => cluster.balancer.choose(headerHash([latin1Bytes(tenant)])!, 0),
    };
  }

  /** Sends a request; `settle` is called once, later, unless the call is taken back. */
  send(route: ResolvedRoute, request: ProxiedRequest, settle: (reply: ProxyReply) => void): () => void {
    const exchange = new Exchange(this, route, request, (reply) => {
      this.#open.delete(exchange);
      settle(reply);
    });
    this.#open.add(exchange);
    exchange.start();
    return () => {
      this.#open.delete(exchange);
      exchange.cancel();
    };
  }

  /** The process is gone: what is in progress breaks off, and nothing more is taken. */
  die(): void {
    this.#up = false;
    for (const exchange of this.#open) exchange.cut();
    this.#open.clear();
  }

  clusterOf(config: ResolvedCluster): Cluster {
    const found = this.#clusters.get(config.name);
    if (found) return found;
    const { clock, find, timings, random, nextHostSet, overrideLbPolicy } = this.options;
    const hashing = config.lbPolicy === "RING_HASH" || config.lbPolicy === "MAGLEV";
    const pools = new ClusterPools({
      limits: config.circuitBreakers,
      clock,
      find,
      connectUs: () => drawUs(timings.hop, random),
    });
    const lbPolicy = (hashing ? overrideLbPolicy : undefined) ?? config.lbPolicy;
    const cluster = new Cluster({ ...config, lbPolicy }, pools, this.balancing, nextHostSet);
    cluster.update(this.#endpoints.get(config.service) ?? NO_ENDPOINTS);
    this.#clusters.set(config.name, cluster);
    return cluster;
  }

  /** The hash of a header's value, kept for the next request with it. */
  hashOf(value: string, compute: () => Hash64 | null): Hash64 | null {
    const found = this.#hashes.get(value);
    if (found !== undefined) return found;
    const hash = compute();
    if (hash !== null && this.#hashes.size < MAX_HASHES) this.#hashes.set(value, hash);
    return hash;
  }

  /** The first free connection of the gateway, as its client picks; a new one has its pod drawn. */
  downstream(route: ResolvedRoute): Downstream {
    let connections = this.#downstreams.get(route);
    if (!connections) this.#downstreams.set(route, (connections = []));
    let free = connections.find(({ busy }) => !busy);
    if (!free) connections.push((free = { busy: false, pinned: null, opened: false }));
    free.busy = true;
    return free;
  }

  /** Where a connection to the called name leads when nothing balances: a headless name's pods in random order. */
  originalDestination(route: ResolvedRoute): ProxyEndpoint | null {
    const pods =
      this.listed(route.host) ??
      (this.#endpoints.get(route.host) ?? NO_ENDPOINTS).endpoints.filter(({ ready }) => ready);
    return pods.length === 0 ? null : this.#accepts.shuffled(pods)[0]!;
  }

  /** Whether the pod is still listed under the called name. */
  lists(route: ResolvedRoute, { address }: ProxyEndpoint): boolean {
    const { endpoints } = this.#endpoints.get(route.host) ?? NO_ENDPOINTS;
    return endpoints.some((endpoint) => endpoint.address === address);
  }
}

class Exchange {
  readonly #proxy: Proxy;
  readonly #route: ResolvedRoute;
  readonly #request: ProxiedRequest;
  readonly #settle: (reply: ProxyReply) => void;
  readonly #destination: ResolvedDestination | null;
  readonly #cluster: Cluster | null;
  readonly #downstream: Downstream | null;
  #hash: Hash64 | null = null;
  #attempts = 0;
  readonly #tried = new Set<string>();
  #endpoint: ProxyEndpoint | null = null;
  #version = 0;
  #over = false;
  #endRetry: () => void = () => {};
  /** Gives back what the current attempt holds. */
  #endAttempt: () => void = () => {};
  #timeout: { cancel(): void } | null = null;

  constructor(
    proxy: Proxy,
    route: ResolvedRoute,
    request: ProxiedRequest,
    settle: (reply: ProxyReply) => void,
  ) {
    this.#proxy = proxy;
    this.#route = route;
    this.#request = request;
    this.#settle = settle;
    this.#destination = pickDestination(route.destinations, proxy.balancing);
    const resolved = this.#destination?.cluster;
    this.#cluster = resolved && resolved.missing !== true ? proxy.clusterOf(resolved) : null;
    const pinned = route.protocol === "tcp" || resolved?.type === "ORIGINAL_DST";
    this.#downstream = pinned ? proxy.downstream(route) : null;
  }

  start(): void {
    const { clock } = this.#proxy.options;
    // A headless name without pods is not found: the connection is not even made.
    if (this.#proxy.listed(this.#route.host)?.length === 0) return this.#reply({ kind: "noUpstream" });
    if (this.#destination === null) return this.#reply(local(404));
    if (this.#cluster === null) return this.#reply(local(503));
    this.#hash = this.#computeHash();
    if (this.#route.timeoutMs > 0)
      this.#timeout = clock.at(clock.nowUs() + this.#route.timeoutMs * 1000, () => {
        this.#endAttempt();
        this.#finish(local(504));
      });
    this.#attempt();
  }

  cancel(): void {
    if (this.#over) return;
    this.#close();
    this.#endAttempt();
  }

  cut(): void {
    if (this.#over) return;
    this.#endAttempt();
    this.#finish({ kind: "failed", cause: "connection_reset" });
  }

  #computeHash(): Hash64 | null {
    const { hashPolicies, requestHeaders } = this.#route;
    const only = hashPolicies[0];
    // Nearly all routes hash the tenant's header and nothing else, and tenants come again.
    if (
      hashPolicies.length !== 1 ||
      only?.kind !== "header" ||
      requestHeaders ||
      this.#destination?.requestHeaders
    )
      return this.#hashOfAll();
    const value = valuesOf(this.#request.headers, only.headerName)[0];
    return value === undefined ? null : this.#proxy.hashOf(value, () => this.#hashOfAll());
  }

  #hashOfAll(): Hash64 | null {
    const { requestHeaders } = this.#route;
    const headers = edited(edited(this.#request.headers, this.#destination?.requestHeaders), requestHeaders);
    const { sourceIp } = this.#proxy.options;
    return requestHash(this.#route.hashPolicies, {
      header: (name) => valuesOf(headers, name),
      path: this.#request.pod.path,
      sourceIp,
      remoteAddress: `${sourceIp}:0`,
      localAddress: this.#route.host,
    }).hash;
  }

  #choose(cluster: Cluster): ProxyEndpoint | null {
    this.#version = cluster.version;
    const downstream = this.#downstream;
    if (downstream?.opened === true) {
      const stays = downstream.pinned !== null && this.#proxy.lists(this.#route, downstream.pinned);
      if (stays) return downstream.pinned;
    }
    const chosen =
      cluster.config.type === "ORIGINAL_DST"
        ? this.#proxy.originalDestination(this.#route)
        : this.#select(cluster);
    if (downstream) {
      downstream.opened = true;
      downstream.pinned = chosen;
    }
    return chosen;
  }

  #select(cluster: Cluster): ProxyEndpoint | null {
    const policy = this.#route.retryPolicy;
    const index = selectHost({
      balancer: cluster.balancer,
      hash: this.#hash,
      random: this.#proxy.balancing,
      ...(this.#attempts > 0 && policy !== null ? { retry: { policy, tried: this.#tried } } : {}),
    });
    return index < 0 ? null : cluster.hosts[index]!;
  }

  #attempt(): void {
    const cluster = this.#cluster!;
    const endpoint = this.#choose(cluster);
    if (endpoint === null && cluster.config.type === "EDS") return this.#reply({ kind: "noUpstream" });
    this.#attempts++;
    this.#endpoint = endpoint;
    if (endpoint === null) return this.#failed({ kind: "connect-failure" });
    this.#tried.add(endpoint.address);
    let wanted = true;
    this.#endAttempt = () => (wanted = false);
    cluster.pools.acquire(endpoint.address, {
      onFailure: (reason) => {
        if (wanted) this.#failed({ kind: reason === "overflow" ? "overflow" : "connect-failure" });
      },
      onConnection: (server, release) => {
        if (wanted) this.#exchangeWith(server as ApiPod, release);
        else release();
      },
    });
  }

  #exchangeWith(server: ApiPod, release: () => void): void {
    const { clock, times } = this.#proxy.options;
    const pod = this.#request.pod;
    const attempt = pod.attempt * MAX_ATTEMPTS + this.#attempts - 1;
    let abort: () => void = () => {};
    this.#endAttempt = () => {
      release();
      timer.cancel();
      abort();
    };
    const timer = clock.at(clock.nowUs() + times.outUs(pod.number, attempt), () => {
      if (!server.accepting) return this.#broken(release);
      abort = server.handle(attempt === pod.attempt ? pod : { ...pod, attempt }, (answer) => {
        if (answer === "reset") return this.#broken(release);
        const back = clock.at(clock.nowUs() + times.backUs(pod.number, attempt), () => {
          release();
          this.#answered(answer);
        });
        abort = () => back.cancel();
      });
    });
  }

  #broken(release: () => void): void {
    release();
    this.#failed({ kind: "reset" });
  }

  #answered(answer: PodAnswer): void {
    if (this.#over || this.#retry({ kind: "response", status: answer.status, grpcStatus: null })) return;
    const owner = this.#endpoint?.pod ?? null;
    this.#finish({ kind: "answer", answer, owner, endpointsVersion: this.#version });
  }

  #failed(outcome: AttemptOutcome): void {
    if (this.#over || this.#retry(outcome)) return;
    if (outcome.kind === "overflow") return this.#reply({ kind: "overloaded" });
    const cause = outcome.kind === "connect-failure" ? "connection_failure" : "connection_reset";
    this.#reply({ kind: "failed", cause });
  }

  /** Whether another attempt was set up. */
  #retry(outcome: AttemptOutcome): boolean {
    this.#endRetry();
    this.#endRetry = () => {};
    const policy = this.#route.retryPolicy;
    if (policy === null || retryReason(policy, outcome) === null) return false;
    const { pools, config } = this.#cluster!;
    if (this.#attempts > policy.numRetries || !mayRetry(config.circuitBreakers, pools.load)) return false;
    pools.load.activeRetries++;
    this.#endRetry = () => void pools.load.activeRetries--;
    const { clock } = this.#proxy.options;
    const waitUs = backOffMs(this.#attempts, this.#proxy.jitter) * 1000;
    const timer = clock.at(clock.nowUs() + waitUs, () => this.#attempt());
    this.#endAttempt = () => timer.cancel();
    return true;
  }

  /** An answer of the proxy's own takes the way back from it, too. */
  #reply(reply: ProxyReply): void {
    const { clock, timings, random } = this.#proxy.options;
    const timer = clock.at(clock.nowUs() + drawUs(timings.hop, random), () => this.#finish(reply));
    this.#endAttempt = () => timer.cancel();
  }

  #finish(reply: ProxyReply): void {
    if (this.#over) return;
    this.#close();
    this.#settle(reply);
  }

  #close(): void {
    this.#over = true;
    this.#timeout?.cancel();
    this.#endRetry();
    if (this.#downstream) this.#downstream.busy = false;
  }
}

const local = (status: number): ProxyReply => ({
  kind: "answer",
  answer: { status, pod: null, reason: null },
  owner: null,
  endpointsVersion: 0,
});
