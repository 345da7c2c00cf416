/**
 * Whether a request may go to the pod that was chosen for it: Envoy's limits for an HTTP/1.1 cluster. All of them
 * count over the whole cluster in one client proxy, not for each pod.
 * Source: envoyproxy/envoy source/common/conn_pool/conn_pool_base.cc, docs … /circuit_breaking.rst.
 */
import type { CircuitBreakers } from "./types.ts";

export type ClusterLoad = {
  readonly activeRequests: number;
  readonly pendingRequests: number;
  /** Open or being opened, idle ones included. */
  readonly connections: number;
  readonly activeRetries: number;
};

/** The chosen pod's own connections. */
export type PoolLoad = {
  readonly connections: number;
  readonly connecting: number;
  readonly idle: number;
  readonly pending: number;
};

export type Admission =
  | { readonly action: "dispatch" }
  | { readonly action: "queue"; readonly connect: boolean }
  | { readonly action: "overflow"; readonly limit: "maxRequests" | "maxPendingRequests" };

/** A pod without any connection gets one beyond `maxConnections`, so that no pod is unreachable. */
export const mayConnect = (
  limits: CircuitBreakers,
  cluster: Pick<ClusterLoad, "connections">,
  pool: Pick<PoolLoad, "connections">,
): boolean => cluster.connections < limits.maxConnections || pool.connections === 0;

export function admit(limits: CircuitBreakers, cluster: ClusterLoad, pool: PoolLoad): Admission {
  if (pool.idle > 0) return attach(limits, cluster);
  if (cluster.pendingRequests >= limits.maxPendingRequests)
    return { action: "overflow", limit: "maxPendingRequests" };
  // Each connection being opened will serve one of those that wait.
  const connect = pool.connecting <= pool.pending && mayConnect(limits, cluster, pool);
  return { action: "queue", connect };
}

/** The check on the way from the queue, or straight, to a free connection. */
export const attach = (
  limits: CircuitBreakers,
  cluster: Pick<ClusterLoad, "activeRequests">,
): Extract<Admission, { action: "dispatch" | "overflow" }> =>
  cluster.activeRequests < limits.maxRequests
    ? { action: "dispatch" }
    : { action: "overflow", limit: "maxRequests" };

export const mayRetry = (limits: CircuitBreakers, cluster: Pick<ClusterLoad, "activeRetries">): boolean =>
  cluster.activeRetries < limits.maxRetries;
