/**
 * Orders and reports as lines of JSON. JSON has no infinity, which an unconfigured limit is: it arrives as null and is
 * put back here.
 */
import type { CircuitBreakers, ResolvedRoute } from "../../routing/types.ts";
import type { SidecarOrder } from "./protocol.ts";

const LIMITS = ["maxConnections", "maxPendingRequests", "maxRequests", "maxRetries"] as const;

const unlimited = (limits: CircuitBreakers): CircuitBreakers => {
  const given: Readonly<Partial<Record<keyof CircuitBreakers, number | null>>> = limits;
  const [maxConnections, maxPendingRequests, maxRequests, maxRetries] = LIMITS.map(
    (name) => given[name] ?? Infinity,
  );
  return {
    maxConnections: maxConnections!,
    maxPendingRequests: maxPendingRequests!,
    maxRequests: maxRequests!,
    maxRetries: maxRetries!,
  };
};

const withLimits = (route: ResolvedRoute): ResolvedRoute => ({
  ...route,
  destinations: route.destinations.map((destination) => ({
    ...destination,
    cluster: {
      ...destination.cluster,
      circuitBreakers: unlimited(destination.cluster.circuitBreakers),
    },
  })),
});

/** @throws {Error} on a line that is no order. */
export function parseOrder(line: string): SidecarOrder {
  const order = JSON.parse(line) as SidecarOrder;
  if (order.type === "endpoints") return order;
  if (order.type !== "start") throw new Error("Cannot read an order: type must be start or endpoints");
  return {
    ...order,
    listeners: order.listeners.map((listener) => ({ ...listener, route: withLimits(listener.route) })),
  };
}
