/**
 * Which pods start and stop next. Plain data; times (`…Us`) are whole microseconds since the run's epoch, a whole Unix
 * second, so that truncating to seconds means the same here and in the API.
 *
 * Functions over these types (all pure):
 *   statefulset.ts   reconcileStatefulSet(input) · statefulSetStatus(input)
 *   deployment.ts    reconcileReplicaSet(input)
 *   pod-lifecycle.ts newPod(spec, nowUs) · containerStarted(pod, nowUs) · containerExited(pod, nowUs, exitCode)
 *                    · probed(pod, kind, success, nowUs) · podDeleted(pod, nowUs) · nextProbe(pod) · podView(pod)
 *   endpoints.ts     endpointConditions(pod, publishNotReadyAddresses) · istiodHealth(conditions, options)
 *                    · inEds(conditions, options) · debounceEvent(state, nowUs) · debounceCheck(state, nowUs)
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

/** One probe worker: `result` is what the kubelet holds, `streak` how many answers in a row agreed with `last`. */
export type ProbeProgress = {
  readonly result: boolean;
  readonly last: boolean | null;
  readonly streak: number;
  /** The next tick of this worker. */
  readonly nextAtUs: number;
};

export type ContainerState =
  | {
      readonly state: "waiting";
      readonly reason: "ContainerCreating" | "CrashLoopBackOff";
      readonly startAtUs: number;
    }
  | { readonly state: "running"; readonly startedAtUs: number }
  | { readonly state: "terminated"; readonly exitCode: number };

export type Pod = {
  readonly spec: PodSpec;
  readonly createdAtUs: number;
  readonly container: ContainerState;
  readonly restarts: number;
  /** Seconds that the next restart waits; 0 for the first. */
  readonly backOffSeconds: number;
  readonly started: boolean;
  readonly ready: boolean;
  readonly readySinceUs: number | null;
  readonly probes: Readonly<Record<ProbeKind, ProbeProgress | null>>;
  readonly deletion: {
    readonly atUs: number;
    readonly sigtermAtUs: number;
    readonly sigkillAtUs: number;
  } | null;
};

/** `kill`: the kubelet stops the container (a liveness or startup probe failed); it reports the exit afterwards. */
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
