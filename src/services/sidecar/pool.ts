/**
 * The connection pools of one cluster: one for each pod, under limits that they share. The rules are Envoy's
 * ({@link admit}); this does what they say.
 */
import type { Clock } from "../../clock/clock.ts";
import { admit, attach, mayConnect } from "../../routing/circuit-breaker.ts";
import type { CircuitBreakers } from "../../routing/types.ts";
import { Connection } from "./connection.ts";
import type { ConnectFailure } from "./connection.ts";
import type { SidecarEndpoint } from "./protocol.ts";

/** A request that wants a connection. Exactly one of the two is called, once, unless it was cancelled. */
export type Waiter = {
  readonly onConnection: (lease: Lease) => void;
  readonly onFailure: (reason: "overflow" | ConnectFailure) => void;
};

/** A connection handed to one request; `release` exactly once when the exchange is over, however it ended. */
export type Lease = { readonly connection: Connection; readonly release: () => void };

type Pool = {
  readonly endpoint: SidecarEndpoint;
  readonly idle: Connection[];
  readonly connections: Set<Connection>;
  readonly connecting: Set<Connection>;
  readonly pending: Set<Waiter>;
  active: number;
  draining: boolean;
};

export const endpointKey = (endpoint: SidecarEndpoint): string =>
  `${endpoint.address} ${endpoint.bindAddress}:${endpoint.bindPort}`;

export class ClusterPools {
  readonly #limits: CircuitBreakers;
  readonly #connectTimeoutMs: number;
  readonly #clock: Clock;
  readonly #pools = new Map<string, Pool>();
  readonly #load = { activeRequests: 0, pendingRequests: 0, connections: 0, activeRetries: 0 };

  constructor(limits: CircuitBreakers, connectTimeoutMs: number, clock: Clock) {
    this.#limits = limits;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#clock = clock;
  }

  get load(): Readonly<{
    activeRequests: number;
    pendingRequests: number;
    connections: number;
    activeRetries: number;
  }> {
    return this.#load;
  }

  /** Requests in progress at a pod, for LEAST_REQUEST. */
  activeAt(endpoint: SidecarEndpoint): number {
    return this.#pools.get(endpointKey(endpoint))?.active ?? 0;
  }

  /** Counts a retry from its decision until its attempt is over. */
  beginRetry(): () => void {
    this.#load.activeRetries++;
    return () => void this.#load.activeRetries--;
  }

  /** Asks for a connection to a pod. The answer takes the request out of the queue again. */
  acquire(endpoint: SidecarEndpoint, waiter: Waiter): () => void {
    const pool = this.#poolFor(endpoint);
    while (pool.idle.length > 0 && !pool.idle.at(-1)!.usable) pool.idle.pop();
    const admission = admit(this.#limits, this.#load, {
      connections: pool.connections.size,
      connecting: pool.connecting.size,
      idle: pool.idle.length,
      pending: pool.pending.size,
    });
    if (admission.action === "overflow") waiter.onFailure("overflow");
    else if (admission.action === "dispatch") this.#lend(pool, pool.idle.pop()!, waiter);
    else {
      pool.pending.add(waiter);
      this.#load.pendingRequests++;
      if (admission.connect) this.#open(pool);
    }
    return () => void this.#unqueue(pool, waiter);
  }

  /** Pods that are no longer listed finish what they have and are then left. */
  retain(endpoints: readonly SidecarEndpoint[]): void {
    const kept = new Set(endpoints.map(endpointKey));
    for (const [key, pool] of this.#pools) {
      pool.draining = !kept.has(key);
      if (!pool.draining) continue;
      for (const connection of pool.idle.splice(0)) connection.close();
      this.#forgetIfEmpty(pool);
    }
  }

  close(): void {
    for (const pool of this.#pools.values()) for (const connection of pool.connections) connection.close();
  }

  #poolFor(endpoint: SidecarEndpoint): Pool {
    const key = endpointKey(endpoint);
    const found = this.#pools.get(key);
    if (found) return found;
    const pool: Pool = {
      endpoint,
      idle: [],
      connections: new Set(),
      connecting: new Set(),
      pending: new Set(),
      active: 0,
      draining: false,
    };
    this.#pools.set(key, pool);
    return pool;
  }

  #forgetIfEmpty(pool: Pool): void {
    if (pool.draining && pool.connections.size === 0 && pool.pending.size === 0)
      this.#pools.delete(endpointKey(pool.endpoint));
  }

  #unqueue(pool: Pool, waiter: Waiter): boolean {
    if (!pool.pending.delete(waiter)) return false;
    this.#load.pendingRequests--;
    return true;
  }

  #open(pool: Pool): void {
    this.#load.connections++;
    const connection = new Connection(pool.endpoint, this.#connectTimeoutMs, this.#clock, {
      onConnected: (opened) => {
        pool.connecting.delete(opened);
        this.#offer(pool, opened);
      },
      onClosed: (closed, failure) => this.#closed(pool, closed, failure),
    });
    pool.connections.add(connection);
    pool.connecting.add(connection);
  }

  #closed(pool: Pool, connection: Connection, failure: ConnectFailure | null): void {
    this.#load.connections--;
    pool.connections.delete(connection);
    pool.connecting.delete(connection);
    const at = pool.idle.indexOf(connection);
    if (at >= 0) pool.idle.splice(at, 1);
    if (failure !== null) {
      // A pod that cannot be reached fails all that wait for it at once; each decides for itself what to do.
      for (const waiter of pool.pending) if (this.#unqueue(pool, waiter)) waiter.onFailure(failure);
    } else if (
      pool.pending.size > pool.connecting.size &&
      mayConnect(this.#limits, this.#load, { connections: pool.connections.size })
    ) {
      this.#open(pool);
    }
    this.#forgetIfEmpty(pool);
  }

  /** A connection is free: the oldest waiting request has it. */
  #offer(pool: Pool, connection: Connection): void {
    if (!connection.usable) return;
    for (const waiter of pool.pending) {
      this.#unqueue(pool, waiter);
      if (attach(this.#limits, this.#load).action === "dispatch") return this.#lend(pool, connection, waiter);
      waiter.onFailure("overflow");
    }
    if (pool.draining) connection.close();
    else pool.idle.push(connection);
  }

  #lend(pool: Pool, connection: Connection, waiter: Waiter): void {
    pool.active++;
    this.#load.activeRequests++;
    let lent = true;
    const release = (): void => {
      if (!lent) return;
      lent = false;
      pool.active--;
      this.#load.activeRequests--;
      // The client closes a connection that cannot be used again right after it reports the end of an exchange.
      setImmediate(() => this.#offer(pool, connection));
    };
    waiter.onConnection({ connection, release });
  }
}
