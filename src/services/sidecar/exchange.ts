/** One request of a client, from its headers to the last byte of the answer: Envoy's router filter. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Timer } from "../../clock/clock.ts";
import { mayRetry } from "../../routing/circuit-breaker.ts";
import { toDecimal } from "../../routing/hash64.ts";
import type { Hash64 } from "../../routing/hash64.ts";
import { requestHash } from "../../routing/request-hash.ts";
import type { GeneratedCookie } from "../../routing/request-hash.ts";
import { backOffMs, retryReason } from "../../routing/retry.ts";
import type { AttemptOutcome } from "../../routing/retry.ts";
import { pickDestination, selectHost } from "../../routing/select-host.ts";
import type { ResolvedCluster, ResolvedDestination, ResolvedRoute } from "../../routing/types.ts";
import type { Random } from "../../seed/seed.ts";
import type { Cluster } from "./cluster.ts";
import { guardTimer } from "./guard.ts";
import { edited, endToEnd, flat, valuesOf, withHeader } from "./headers.ts";
import type { HeaderLines } from "./headers.ts";
import {
  NO_CLUSTER,
  NO_HEALTHY_UPSTREAM,
  NO_ROUTE,
  PATH_WITH_FRAGMENT,
  TIMEOUT,
  resetReply,
} from "./local-reply.ts";
import type { LocalReply, ResetReason } from "./local-reply.ts";
import type { AccessLogEntry, SidecarEndpoint } from "./protocol.ts";
import { ReplayBody, hasBody } from "./replay-body.ts";
import { send } from "./upstream.ts";

/** What a client's connection was opened to, decided when it was accepted. */
export type Downstream = {
  readonly route: ResolvedRoute;
  /** The pod that the connection's address belongs to; null for a Service's own address with no pod behind it. */
  readonly originalDestination: SidecarEndpoint | null;
  /** On a TCP-class port: the one host of the connection, once chosen. */
  pinned: SidecarEndpoint | null;
};

export type ExchangeContext = {
  readonly clock: Clock;
  /** For weights, random hashes and request ids. */
  readonly random: Random;
  readonly jitter: Random;
  readonly clusterOf: (cluster: ResolvedCluster) => Cluster;
  readonly report: (entry: AccessLogEntry) => void;
  readonly draining: () => boolean;
};

/** As a client writes it: without the port that its scheme implies. */
export const authorityOf = (route: ResolvedRoute): string =>
  route.port === 80 ? route.host : `${route.host}:${route.port}`;

function newRequestId(random: Random): string {
  const words = [0, 1, 2, 3].map(() => random.uint32().toString(16).padStart(8, "0")).join("");
  const variant = "89ab"[Number.parseInt(words[16]!, 16) & 3]!;
  return `${words.slice(0, 8)}-${words.slice(8, 12)}-4${words.slice(13, 16)}-${variant}${words.slice(17, 20)}-${words.slice(20)}`;
}

const addressOf = (address: string | undefined, port: number | undefined): string =>
  address?.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

const cookieLine = (cookie: GeneratedCookie): string =>
  `${cookie.name}="${cookie.value}"` +
  (cookie.ttlSeconds > 0 ? `; Max-Age=${Math.floor(cookie.ttlSeconds)}` : "") +
  (cookie.path === null ? "" : `; Path=${cookie.path}`) +
  "; HttpOnly";

export class Exchange {
  readonly #context: ExchangeContext;
  readonly #downstream: Downstream;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #startUs: number;
  readonly #body: ReplayBody | null;
  readonly #requestId: string;
  readonly #destination: ResolvedDestination | null;
  readonly #cluster: Cluster | null;
  #headers: HeaderLines;
  #hash: Hash64 | null = null;
  #cookies: readonly GeneratedCookie[] = [];
  #attempts = 0;
  readonly #tried = new Set<string>();
  #endpoint: SidecarEndpoint | null = null;
  #endpointsVersion = 0;
  #flags: string[] = [];
  #over = false;
  /** Undoes whatever the current step holds: a place in a queue, an attempt, a back-off. */
  #cancelStep: () => void = () => {};
  readonly #timers: Timer[] = [];
  #tryTimer: Timer | null = null;
  #endRetry: () => void = () => {};

  constructor(
    context: ExchangeContext,
    downstream: Downstream,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.#context = context;
    this.#downstream = downstream;
    this.#request = request;
    this.#response = response;
    this.#startUs = context.clock.nowUs();
    this.#body = hasBody(request) ? new ReplayBody(request) : null;
    const { route } = downstream;
    const received = withHeader(endToEnd(request.rawHeaders), "host", authorityOf(route));
    this.#requestId = valuesOf(received, "x-request-id")[0] ?? newRequestId(context.random);
    this.#headers = [
      ...received.filter(([name]) => name !== "x-request-id" && name !== "x-forwarded-proto"),
      ["x-forwarded-proto", valuesOf(received, "x-forwarded-proto")[0] ?? "http"],
      ["x-request-id", this.#requestId],
    ];
    this.#destination = pickDestination(route.destinations, context.random);
    const resolved = this.#destination?.cluster;
    this.#cluster = resolved && resolved.missing !== true ? context.clusterOf(resolved) : null;
  }

  start(): void {
    this.#response.on("close", () => {
      if (!this.#response.writableFinished) this.#flags = ["DC"];
      this.#finish();
    });
    if (this.#request.url?.includes("#") === true) return this.#reply(PATH_WITH_FRAGMENT);
    if (this.#destination === null) return this.#reply(NO_ROUTE);
    if (this.#cluster === null) return this.#reply(NO_CLUSTER);
    this.#headers = withHeader(this.#headers, "x-envoy-attempt-count", "1");
    this.#headers = edited(
      edited(this.#headers, this.#destination.requestHeaders),
      this.#downstream.route.requestHeaders,
    );
    this.#computeHash();
    this.#armTimeout();
    this.#attempt();
  }

  #computeHash(): void {
    const { socket } = this.#request;
    const result = requestHash(this.#downstream.route.hashPolicies, {
      header: (name) => valuesOf(this.#headers, name),
      path: this.#request.url ?? "/",
      sourceIp: socket.remoteAddress ?? "",
      remoteAddress: addressOf(socket.remoteAddress, socket.remotePort),
      localAddress: addressOf(socket.localAddress, socket.localPort),
    });
    this.#hash = result.hash;
    this.#cookies = result.cookies;
  }

  /** The route's time runs from the end of the request. */
  #armTimeout(): void {
    const { timeoutMs } = this.#downstream.route;
    if (timeoutMs === 0) return;
    const arm = (): void => {
      if (!this.#over) this.#timers.push(guardTimer(this.#context.clock, timeoutMs, () => this.#timedOut()));
    };
    if (this.#body === null) arm();
    else this.#request.once("end", arm);
  }

  #timedOut(): void {
    if (this.#over) return;
    this.#cancelStep();
    if (!this.#response.headersSent) return this.#reply(TIMEOUT);
    this.#flags = ["UT"];
    this.#cut();
  }

  #chooseEndpoint(): SidecarEndpoint | null {
    const cluster = this.#cluster!;
    const { route, pinned, originalDestination } = this.#downstream;
    this.#endpointsVersion = cluster.version;
    if (cluster.config.type === "ORIGINAL_DST") return originalDestination;
    if (pinned !== null) return pinned;
    const policy = route.retryPolicy;
    const index = selectHost({
      balancer: cluster.balancer,
      hash: this.#hash,
      random: this.#context.random,
      ...(this.#attempts > 0 && policy !== null ? { retry: { policy, tried: this.#tried } } : {}),
    });
    const chosen = index < 0 ? null : cluster.hosts[index]!;
    if (route.protocol === "tcp") this.#downstream.pinned = chosen;
    return chosen;
  }

  #attempt(): void {
    const cluster = this.#cluster!;
    const endpoint = this.#chooseEndpoint();
    // Looking for a host is an attempt, found or not.
    this.#attempts++;
    if (endpoint === null && cluster.config.type === "EDS") {
      this.#flags = [];
      return this.#reply(NO_HEALTHY_UPSTREAM);
    }
    if (this.#attempts > 1)
      this.#headers = withHeader(this.#headers, "x-envoy-attempt-count", String(this.#attempts));
    this.#endpoint = endpoint;
    // A Service's address without a pod refuses connections.
    if (endpoint === null) return this.#failed({ kind: "connect-failure" }, "remote connection failure");
    this.#tried.add(endpoint.address);
    let settled = false;
    const unqueue = cluster.pools.acquire(endpoint, {
      onFailure: (reason) => {
        settled = true;
        // Of a request that the limits kept back the log names no host.
        if (reason === "overflow") this.#endpoint = null;
        this.#failed({ kind: reason === "overflow" ? "overflow" : "connect-failure" }, reason);
      },
      onConnection: (lease) => {
        settled = true;
        this.#cancelStep = this.#exchangeOn(lease);
      },
    });
    if (!settled) this.#cancelStep = unqueue;
  }

  #exchangeOn(lease: Parameters<typeof send>[0]): () => void {
    const sentUs = this.#context.clock.nowUs();
    let answering = false;
    let again = false;
    const attempt = send(
      lease,
      {
        method: this.#request.method ?? "GET",
        path: this.#request.url ?? "/",
        headers: this.#headers,
        body: this.#body,
      },
      {
        onHeaders: (status, raw) => {
          this.#cancelTry();
          const lines = endToEnd(raw);
          const grpc = valuesOf(lines, "grpc-status")[0];
          const outcome = {
            kind: "response",
            status,
            grpcStatus: grpc === undefined ? null : Number(grpc),
          } as const;
          if (this.#retry(outcome)) {
            again = true;
            attempt.abort();
            return;
          }
          answering = true;
          this.#answer(status, lines, sentUs);
        },
        onData: (chunk) => {
          if (answering && !this.#response.write(chunk)) {
            attempt.pause();
            this.#response.once("drain", () => attempt.resume());
          }
        },
        onEnd: () => {
          if (answering) this.#response.end();
        },
        onReset: (reason) => {
          if (again) return;
          if (!answering) return this.#failed({ kind: "reset" }, reason);
          this.#flags = [resetReply(reason, false).flag];
          this.#cut();
        },
      },
    );
    this.#armTry(() => {
      attempt.abort();
      if (!this.#retry({ kind: "per-try-timeout" })) this.#reply(TIMEOUT);
    });
    return () => attempt.abort();
  }

  #armTry(fn: () => void): void {
    const limit = this.#downstream.route.retryPolicy?.perTryTimeoutMs;
    if (limit !== undefined) this.#tryTimer = guardTimer(this.#context.clock, limit, fn);
  }

  #cancelTry(): void {
    this.#tryTimer?.cancel();
    this.#tryTimer = null;
  }

  #failed(outcome: AttemptOutcome, reason: ResetReason): void {
    this.#cancelTry();
    if (this.#over || this.#retry(outcome)) return;
    this.#reply(resetReply(reason, this.#attempts > 1));
  }

  /** Whether another attempt was set up; if not although the policy asks for one, the flags say why. */
  #retry(outcome: AttemptOutcome): boolean {
    this.#endRetry();
    this.#endRetry = () => {};
    const policy = this.#downstream.route.retryPolicy;
    if (policy === null || retryReason(policy, outcome) === null) return false;
    if (this.#attempts > policy.numRetries) {
      this.#flags = ["URX"];
      return false;
    }
    const { pools, config } = this.#cluster!;
    if (this.#body?.replayable === false) return false;
    if (!mayRetry(config.circuitBreakers, pools.load)) {
      this.#flags = ["UO"];
      return false;
    }
    this.#endRetry = pools.beginRetry();
    const { clock, jitter } = this.#context;
    const timer = clock.at(clock.nowUs() + backOffMs(this.#attempts, jitter) * 1000, () => this.#attempt());
    this.#cancelStep = () => timer.cancel();
    return true;
  }

  #answer(status: number, lines: HeaderLines, sentUs: number): void {
    const route = this.#downstream.route;
    let headers = edited(edited(lines, this.#destination!.responseHeaders), route.responseHeaders);
    const tookMs = Math.floor((this.#context.clock.nowUs() - sentUs) / 1000);
    headers = withHeader(headers, "x-envoy-upstream-service-time", String(tookMs));
    this.#writeHead(status, headers);
    // Headers leave with the first bytes of the body where those are here already, else by themselves.
    setImmediate(() => {
      if (!this.#response.writableEnded && !this.#response.destroyed) this.#response.flushHeaders();
    });
  }

  #writeHead(status: number, headers: HeaderLines): void {
    const lines: HeaderLines = [
      ...withHeader(headers, "server", "envoy"),
      ...this.#cookies.map((cookie) => ["set-cookie", cookieLine(cookie)] as const),
    ];
    if (this.#context.draining()) lines.push(["connection", "close"]);
    this.#response.writeHead(status, flat(lines));
  }

  #reply(reply: LocalReply): void {
    if (this.#over || this.#response.headersSent) return;
    this.#flags = [...this.#flags.filter((flag) => flag !== reply.flag), reply.flag];
    const headers: HeaderLines = [["content-length", String(Buffer.byteLength(reply.body))]];
    if (reply.body !== "") headers.push(["content-type", "text/plain"]);
    if (reply.overloaded === true) headers.push(["x-envoy-overloaded", "true"]);
    this.#writeHead(reply.status, headers);
    this.#response.end(reply.body);
  }

  /** An answer that has begun cannot be taken back: the connection is closed in the middle of it. */
  #cut(): void {
    const flags = this.#flags;
    this.#finish();
    this.#flags = flags;
    this.#response.destroy();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTry();
    this.#endRetry();
    for (const timer of this.#timers) timer.cancel();
    // Ends an attempt that is still running; one that is over takes no notice.
    this.#cancelStep();
    const { clock, report } = this.#context;
    const atUs = clock.nowUs();
    report({
      type: "access",
      atUs,
      requestId: this.#requestId,
      authority: authorityOf(this.#downstream.route),
      status: this.#response.headersSent ? this.#response.statusCode : 0,
      flags: this.#flags.length === 0 ? "-" : this.#flags.join(","),
      upstreamHost: this.#endpoint?.address ?? null,
      pod: this.#endpoint?.pod ?? null,
      attempts: this.#attempts,
      durationUs: atUs - this.#startUs,
      endpointsVersion: this.#endpointsVersion,
      hash: this.#hash === null ? null : toDecimal(this.#hash),
      hashed: this.#hashedValue(),
    });
  }

  #hashedValue(): string | null {
    const header = this.#downstream.route.hashPolicies.find((policy) => policy.kind === "header");
    return header ? (valuesOf(this.#headers, header.headerName)[0] ?? null) : null;
  }
}
