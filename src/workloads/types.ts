/**
 * Which pods start and stop next. Plain data; times (`…Us`) are whole microseconds since the run's epoch, a whole Unix
 * second, so that truncating to seconds means the same here and in the API.
 *
 * Functions over these types (all pure):
 *   statefulset.ts   reconcileStatefulSet(input) · statefulSetStatus(input)
 *   deployment.ts    reconcileReplicaSet(input) · replicaSetStatus(input)
 *   pod-lifecycle.ts newPod(spec, nowUs) · containerStarted(pod, nowUs) · containerExited(pod, nowUs, exitCode)
 *                    · nextProbe(pod) · probed(pod, kind, success, nowUs) · podDeleted(pod, nowUs) · podView(pod)
 *   endpoints.ts     endpointConditions(pod, publishNotReadyAddresses) · istiodHealth(conditions, options)
 *                    · edsHealth(conditions, options)
 *   debounce.ts      newDebounce() · debounceEvent(state, nowUs) · debounceCheck(state, nowUs)
 *                    · debouncePushed(state, nowUs)
 */

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

/** A pod as the controllers see it in the API. */
export type PodView = {
  readonly name: string;
  readonly phase: PodPhase;
  readonly ready: boolean;
  /** When condition Ready last became True; null while it is not. Controllers see it in whole seconds. */
  readonly readySinceUs: number | null;
  /** A deletion timestamp is set; the object is still there. */
  readonly terminating: boolean;
  readonly createdAtUs: number;
};

// ---- StatefulSet -----------------------------------------------------------------------------------------------

export type StatefulSetInput = {
  readonly nowUs: number;
  readonly name: string;
  readonly replicas: number;
  readonly podManagementPolicy: "OrderedReady" | "Parallel";
  readonly minReadySeconds: number;
  /** First ordinal (`spec.ordinals.start`), default 0. */
  readonly startOrdinal?: number;
  readonly pods: readonly PodView[];
};

export type StatefulSetActions = {
  /** Ordinals to create, in order. */
  readonly create: readonly number[];
  /** Names of pods to delete, in order. */
  readonly delete: readonly string[];
  /** When the controller must come back although nothing changes: a pod becomes available then. */
  readonly requeueAtUs: number | null;
  /** Why nothing more is done now, e.g. `waiting for test-api-small-0 to be ready`; null where all is done. */
  readonly waitingFor: string | null;
};

export type StatefulSetStatus = {
  /** Pods that exist, terminating ones included: the HPA's `status.replicas`. */
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
};

// ---- Deployment (its one ReplicaSet) ---------------------------------------------------------------------------

export type ReplicaSetPod = PodView & {
  readonly uid?: string;
  /** Assigned to a node. */
  readonly scheduled?: boolean;
  readonly node?: string;
  readonly restarts?: number;
  /** Annotation `controller.kubernetes.io/pod-deletion-cost`. */
  readonly deletionCost?: number;
};

export type ReplicaSetInput = {
  readonly nowUs: number;
  readonly replicas: number;
  readonly pods: readonly ReplicaSetPod[];
};

export type ReplicaSetStatus = {
  /** Pods that are neither terminating nor finished: unlike a StatefulSet's, terminating ones are left out. */
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
};

export type ReplicaSetActions = {
  /** How many pods to create. */
  readonly create: number;
  /** Names of pods to delete, the least wanted first. */
  readonly delete: readonly string[];
};

// ---- pod life cycle --------------------------------------------------------------------------------------------

export type ProbeKind = "startup" | "readiness" | "liveness";

export type ProbeSpec = {
  readonly initialDelaySeconds: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
};

export type PodSpec = {
  readonly name: string;
  readonly startupProbe: ProbeSpec | null;
  readonly readinessProbe: ProbeSpec | null;
  readonly livenessProbe: ProbeSpec | null;
  readonly terminationGracePeriodSeconds: number;
  readonly preStopSleepSeconds: number;
};

/** One probe worker. `result` is what the kubelet holds; `last` and `streak` count answers that agree. */
export type ProbeProgress = {
  readonly result: boolean;
  readonly last: boolean | null;
  readonly streak: number;
  /** The next tick of this worker; it may turn out that nothing is probed at it. */
  readonly nextAtUs: number;
  /** The container is being stopped because of this probe: no more probes until there is a new one. */
  readonly onHold: boolean;
};

export type ContainerState =
  | {
      readonly state: "waiting";
      readonly reason: "ContainerCreating" | "CrashLoopBackOff";
      /** When the kubelet starts it. */
      readonly startAtUs: number;
    }
  | { readonly state: "running"; readonly startedAtUs: number }
  | { readonly state: "terminated"; readonly exitCode: number };

/** A pod with one container, as its kubelet has it. */
export type Pod = {
  readonly spec: PodSpec;
  readonly createdAtUs: number;
  readonly phase: PodPhase;
  readonly container: ContainerState;
  readonly restarts: number;
  readonly lastExitCode: number | null;
  /** What the next restart waits, 0 before the first; and when it was last raised. */
  readonly backOff: { readonly seconds: number; readonly updatedAtUs: number };
  /** The startup probe has succeeded, or there is none and the container runs. */
  readonly started: boolean;
  readonly ready: boolean;
  readonly readySinceUs: number | null;
  readonly probes: Readonly<Record<ProbeKind, ProbeProgress | null>>;
  readonly deletion: PodDeletion | null;
};

/** `sigtermAtUs`: after preStop; `sigkillAtUs`: when grace is used up. */
export type PodDeletion = {
  readonly atUs: number;
  readonly sigtermAtUs: number;
  readonly sigkillAtUs: number;
};

/** `kill`: why the kubelet stops the container (`containerExited()` reports its end); null where it does not. */
export type PodStep = { readonly pod: Pod; readonly kill: string | null };

// ---- endpoints -------------------------------------------------------------------------------------------------

export type EndpointConditions = {
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
};

/** istiod's health of an endpoint. */
export type IstiodHealth = "Healthy" | "UnHealthy" | "Draining" | "Terminating";

export type IstiodOptions = {
  /** The Service carries the persistent-session label. Default false. */
  readonly persistentSession?: boolean;
  /** Istio ≥ 1.31 sends unhealthy endpoints, marked so, unless outlierDetection.minHealthPercent > 0. Default true. */
  readonly sendUnhealthyEndpoints?: boolean;
};

/** istiod's wait before a push: null fields mean "nothing pending". */
export type DebounceState = {
  readonly firstEventAtUs: number | null;
  readonly lastEventAtUs: number | null;
  readonly events: number;
  /** When the wait is looked at again; null while nothing is pending. */
  readonly checkAtUs: number | null;
  /** A push is on its way: the next waits for its end. */
  readonly pushing: boolean;
};
