/** Whether a topology can meet what a scenario needs. */
import { nearest } from "../topology/suggest.ts";
import type { ScaledObject, Tier, Topology } from "../topology/types.ts";

export type Needs = {
  /** Ready pods that each tier must be able to have. */
  readonly pods: number;
  /** Tiers, each scaled by a metric of its own. */
  readonly tiers: number;
  readonly scaleToZero: boolean;
};

const queriesOf = (tier: Tier): string =>
  (tier.scaledObject?.triggers ?? [])
    .map(({ type, metadata }) => `${type} ${(metadata["query"] ?? JSON.stringify(metadata)).trim()}`)
    .sort()
    .join("\n");

/** Whether one metric scales both, so that neither can move alone. */
export const scaledByOneMetric = (a: Tier, b: Tier): boolean => queriesOf(a) === queriesOf(b);

/** Pods of a tier that nobody uses. */
export const restReplicas = ({ idleReplicaCount, minReplicaCount }: ScaledObject): number =>
  idleReplicaCount ?? minReplicaCount;

/** A mistyped one is a mistake to be shown, not another way to scale. */
const isMeantForPrometheus = (type: string): boolean => nearest(type, ["prometheus"]) !== null;

/** Why the scenario does not apply; null where it does. `used` are the tiers that its loads go to. */
export function notApplicableReason(topology: Topology, needs: Needs, used: readonly Tier[]): string | null {
  const [first, second] = topology.tiers;
  if (topology.tiers.length < needs.tiers) {
    return `needs ${needs.tiers} tiers, the topology has ${topology.tiers.length}`;
  }
  if (needs.tiers >= 2 && first && second && scaledByOneMetric(first, second)) {
    return topology.tiers.length === 2
      ? "both tiers are scaled by one metric"
      : `tiers ${first.name} and ${second.name} are scaled by one metric`;
  }
  for (const { name, scaledObject } of used) {
    if (!scaledObject) return `nothing scales tier ${name}: it has no ScaledObject`;
    const { maxReplicaCount, idleReplicaCount, triggers } = scaledObject;
    const others = triggers.filter(({ type }) => !isMeantForPrometheus(type)).map(({ type }) => type);
    if (others.length > 0 && others.length === triggers.length) {
      return `tier ${name} is scaled by ${[...new Set(others)].join(", ")}, and only Prometheus triggers are acted on`;
    }
    if (maxReplicaCount < needs.pods) {
      return `needs ${needs.pods} ready pods, the topology's maxReplicaCount is ${maxReplicaCount} (tier ${name})`;
    }
    const rest = restReplicas(scaledObject);
    if (needs.scaleToZero && rest > 0) {
      return `needs a tier that scales to zero, ${idleReplicaCount === null ? "min" : "idle"}ReplicaCount of tier ${name} is ${rest}`;
    }
  }
  return null;
}
