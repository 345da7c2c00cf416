/** Traces of the real StatefulSet controller, as `conformance/` records them, replayed step by step. */
import { reconcileStatefulSet, statefulSetStatus } from "../statefulset.ts";
import type { PodView, StatefulSetInput } from "../types.ts";

type Step = {
  readonly at: number;
  readonly replicas?: number;
  readonly pod?: number;
  readonly to?: "ready" | "running" | "failed" | "succeeded" | "delete" | "gone";
};
export type RecordedStatefulSet = {
  readonly id: string;
  readonly policy: "OrderedReady" | "Parallel";
  readonly minReadySeconds?: number;
  readonly replicas: number;
  readonly steps: readonly Step[];
  readonly endMs: number;
  readonly acts: readonly (readonly [number, string])[];
  readonly after: readonly (readonly [number, string, string])[];
};

/** Kubelet, user and API server around the controller. */
class World {
  pods = new Map<number, PodView>();
  replicas: number;
  acts: [number, string][] = [];
  status = "0/0/0";
  requeueAtUs: number | null = null;
  readonly trace: RecordedStatefulSet;

  constructor(trace: RecordedStatefulSet) {
    this.trace = trace;
    this.replicas = trace.replicas;
  }

  input(nowUs: number): StatefulSetInput {
    return {
      nowUs,
      name: "web",
      replicas: this.replicas,
      podManagementPolicy: this.trace.policy,
      minReadySeconds: this.trace.minReadySeconds ?? 0,
      pods: [...this.pods.values()],
    };
  }

  /** Syncs until nothing is left to do, then writes the status. */
  settle(nowUs: number): void {
    for (;;) {
      const actions = reconcileStatefulSet(this.input(nowUs));
      this.requeueAtUs = actions.requeueAtUs;
      for (const ordinal of actions.create) {
        this.acts.push([nowUs / 1000, `+${ordinal}`]);
        this.pods.set(ordinal, {
          name: `web-${ordinal}`,
          phase: "Pending",
          ready: false,
          readySinceUs: null,
          terminating: false,
          createdAtUs: nowUs,
        });
      }
      for (const name of actions.delete) {
        const ordinal = Number(name.slice("web-".length));
        this.acts.push([nowUs / 1000, `-${ordinal}`]);
        this.pods.set(ordinal, { ...this.pods.get(ordinal)!, terminating: true });
      }
      if (actions.create.length + actions.delete.length === 0) break;
    }
    const { replicas, readyReplicas, availableReplicas } = statefulSetStatus(this.input(nowUs));
    this.nextStatus = `${replicas}/${readyReplicas}/${availableReplicas}`;
  }
  private nextStatus = "0/0/0";

  publish(): void {
    this.status = this.nextStatus;
  }

  apply(step: Step): void {
    const nowUs = step.at * 1000;
    this.replicas = step.replicas ?? this.replicas;
    const pod = step.pod === undefined ? undefined : this.pods.get(step.pod);
    if (pod === undefined) return;
    const notReady = { ready: false, readySinceUs: null };
    const next: Record<NonNullable<Step["to"]>, PodView | null> = {
      ready: { ...pod, phase: "Running", ready: true, readySinceUs: pod.readySinceUs ?? nowUs },
      running: { ...pod, ...notReady, phase: "Running" },
      failed: { ...pod, ...notReady, phase: "Failed" },
      succeeded: { ...pod, ...notReady, phase: "Succeeded" },
      delete: { ...pod, terminating: true },
      gone: pod.terminating ? null : pod,
    };
    const after = next[step.to!];
    if (after === null) this.pods.delete(step.pod!);
    else this.pods.set(step.pod!, after);
  }

  podsText(): string {
    return [...this.pods]
      .sort(([a], [b]) => a - b)
      .map(([ordinal, pod]) => `${ordinal}${this.letter(pod)}`)
      .join(" ");
  }

  private letter(pod: PodView): string {
    if (pod.terminating) return "T";
    if (pod.phase === "Running") return pod.ready ? "R" : "N";
    return pod.phase[0]!;
  }
}

/** What is created and deleted otherwise than recorded, and the pods and statuses that differ after a step; a line each. */
export function statefulSetDifferences(trace: RecordedStatefulSet): string[] {
  const world = new World(trace);
  const after: [number, string, string][] = [];
  world.settle(0);
  for (const step of [...trace.steps, { at: trace.endMs }]) {
    while (world.requeueAtUs !== null && world.requeueAtUs < step.at * 1000) world.settle(world.requeueAtUs);
    world.publish();
    world.apply(step);
    world.settle(step.at * 1000);
    after.push([step.at, world.podsText(), world.status]);
  }
  const found = [...actsText(world.acts), ...after.map((row) => JSON.stringify(row))];
  const recorded = [...actsText(trace.acts), ...trace.after.map((row) => JSON.stringify(row))];
  const length = Math.max(found.length, recorded.length);
  return Array.from({ length }, (_, index) => [found[index] ?? "nothing", recorded[index] ?? "nothing"])
    .filter(([ours, theirs]) => ours !== theirs)
    .map(([ours, theirs]) => `${trace.id}: found ${ours}, recorded ${theirs}`);
}

/** Acts of one instant have no order. */
const actsText = (acts: readonly (readonly [number, string])[]): string[] =>
  acts.map(([ms, act]) => `${String(ms).padStart(9)} ${act}`).sort();
