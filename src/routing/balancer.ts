/**
 * A cluster's load balancer over one list of hosts. Ring and Maglev are values; the others keep a cursor, as Envoy's
 * do. Every change of hosts makes a new one.
 * Source: envoyproxy/envoy source/extensions/load_balancing_policies/{common,random,round_robin,least_request}.
 */
import type { Random } from "../seed/seed.ts";
import type { Hash64 } from "./hash64.ts";
import { boundedLoad } from "./compared/bounded-load.ts";
import { jump } from "./compared/jump.ts";
import { rendezvous } from "./compared/rendezvous.ts";
import { sticky, type Directory } from "./compared/sticky.ts";
import type { ComparedStrategy } from "./compared/strategies.ts";
import { buildMaglev, maglevOwner } from "./maglev.ts";
import { buildRing, ringOwner } from "./ring-hash.ts";
import type { Host, ResolvedCluster } from "./types.ts";

export interface Balancer {
  readonly hosts: readonly Host[];
  /**
   * Index in `hosts` of the host that one selection attempt looks at; −1 without hosts. Only the hashing ones use
   * `hash` and `attempt`; the others draw anew each time.
   */
  choose(hash: Hash64, attempt: number): number;
}

export type BalancerContext = {
  readonly random: Random;
  /** Requests in progress to the host at this index, which LEAST_REQUEST compares. */
  readonly activeRequests: (index: number) => number;
  /** What STICKY remembers over all balancers of one cluster. */
  readonly directory?: Directory;
};

export function createBalancer(
  cluster: Pick<ResolvedCluster, "minimumRingSize" | "maximumRingSize" | "tableSize"> & {
    readonly lbPolicy: ResolvedCluster["lbPolicy"] | ComparedStrategy;
  },
  hosts: readonly Host[],
  context: BalancerContext,
): Balancer {
  switch (cluster.lbPolicy) {
    case "RING_HASH": {
      const ring = buildRing(hosts, cluster);
      return { hosts, choose: (hash, attempt) => ringOwner(ring, hash, attempt) };
    }
    case "MAGLEV": {
      const table = buildMaglev(hosts, cluster);
      return { hosts, choose: (hash, attempt) => maglevOwner(table, hash, attempt) };
    }
    case "ROUND_ROBIN":
      return roundRobin(hosts, context);
    case "LEAST_REQUEST":
      return leastRequest(hosts, context);
    // An ORIGINAL_DST cluster has no list to balance over; RANDOM is what a caller's resolver amounts to.
    case "CLUSTER_PROVIDED":
    case "RANDOM":
      return { hosts, choose: () => (hosts.length === 0 ? -1 : context.random.below(hosts.length)) };
    case "RENDEZVOUS":
      return rendezvous(hosts);
    case "JUMP":
      return jump(hosts);
    case "BOUNDED_LOAD":
      return boundedLoad(hosts, cluster, context);
    case "STICKY":
      return sticky(hosts, cluster, context.directory ?? new Map<string, string>());
    default:
      throw new RangeError(`Cannot balance: unknown lb_policy ${String(cluster.lbPolicy)}`);
  }
}

const equalWeights = (hosts: readonly Host[]): boolean =>
  hosts.every(({ weight }) => weight === hosts[0]!.weight);

function roundRobin(hosts: readonly Host[], { random }: BalancerContext): Balancer {
  if (hosts.length > 0 && !equalWeights(hosts))
    return earliestDeadline(hosts, (index) => hosts[index]!.weight);
  // Each proxy starts somewhere else, so that many of them do not all begin with the first host.
  let next = hosts.length === 0 ? 0 : random.below(hosts.length);
  return { hosts, choose: () => (hosts.length === 0 ? -1 : next++ % hosts.length) };
}

/** Two hosts drawn with replacement; the one with fewer requests in progress, the first of them if equal. */
function leastRequest(hosts: readonly Host[], { random, activeRequests }: BalancerContext): Balancer {
  if (hosts.length > 0 && !equalWeights(hosts))
    return earliestDeadline(hosts, (index) => hosts[index]!.weight / (activeRequests(index) + 1));
  const choose = (): number => {
    if (hosts.length === 0) return -1;
    const first = random.below(hosts.length);
    const second = random.below(hosts.length);
    return activeRequests(second) < activeRequests(first) ? second : first;
  };
  return { hosts, choose };
}

/** Earliest deadline first: a host picked at time t is due again at t + 1/weight. */
function earliestDeadline(hosts: readonly Host[], weightOf: (index: number) => number): Balancer {
  const due = hosts.map((_, index) => 1 / weightOf(index));
  const choose = (): number => {
    let best = 0;
    for (let index = 1; index < due.length; index++) if (due[index]! < due[best]!) best = index;
    due[best]! += 1 / weightOf(best);
    return best;
  };
  return { hosts, choose };
}
