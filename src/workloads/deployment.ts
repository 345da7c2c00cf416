/**
 * A Deployment's one ReplicaSet: how many pods to create, or which to delete first. Terminating pods no longer count,
 * so a replacement appears at once.
 *
 * @see kubernetes/kubernetes pkg/controller/replicaset/replica_set.go, manageReplicas;
 *   pkg/controller/controller_utils.go, ActivePodsWithRanks
 */
import type { ReplicaSetActions, ReplicaSetInput, ReplicaSetPod, ReplicaSetStatus } from "./types.ts";

/** Creations and deletions of one sync. */
const BURST_REPLICAS = 500;

export function reconcileReplicaSet(input: ReplicaSetInput): ReplicaSetActions {
  const active = input.pods.filter(isActive);
  const missing = input.replicas - active.length;
  if (missing >= 0) return { create: Math.min(missing, BURST_REPLICAS), delete: [] };
  const byNode = countByNode(active);
  const ordered = active.toSorted((a, b) => compare(a, b, byNode, input.nowUs));
  return { create: 0, delete: ordered.slice(0, Math.min(-missing, BURST_REPLICAS)).map(({ name }) => name) };
}

/** The counts that the HPA and users see. */
export function replicaSetStatus(
  input: ReplicaSetInput & { readonly minReadySeconds?: number },
): ReplicaSetStatus {
  const active = input.pods.filter(isActive);
  const ready = active.filter((pod) => pod.ready);
  const neededUs = (input.minReadySeconds ?? 0) * 1e6;
  const isAvailable = ({ readySinceUs }: ReplicaSetPod): boolean =>
    neededUs === 0 || (readySinceUs !== null && wholeSecond(readySinceUs) + neededUs <= input.nowUs);
  return {
    replicas: active.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter(isAvailable).length,
  };
}

const isActive = (pod: ReplicaSetPod): boolean =>
  !pod.terminating && pod.phase !== "Failed" && pod.phase !== "Succeeded";

const wholeSecond = (us: number): number => Math.floor(us / 1e6) * 1e6;

function countByNode(pods: readonly ReplicaSetPod[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { node = "" } of pods) counts.set(node, (counts.get(node) ?? 0) + 1);
  return counts;
}

const PHASES = { Pending: 0, Running: 2, Succeeded: 3, Failed: 3 } as const;

/** Negative where `a` goes first. The first difference decides. */
function compare(
  a: ReplicaSetPod,
  b: ReplicaSetPod,
  byNode: ReadonlyMap<string, number>,
  nowUs: number,
): number {
  const rank = (pod: ReplicaSetPod): number => byNode.get(pod.node ?? "") ?? 0;
  return (
    Number(a.scheduled ?? true) - Number(b.scheduled ?? true) ||
    PHASES[a.phase] - PHASES[b.phase] ||
    Number(a.ready) - Number(b.ready) ||
    (a.deletionCost ?? 0) - (b.deletionCost ?? 0) ||
    rank(b) - rank(a) ||
    (a.ready && b.ready ? younger(a, b, a.readySinceUs, b.readySinceUs, nowUs) : 0) ||
    (b.restarts ?? 0) - (a.restarts ?? 0) ||
    younger(a, b, a.createdAtUs, b.createdAtUs, nowUs)
  );
}

/**
 * The younger goes first, but ages count on a logarithmic scale (whole powers of two of nanoseconds): pods of about the
 * same age are told apart by UID, which is as good as chance.
 */
function younger(
  a: ReplicaSetPod,
  b: ReplicaSetPod,
  atA: number | null,
  atB: number | null,
  nowUs: number,
): number {
  if (atA === null || atB === null) return Number(atB === null) - Number(atA === null);
  const [secondA, secondB] = [wholeSecond(atA), wholeSecond(atB)];
  if (secondA === secondB) return 0;
  const ageRank = (atUs: number): number => {
    const ageNs = (nowUs - atUs) * 1000;
    if (ageNs <= 0) return -1;
    // The whole part of the binary logarithm, in steps that are exact everywhere.
    let rank = 0;
    for (let rest = ageNs; rest >= 2; rest /= 2) rank++;
    return rank;
  };
  const byUid = (a.uid ?? a.name) < (b.uid ?? b.name) ? -1 : 1;
  return ageRank(secondA) - ageRank(secondB) || byUid;
}
