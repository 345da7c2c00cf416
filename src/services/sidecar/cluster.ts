/** One cluster as this proxy holds it: its endpoints, its balancer over them, its pools. */
import type { Clock } from "../../clock/clock.ts";
import { createBalancer } from "../../routing/balancer.ts";
import type { Balancer } from "../../routing/balancer.ts";
import type { ResolvedCluster } from "../../routing/types.ts";
import type { Random } from "../../seed/seed.ts";
import { ClusterPools } from "./pool.ts";
import type { SidecarEndpoint } from "./protocol.ts";

export type EndpointList = { readonly version: number; readonly endpoints: readonly SidecarEndpoint[] };

export const NO_ENDPOINTS: EndpointList = { version: 0, endpoints: [] };

export class Cluster {
  readonly config: ResolvedCluster;
  readonly pools: ClusterPools;
  readonly #random: Random;
  #hosts: readonly SidecarEndpoint[] = [];
  #balancer: Balancer;
  #version = 0;

  constructor(config: ResolvedCluster, clock: Clock, random: Random) {
    this.config = config;
    this.#random = random;
    this.pools = new ClusterPools(config.circuitBreakers, config.connectTimeoutMs, clock);
    this.#balancer = this.#balancerOver([]);
  }

  /** Ready endpoints in the order of the list, index for index with the balancer's hosts. */
  get hosts(): readonly SidecarEndpoint[] {
    return this.#hosts;
  }

  get balancer(): Balancer {
    return this.#balancer;
  }

  get version(): number {
    return this.#version;
  }

  update(list: EndpointList): void {
    this.#version = list.version;
    this.#hosts = list.endpoints.filter((endpoint) => endpoint.ready);
    this.#balancer = this.#balancerOver(this.#hosts);
    // A pod that merely turned unready keeps its connections; one that left the list is drained.
    this.pools.retain(list.endpoints);
  }

  #balancerOver(hosts: readonly SidecarEndpoint[]): Balancer {
    return createBalancer(this.config, hosts, {
      random: this.#random,
      activeRequests: (index) => this.pools.activeAt(hosts[index]!),
    });
  }
}
