/** The whole configuration that one client pod's Envoy starts with. */
import type { ResolvedCluster, ResolvedRoute } from "../../../routing/types.ts";
import type { Json, JsonObject } from "../../../topology/types.ts";
import type { BindAddress } from "../addresses.ts";
import { clusterConfig, socketAddress } from "./cluster-config.ts";
import { filterChain } from "./route-config.ts";

export type EnvoyListener = BindAddress & {
  readonly route: ResolvedRoute;
  /** Connections come with a PROXY protocol header, which tells what address the client had opened them to. */
  readonly proxyProtocol: boolean;
};

export type BootstrapOptions = {
  readonly node: string;
  readonly listeners: readonly EnvoyListener[];
  readonly admin: BindAddress;
  /** Where the endpoint files are: see `endpointsFile()`. */
  readonly endpointsFolder: string;
  readonly speed: number;
  /** Replaces the balancer of every hashing cluster. */
  readonly overrideLbPolicy?: "RANDOM";
};

export function envoyBootstrap(options: BootstrapOptions): JsonObject {
  const { node, listeners, admin, speed } = options;
  return {
    // Endpoints are not read without a node, not even from a file.
    node: { id: node, cluster: "limpet" },
    admin: { address: socketAddress(admin.bindAddress, admin.bindPort) },
    static_resources: {
      listeners: listeners.map((listener) => listenerConfig(listener, speed)),
      clusters: clustersOf(listeners).map((cluster) => clusterConfig(cluster, options)),
    },
  };
}

function listenerConfig(listener: EnvoyListener, speed: number): JsonObject {
  const { route, bindAddress, bindPort, proxyProtocol } = listener;
  const filters: Json[] = proxyProtocol
    ? [
        {
          name: "envoy.filters.listener.proxy_protocol",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
          },
        },
      ]
    : [];
  return {
    name: `${route.host}:${route.port}`,
    address: socketAddress(bindAddress, bindPort),
    listener_filters: filters,
    filter_chains: [filterChain(route, speed)],
  };
}

/** Every cluster that exists, once; a route to one that does not is answered by Envoy itself. */
function clustersOf(listeners: readonly EnvoyListener[]): ResolvedCluster[] {
  const byName = new Map<string, ResolvedCluster>();
  for (const { route } of listeners)
    for (const { cluster } of route.destinations)
      if (cluster.missing !== true && !byName.has(cluster.name)) byName.set(cluster.name, cluster);
  return [...byName.values()];
}
