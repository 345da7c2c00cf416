/**
 * One sync of the StatefulSet controller: which pods to create and delete now. Under OrderedReady it is one at a time
 * and blocked by the first pod that is not well; under Parallel all at once.
 *
 * @see kubernetes/kubernetes pkg/controller/statefulset/stateful_set_control.go, updateStatefulSet
 */
import type { PodView, StatefulSetActions, StatefulSetInput, StatefulSetStatus } from "./types.ts";

type OrdinalPod = PodView & { readonly ordinal: number };

export function reconcileStatefulSet(input: StatefulSetInput): StatefulSetActions {
  const start = input.startOrdinal ?? 0;
  const pods = ordinalPods(input);
  const isReplica = ({ ordinal }: OrdinalPod): boolean =>
    ordinal >= start && ordinal < start + input.replicas;
  const byOrdinal = new Map(pods.map((pod) => [pod.ordinal, pod]));
  const condemned = pods.filter((pod) => !isReplica(pod)).sort((a, b) => b.ordinal - a.ordinal);
  const plan: Plan = { create: [], delete: [], waitingFor: null };
  const stopped = processReplicas(input, start, byOrdinal, plan);
  if (!stopped) processCondemned(input, pods, condemned, isReplica, plan);
  return { ...plan, requeueAtUs: nextAvailability(input) };
}

type Plan = { create: number[]; delete: string[]; waitingFor: string | null };

/** Pods that stay or are missing, in ordinal order. Answers whether the sync ends here. */
function processReplicas(
  input: StatefulSetInput,
  start: number,
  byOrdinal: ReadonlyMap<number, OrdinalPod>,
  plan: Plan,
): boolean {
  const monotonic = input.podManagementPolicy === "OrderedReady";
  for (let ordinal = start; ordinal < start + input.replicas; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) {
      plan.create.push(ordinal);
      if (monotonic) return true;
      continue;
    }
    const state = stateOf(input, pod);
    if (state === "finished") plan.delete.push(pod.name);
    else if (state !== "available") plan.waitingFor ??= `waiting for ${pod.name} to be ${WANTED[state]}`;
    if (monotonic && state !== "available") return true;
  }
  return false;
}

/** Pods beyond the wanted number, highest ordinal first. */
function processCondemned(
  input: StatefulSetInput,
  pods: readonly OrdinalPod[],
  condemned: readonly OrdinalPod[],
  isReplica: (pod: OrdinalPod) => boolean,
  plan: Plan,
): void {
  const monotonic = input.podManagementPolicy === "OrderedReady";
  const firstUnavailable = [...pods.filter(isReplica), ...pods.filter((pod) => !isReplica(pod))].find(
    (pod) => pod.terminating || !isAvailable(input, pod),
  );
  for (const pod of condemned) {
    if (pod.terminating) {
      plan.waitingFor ??= `waiting for ${pod.name} to be gone`;
      if (monotonic) return;
      continue;
    }
    // Were it allowed to go, two pods could be down at once; the price is that a sick pod in the middle blocks.
    if (monotonic && !isAvailable(input, pod) && pod !== firstUnavailable) {
      plan.waitingFor ??= `waiting for ${pod.name} to be ready before it may be deleted`;
      return;
    }
    plan.delete.push(pod.name);
    if (monotonic) return;
  }
}

type PodState = "finished" | "terminating" | "notReady" | "notAvailable" | "available";
const WANTED = { terminating: "gone", notReady: "ready", notAvailable: "available" } as const;

function stateOf(input: StatefulSetInput, pod: PodView): PodState {
  const finished = pod.phase === "Failed" || pod.phase === "Succeeded";
  if (finished && !pod.terminating) return "finished";
  if (pod.terminating) return "terminating";
  if (!isReady(pod)) return "notReady";
  return isAvailable(input, pod) ? "available" : "notAvailable";
}

const isReady = (pod: PodView): boolean => pod.phase === "Running" && pod.ready;

/** Ready's last transition is stored in whole seconds, so a pod is available up to 1 s early. */
const availableAtUs = (pod: PodView, minReadySeconds: number): number =>
  (Math.floor((pod.readySinceUs ?? 0) / 1e6) + minReadySeconds) * 1e6;

function isAvailable(
  { minReadySeconds, nowUs }: Pick<StatefulSetInput, "minReadySeconds" | "nowUs">,
  pod: PodView,
): boolean {
  return isReady(pod) && (minReadySeconds === 0 || nowUs >= availableAtUs(pod, minReadySeconds));
}

/** The instant at which the next ready pod becomes available. */
function nextAvailability({ pods, minReadySeconds, nowUs }: StatefulSetInput): number | null {
  const instants = pods.filter(isReady).map((pod) => availableAtUs(pod, minReadySeconds));
  const ahead = instants.filter((atUs) => atUs > nowUs);
  return ahead.length === 0 ? null : Math.min(...ahead);
}

/** Pods whose name is the set's with an ordinal; others are not the set's. */
function ordinalPods({ name, pods }: StatefulSetInput): OrdinalPod[] {
  const prefix = `${name}-`;
  return pods
    .filter((pod) => pod.name.startsWith(prefix) && /^\d+$/.test(pod.name.slice(prefix.length)))
    .map((pod) => ({ ...pod, ordinal: Number(pod.name.slice(prefix.length)) }))
    .sort((a, b) => a.ordinal - b.ordinal);
}

/**
 * The counts of the set's status. `replicas` includes terminating pods and is what the HPA divides by; it lags
 * `spec.replicas` in both directions.
 */
export function statefulSetStatus(
  input: Pick<StatefulSetInput, "name" | "nowUs" | "minReadySeconds" | "pods">,
): StatefulSetStatus {
  const ready = input.pods.filter(isReady);
  return {
    replicas: input.pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(input, pod)).length,
  };
}
