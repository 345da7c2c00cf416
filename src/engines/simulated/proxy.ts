/**
 * The client-side proxy of one gateway pod, without bytes: routes by the same functions as the built-in sidecar, and
 * answers in what the gateway makes of Envoy's words.
 */
import type { Clock } from "../../clock/clock.ts";
import { createBalancer, type Balancer } from "../../routing/balancer.ts";
import type { Directory } from "../../routing/compared/sticky.ts";
import type { Override } from "../../routing/compared/strategies.ts";
import type { Hash64 } from "../../routing/hash64.ts";
import { headerHash, latin1Bytes } from "../../routing/request-hash.ts";
import type { ResolvedCluster, ResolvedRoute } from "../../routing/types.ts";
import { type Random, stream } from "../../seed/seed.ts";
import type { HeaderLines } from "../../services/sidecar/headers.ts";
import type { Topology } from "../../topology/types.ts";
import type { ApiPod, PodAnswer, PodRequest } from "./api-pod.ts";
import { ClusterPools } from "./pools.ts";
import { Exchange } from "./proxy-exchange.ts";
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
export type Downstream = { busy: boolean; pinned: ProxyEndpoint | null; opened: boolean };

/** As the route resolved it, or balanced by what the run put in the place of hashing. */
type BalancedCluster = Omit<ResolvedCluster, "lbPolicy"> & {
  readonly lbPolicy: ResolvedCluster["lbPolicy"] | Override;
};

export class Cluster {
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
