/**
 * A cluster as istiod writes it for Envoy (v3, JSON), and the endpoint list that Envoy reads from a file.
 * Sources: istio/istio pilot/pkg/networking/core/{cluster,cluster_traffic_policy}.go; envoyproxy/envoy
 * api/envoy/config/{cluster,endpoint}/v3.
 */
import { join } from "node:path";
import type { CircuitBreakers, ResolvedCluster } from "../../../routing/types.ts";
import type { SidecarEndpoint } from "../../../services/sidecar/protocol.ts";
import type { JsonObject } from "../../../topology/types.ts";

/** What Istio writes for a limit that nobody configured. */
const UNLIMITED = 2 ** 32 - 1;

/** A duration as protobuf's JSON spells it. */
export const duration = (ms: number): string => `${Math.round(ms * 1000) / 1e6}s`;

const MIN_REAL_TIMEOUT_MS = 1_000;

/**
 * Real milliseconds of a time-out that guards input and output: `ms` of topology time, but not under a real second
 * unless it was shorter to begin with.
 */
export const guardMs = (ms: number, speed: number): number =>
  Math.max(ms / speed, Math.min(ms, MIN_REAL_TIMEOUT_MS));

/** One file for each Service: every cluster over it reads the same endpoints. */
export const endpointsFile = (folder: string, service: string): string => join(folder, `${service}.json`);

const limit = (value: number): number => (Number.isFinite(value) ? value : UNLIMITED);

const circuitBreakers = (limits: CircuitBreakers): JsonObject => ({
  thresholds: [
    {
      max_connections: limit(limits.maxConnections),
      max_pending_requests: limit(limits.maxPendingRequests),
      max_requests: limit(limits.maxRequests),
      max_retries: limit(limits.maxRetries),
    },
  ],
});

function balancer(cluster: ResolvedCluster, override: "RANDOM" | undefined): JsonObject {
  const { lbPolicy, minimumRingSize, maximumRingSize, tableSize } = cluster;
  const hashing = lbPolicy === "RING_HASH" || lbPolicy === "MAGLEV";
  if (hashing && override !== undefined) return { lb_policy: override };
  if (lbPolicy === "RING_HASH")
    return {
      lb_policy: lbPolicy,
      ring_hash_lb_config: { minimum_ring_size: minimumRingSize, maximum_ring_size: maximumRingSize },
    };
  if (lbPolicy === "MAGLEV") return { lb_policy: lbPolicy, maglev_lb_config: { table_size: tableSize } };
  return { lb_policy: lbPolicy };
}

export type ClusterOptions = {
  readonly endpointsFolder: string;
  readonly speed: number;
  readonly overrideLbPolicy?: "RANDOM";
};

export function clusterConfig(cluster: ResolvedCluster, options: ClusterOptions): JsonObject {
  const { endpointsFolder, speed, overrideLbPolicy } = options;
  const common = {
    name: cluster.name,
    connect_timeout: duration(guardMs(cluster.connectTimeoutMs, speed)),
    circuit_breakers: circuitBreakers(cluster.circuitBreakers),
  };
  if (cluster.type === "ORIGINAL_DST")
    return { ...common, type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED" };
  return {
    ...common,
    type: "EDS",
    ...balancer(cluster, overrideLbPolicy),
    // Istio 1.31: endpoints that are not ready are sent as such, and never balanced over.
    common_lb_config: { healthy_panic_threshold: { value: 0 } },
    eds_cluster_config: {
      service_name: cluster.service,
      eds_config: {
        resource_api_version: "V3",
        path_config_source: { path: endpointsFile(endpointsFolder, cluster.service) },
      },
    },
  };
}

/**
 * The endpoints of a Service as a discovery response. The address is where the pod really listens; the string that is
 * hashed is `podIP:port`, as `envoy.lb` / `hash_key`.
 */
export const endpointsResponse = (
  service: string,
  version: number,
  endpoints: readonly SidecarEndpoint[],
): JsonObject => ({
  version_info: String(version),
  resources: [
    {
      "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
      cluster_name: service,
      endpoints: [{ lb_endpoints: endpoints.map(lbEndpoint) }],
    },
  ],
});

const lbEndpoint = ({ address, bindAddress, bindPort, weight, ready }: SidecarEndpoint): JsonObject => ({
  endpoint: { address: socketAddress(bindAddress, bindPort) },
  load_balancing_weight: weight,
  health_status: ready ? "HEALTHY" : "UNHEALTHY",
  metadata: { filter_metadata: { "envoy.lb": { hash_key: address } } },
});

export const socketAddress = (address: string, port: number): JsonObject => ({
  socket_address: { address, port_value: port },
});
