/** From a pod to an endpoint, and what istiod makes of that. */
import type { EndpointConditions, IstiodHealth, IstiodOptions, PodView } from "./types.ts";

/**
 * The conditions of a pod's endpoint in its EndpointSlice; null for a finished pod, which has none. `ready` turns false
 * in the same update in which the deletion is seen, while `serving` may stay true for as long as the pod drains.
 * @see kubernetes/kubernetes staging/src/k8s.io/endpointslice/utils.go
 */
export function endpointConditions(
  pod: Pick<PodView, "phase" | "ready" | "terminating">,
  publishNotReadyAddresses: boolean,
): EndpointConditions | null {
  if (pod.phase === "Failed" || pod.phase === "Succeeded") return null;
  return {
    ready: publishNotReadyAddresses || (pod.ready && !pod.terminating),
    serving: pod.ready,
    terminating: pod.terminating,
  };
}

/**
 * istiod's view of an endpoint: `ready` is taken at face value, so behind `publishNotReadyAddresses` even a starting or
 * terminating pod is healthy.
 * @see istio/istio pilot/pkg/serviceregistry/kube/controller/endpointslice.go
 */
export function istiodHealth(conditions: EndpointConditions, options: IstiodOptions = {}): IstiodHealth {
  if (conditions.ready) return "Healthy";
  if (options.persistentSession === true && conditions.serving && conditions.terminating) return "Draining";
  return conditions.terminating ? "Terminating" : "UnHealthy";
}

/** How the endpoint is sent to the proxies: Envoy's health status, or null where it is left out. */
export function edsHealth(
  conditions: EndpointConditions,
  options: IstiodOptions = {},
): "HEALTHY" | "UNHEALTHY" | "DRAINING" | null {
  switch (istiodHealth(conditions, options)) {
    case "Healthy":
      return "HEALTHY";
    case "Draining":
      return "DRAINING";
    case "Terminating":
      return null;
    default:
      return (options.sendUnhealthyEndpoints ?? true) ? "UNHEALTHY" : null;
  }
}
