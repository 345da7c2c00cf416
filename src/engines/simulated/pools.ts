/**
 * The connections of one cluster in the simulated proxy: one pool for each pod, under Envoy's shared limits
 * ({@link admit}). Connections are counted, not made.
 */
import type { Clock } from "../../clock/clock.ts";
import { admit, attach, mayConnect } from "../../routing/circuit-breaker.ts";
import type { CircuitBreakers } from "../../routing/types.ts";

/** The program behind an address; another one after each start of its container. */
export interface PodServer {
  readonly accepting: boolean;
}

/** A request that wants a connection; exactly one of the two is called, once. */
export type Waiter = {
  readonly onConnection: (server: PodServer, release: () => void) => void;
  readonly onFailure: (reason: "overflow" | "connect") => void;
};

type Pool = {
  /** Whose connections these are; those to a program before it are gone. */
  server: PodServer | null;
  connections: number;
  connecting: number;
  idle: number;
  active: number;
  readonly pending: Set<Waiter>;
  /** A connection to this program stood once: the others that it takes are made beside the work and cost no request time. */
  stood: boolean;
};

export class ClusterPools {
  readonly #limits: CircuitBreakers;
  readonly #clock: Clock;
  readonly #find: (address: string) => PodServer | null;
  readonly #connectUs: () => number;
  readonly #pools = new Map<string, Pool>();
  readonly load = { activeRequests: 0, pendingRequests: 0, connections: 0, activeRetries: 0 };

  constructor(options: {
    readonly limits: CircuitBreakers;
    readonly clock: Clock;
    /** What listens at an address now. */
    readonly find: (address: string) => PodServer | null;
    readonly connectUs: () => number;
  }) {
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#find = options.find;
    this.#connectUs = options.connectUs;
  }

  activeAt(address: string): number {
    return this.#pools.get(address)?.active ?? 0;
  }

  /** Whether requests to the program that listens there now find a connection that stands. */
  reaches(address: string, server: PodServer): boolean {
    const pool = this.#pools.get(address);
    return pool !== undefined && pool.server === server && pool.stood;
  }

  acquire(address: string, waiter: Waiter): void {
    const pool = this.#poolFor(address);
    const admission = admit(this.#limits, this.load, { ...pool, pending: pool.pending.size });
    if (admission.action === "overflow") return waiter.onFailure("overflow");
    if (admission.action === "dispatch") {
      pool.idle--;
      return this.#lend(address, pool, waiter);
    }
    pool.pending.add(waiter);
    this.load.pendingRequests++;
    if (admission.connect) this.#open(address, pool);
  }

  /** Pods that are no longer listed keep what they have in progress, nothing else. */
  retain(addresses: ReadonlySet<string>): void {
    for (const [address, pool] of this.#pools) {
      if (addresses.has(address)) continue;
      this.#drop(pool, pool.idle);
      pool.idle = 0;
      if (pool.connections === 0 && pool.pending.size === 0) this.#pools.delete(address);
    }
  }

  #poolFor(address: string): Pool {
    let pool = this.#pools.get(address);
    if (!pool) {
      pool = {
        server: null,
        connections: 0,
        connecting: 0,
        idle: 0,
        active: 0,
        pending: new Set(),
        stood: false,
      };
      this.#pools.set(address, pool);
    }
    const server = this.#find(address);
    if (pool.server !== server) {
      // Its program was started anew: the idle connections broke with the old one.
      this.#drop(pool, pool.idle);
      pool.idle = 0;
      pool.server = server;
      pool.stood = false;
    }
    return pool;
  }

  #drop(pool: Pool, count: number): void {
    pool.connections -= count;
    this.load.connections -= count;
  }

  #open(address: string, pool: Pool): void {
    pool.connections++;
    pool.connecting++;
    this.load.connections++;
    const takesUs = pool.stood ? 0 : this.#connectUs();
    this.#clock.at(this.#clock.nowUs() + takesUs, () => {
      pool.connecting--;
      this.#poolFor(address);
      if (pool.server?.accepting === true) {
        pool.stood = true;
        return this.#offer(address, pool);
      }
      this.#drop(pool, 1);
      // A pod that cannot be reached fails all that wait for it at once.
      for (const waiter of pool.pending) {
        this.#unqueue(pool, waiter);
        waiter.onFailure("connect");
      }
    });
  }

  #unqueue(pool: Pool, waiter: Waiter): void {
    if (pool.pending.delete(waiter)) this.load.pendingRequests--;
  }

  /** A connection is free: the oldest waiting request has it. */
  #offer(address: string, pool: Pool): void {
    for (const waiter of pool.pending) {
      this.#unqueue(pool, waiter);
      if (attach(this.#limits, this.load).action === "dispatch") return this.#lend(address, pool, waiter);
      waiter.onFailure("overflow");
    }
    pool.idle++;
  }

  /** A connection went: those that wait for one get another where the limits let them. */
  #openForWaiting(address: string, pool: Pool): void {
    if (pool.pending.size > pool.connecting && mayConnect(this.#limits, this.load, pool))
      this.#open(address, pool);
  }

  #lend(address: string, pool: Pool, waiter: Waiter): void {
    const { server } = pool;
    if (server === null) return waiter.onFailure("connect");
    pool.active++;
    this.load.activeRequests++;
    let lent = true;
    waiter.onConnection(server, () => {
      if (!lent) return;
      lent = false;
      pool.active--;
      this.load.activeRequests--;
      const usable = pool.server === server && server.accepting;
      if (usable) return this.#offer(address, pool);
      this.#drop(pool, 1);
      this.#openForWaiting(address, pool);
    });
  }
}
