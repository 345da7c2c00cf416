/** StatefulSets and Deployments: keeps as many pods as `spec.replicas` says, in the order Kubernetes does. */
import type { Clock, Timer } from "../clock/clock.ts";
import type { Workload } from "../topology/types.ts";
import { reconcileReplicaSet } from "../workloads/deployment.ts";
import { generatedPodName, statefulSetPodName } from "../workloads/pod-identity.ts";
import { reconcileStatefulSet, statefulSetStatus } from "../workloads/statefulset.ts";
import type { StatefulSetInput } from "../workloads/types.ts";
import { type Kubelet, viewOf } from "./kubelet.ts";

export class WorkloadController {
  readonly workload: Workload;
  readonly #clock: Clock;
  readonly #kubelet: Kubelet;
  readonly #seed: number;
  #replicas: number;
  #created = 0;
  #due = false;
  #requeue: Timer | null = null;

  constructor(workload: Workload, options: { clock: Clock; kubelet: Kubelet; seed: number }) {
    this.workload = workload;
    this.#clock = options.clock;
    this.#kubelet = options.kubelet;
    this.#seed = options.seed;
    this.#replicas = workload.replicas ?? 1;
  }

  get specReplicas(): number {
    return this.#replicas;
  }

  /** What the scale subresource reports: pods that exist; of a StatefulSet the terminating ones too. */
  get statusReplicas(): number {
    if (this.workload.kind === "StatefulSet") return statefulSetStatus(this.#statefulSet()).replicas;
    return this.#views().filter((pod) => !pod.terminating).length;
  }

  get readyPods(): number {
    return this.#views().filter((pod) => pod.ready && !pod.terminating).length;
  }

  scale(replicas: number): void {
    this.#replicas = replicas;
    this.changed();
  }

  /** Something happened: look again, once, after everything that happens at this instant. */
  changed(): void {
    if (this.#due) return;
    this.#due = true;
    this.#clock.at(this.#clock.nowUs(), () => {
      this.#due = false;
      this.#reconcile();
    });
  }

  #views() {
    return this.#kubelet.podsOf(this.workload).map(viewOf);
  }

  #statefulSet(): StatefulSetInput {
    const { name, podManagementPolicy, minReadySeconds } = this.workload;
    return {
      nowUs: this.#clock.nowUs(),
      name,
      replicas: this.#replicas,
      podManagementPolicy,
      minReadySeconds,
      pods: this.#views(),
    };
  }

  #reconcile(): void {
    if (this.workload.kind === "StatefulSet") this.#reconcileStatefulSet();
    else this.#reconcileDeployment();
  }

  #reconcileStatefulSet(): void {
    const actions = reconcileStatefulSet(this.#statefulSet());
    for (const ordinal of actions.create)
      this.#kubelet.create(this.workload, statefulSetPodName(this.workload.name, ordinal), ordinal);
    for (const name of actions.delete) this.#kubelet.delete(name);
    this.#requeue?.cancel();
    if (actions.requeueAtUs !== null)
      this.#requeue = this.#clock.at(actions.requeueAtUs, () => this.changed());
  }

  #reconcileDeployment(): void {
    const actions = reconcileReplicaSet({
      nowUs: this.#clock.nowUs(),
      replicas: this.#replicas,
      pods: this.#views(),
    });
    for (let i = 0; i < actions.create; i++) {
      const ordinal = this.#created++;
      this.#kubelet.create(this.workload, generatedPodName(this.#seed, this.workload.name, ordinal), ordinal);
    }
    for (const name of actions.delete) this.#kubelet.delete(name);
  }
}
