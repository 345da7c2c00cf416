/** One request on its way through the simulated proxy: a pod chosen, a connection, an answer, or another attempt. */
import { requestHash } from "../../routing/request-hash.ts";
import type { Hash64 } from "../../routing/hash64.ts";
import { backOffMs, retryReason, type AttemptOutcome } from "../../routing/retry.ts";
import { pickDestination, selectHost } from "../../routing/select-host.ts";
import { mayRetry } from "../../routing/circuit-breaker.ts";
import type { ResolvedDestination, ResolvedRoute } from "../../routing/types.ts";
import { edited, valuesOf } from "../../services/sidecar/headers.ts";
import type { ApiPod, PodAnswer } from "./api-pod.ts";
import type { Cluster, Downstream, Proxy, ProxiedRequest, ProxyEndpoint, ProxyReply } from "./proxy.ts";
import { drawUs } from "./timings.ts";

/** Attempts of the proxy within one of the gateway's, at most. */
const MAX_ATTEMPTS = 64;

export class Exchange {
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
