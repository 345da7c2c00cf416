/**
 * How many pods there should be: what goes into KEDA's check and the HPA's sync, and what comes out. Everything here
 * is plain data; times (`…Us`) are whole microseconds since the run's epoch, which is a whole Unix second.
 *
 * Functions over these types (all pure):
 *   keda.ts          newKedaState(input) · kedaCheck(input) · kedaWriteFailed(input, message) · triggersToAsk(input)
 *                    · restartedKeda(state) · stoppedKeda(state) · checkFailedConditions(message)
 *   served-metric.ts servedMetric(input) · servedMetricAsks(input) · quantityMilli(value, versions)
 *   prometheus.ts    prometheusTriggerValue(answer) · interpretReading(..) · isTriggerError(trigger, reading, versions)
 *   validate.ts      validateScaledObject(input)
 *   hpa.ts           hpaSpecFromScaledObject(input) · newHpaState() · hpaSync(input) · hpaWriteReported(input, report)
 *                    · hpaNeedsMetrics(input) · restartedHpa(state)
 *   schedule.ts      nextPollAtUs(..) · firstHpaSyncAtUs(..) · nextHpaSyncAtUs(..) · hpaEditSyncAtUs(..)
 *                    · reconcileRetryAfterUs(failures) · queryTimeUnixSeconds(..)
 */

/** `kubectl`'s conditions: status, machine-readable reason, message for people. */
export type Condition = {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
};

/** Of which release the controllers behave: KEDA "2.13" to "2.21", Kubernetes "1.20" to "1.37". Absent: the newest. */
export type Versions = { readonly keda?: string; readonly kubernetes?: string };

export type ControllerEvent = {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
};

// ---- ScaledObject, as the API takes it -------------------------------------------------------------------------

export type TriggerSpec = {
  readonly type: string;
  readonly name?: string;
  readonly metricType?: string;
  readonly useCachedMetrics?: boolean;
  readonly metadata?: { readonly [key: string]: unknown };
};

export type ScalingModifiersSpec = {
  readonly formula?: string;
  readonly target?: string | number;
  readonly activationTarget?: string | number;
  readonly metricType?: string;
};

export type FallbackSpec = {
  readonly failureThreshold?: number;
  readonly replicas?: number;
  readonly behavior?: string;
};

/** `spec` of a ScaledObject before any default is filled in. Unknown fields are carried and ignored. */
export type ScaledObjectSpec = {
  readonly scaleTargetRef?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string };
  readonly pollingInterval?: number;
  readonly cooldownPeriod?: number;
  readonly initialCooldownPeriod?: number;
  readonly idleReplicaCount?: number;
  readonly minReplicaCount?: number;
  readonly maxReplicaCount?: number;
  readonly fallback?: FallbackSpec;
  readonly advanced?: {
    readonly restoreToOriginalReplicaCount?: boolean;
    readonly horizontalPodAutoscalerConfig?: {
      readonly name?: string;
      readonly behavior?: HpaBehavior;
    };
    readonly scalingModifiers?: ScalingModifiersSpec;
  };
  readonly triggers?: readonly TriggerSpec[];
};

// ---- KEDA ------------------------------------------------------------------------------------------------------

/**
 * What the source of a trigger answered: a number (NaN and ±Inf included, as Prometheus sent them), `empty` for no
 * series, `error` (or an error with words) for everything else. `prometheusTriggerValue()` makes one from a body.
 */
export type Reading = number | "empty" | "error" | { readonly error: string };

/** `status.health` of one metric. */
export type MetricHealth = {
  readonly numberOfFailures: number;
  readonly status: "Happy" | "Failing";
};

export type KedaConditions = {
  readonly Ready: Condition;
  readonly Active: Condition;
  readonly Fallback: Condition;
  /** Since 2.20: mirrors the HPA's ScalingActive. Null before the first check that saw an HPA. */
  readonly HPAActive: Condition | null;
  readonly Paused: Condition;
};

/** The part of a ScaledObject's status that decisions read. */
export type KedaStatus = {
  readonly lastActiveUnixSeconds: number | null;
  readonly conditions: KedaConditions;
  /** By metric name (`s0-prometheus`). */
  readonly health: Readonly<Record<string, MetricHealth>>;
};

/** What a trigger's scaler gave last, kept for `useCachedMetrics` and, since 2.21, for the loop's reuse. */
export type TriggerRecord = {
  /** What the source said, or the fallback stood in for; null where it failed. */
  readonly value: number | null;
  /** The quantity it is served as, in milli units; null where it failed. */
  readonly milli: number | null;
  readonly error: string | null;
  readonly active: boolean;
  readonly fallback: boolean;
};

export type KedaState = {
  readonly creationUnixSeconds: number;
  /** What the API server has stored: survives a restart of the operator. */
  readonly status: KedaStatus;
  /** What the operator holds in memory: lost with it (`restartedKeda(state)`). */
  readonly memory: {
    /**
     * The copy of the object that the scalers were built with, on which HPA requests count; null = not built. One that
     * a poll built is read anew at each poll.
     */
    readonly scalers: { readonly copy: KedaStatus; readonly builtByPoll: boolean } | null;
    /** By trigger index: what the last poll stored for triggers with useCachedMetrics. */
    readonly cached: Readonly<Record<number, TriggerRecord>>;
    /** By trigger index: what HPA requests left behind (2.21). */
    readonly requested: Readonly<Record<number, TriggerRecord>>;
  };
};

/** One check of the loop. */
export type KedaInput = {
  readonly nowUs: number;
  /** The run's epoch as a whole Unix second: `nowUs` 0. */
  readonly epochUnixSeconds: number;
  readonly name: string;
  readonly namespace?: string;
  /** For messages: `apps/v1.StatefulSet`; null where it is derived from the spec. */
  readonly targetKind?: string;
  readonly spec: ScaledObjectSpec;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly state: KedaState;
  /** `spec.replicas` of the target; null (unset) counts as 1. */
  readonly currentReplicas: number | null;
  /** Ready pods behind the target, for a fallback of metricType Value. */
  readonly readyPods?: number;
  /** By trigger index. Those not in `triggersToAsk()` are not looked at. */
  readonly readings: readonly Reading[];
  /** The HPA's ScalingActive condition; null where there is no HPA or it has none yet. */
  readonly hpaScalingActive: Condition | null;
  readonly versions?: Versions;
  /** Set where the write that this check wants has failed. */
  readonly writeFailed?: string;
};

export type KedaResult = {
  /** The new `spec.replicas`, or null for "leave it". Still set where the write failed. */
  readonly write: number | null;
  /** `spec.replicas` after this check: `write` if it succeeded, else the current one. */
  readonly replicas: number;
  readonly state: KedaState;
  readonly conditions: KedaConditions;
  readonly events: readonly ControllerEvent[];
  readonly active: boolean;
  readonly errored: boolean;
  /** Whether a fallback value stood in for at least one trigger. */
  readonly fallbackUsed: boolean;
  /** Metric names that were above their activation value. */
  readonly activeTriggers: readonly string[];
  /** The row of the decision table in words, e.g. `A1: active at zero replicas`. */
  readonly row: string;
  /** The annotations pause this object: no loop, and its HPA is to be deleted. */
  readonly paused: boolean;
  /** Per trigger: what was decided with, after fallback. */
  readonly triggers: readonly (TriggerRecord & { readonly name: string })[];
};

export type ServedInput = Omit<KedaInput, "readings" | "hpaScalingActive" | "writeFailed"> & {
  /** `s0-prometheus`, or `composite-metric`. */
  readonly metricName: string;
  /** By trigger index; only those of `servedMetricAsks()` are looked at. */
  readonly readings: readonly (Reading | undefined)[];
};

export type ServedResult = {
  /** The metric's quantity in milli units, or null where the request fails. */
  readonly milli: number | null;
  readonly error: string | null;
  readonly fallbackUsed: boolean;
  readonly state: KedaState;
};

// ---- validation ------------------------------------------------------------------------------------------------

export type ValidationInput = {
  readonly name: string;
  readonly namespace: string;
  readonly spec: ScaledObjectSpec;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The other ScaledObjects of the namespace. */
  readonly others?: readonly { readonly name: string; readonly spec: ScaledObjectSpec }[];
  /** The HPAs of the namespace; `owner` is the ScaledObject that owns it, null for a foreign one. */
  readonly hpas?: readonly {
    readonly name: string;
    readonly owner: string | null;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly scaleTargetRef: { readonly apiVersion?: string; readonly kind: string; readonly name: string };
  }[];
  /** Containers of the target's pod template, for cpu and memory triggers; absent: not checked. */
  readonly containers?: readonly {
    readonly name: string;
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  }[];
  /** Resources for which a LimitRange of the namespace has a container default. */
  readonly limitRangeDefaults?: readonly string[];
  readonly dryRun?: boolean;
  readonly versions?: Versions;
};

export type Violation = {
  /** Stable name of the rule, e.g. `min-above-max`. */
  readonly rule: string;
  readonly message: string;
  /** `reject`: the webhook or the API server refuses the object; `warning`: admitted with a warning. */
  readonly severity: "reject" | "warning";
};

// ---- HPA -------------------------------------------------------------------------------------------------------

export type HpaPolicy = {
  readonly type: "Pods" | "Percent";
  readonly value: number;
  readonly periodSeconds: number;
};

export type HpaScalingRules = {
  readonly stabilizationWindowSeconds?: number | null;
  readonly selectPolicy?: "Max" | "Min" | "Disabled" | null;
  readonly policies?: readonly HpaPolicy[] | null;
  /** A quantity: `500m`, `0.1`. */
  readonly tolerance?: string | number | null;
};

export type HpaBehavior = {
  readonly scaleUp?: HpaScalingRules | null;
  readonly scaleDown?: HpaScalingRules | null;
};

/** An External metric; `target` in milli units. */
export type HpaMetric = {
  readonly name: string;
  readonly targetType: "AverageValue" | "Value";
  readonly targetMilli: number;
};

/** Spec of an autoscaling/v2 HPA before API defaulting; `behavior` absent runs the legacy path. */
export type HpaSpec = {
  readonly name: string;
  readonly minReplicas?: number | null;
  readonly maxReplicas: number;
  readonly metrics: readonly HpaMetric[];
  readonly behavior?: HpaBehavior | null;
};

/** Values of one metric, one milli figure per returned item, or why there are none. */
export type HpaReading = { readonly milli: readonly number[] } | { readonly error: string };

/** An unstabilised recommendation, or a scale event's size. */
export type Recommendation = { readonly atUs: number; readonly replicas: number };
export type ScaleEvent = {
  readonly atUs: number;
  /** Pods added or removed, positive. */
  readonly change: number;
  /** Older than the longest period when the next was stored; its place is taken first. */
  readonly outdated: boolean;
};

export type HpaConditions = {
  readonly AbleToScale: Condition | null;
  readonly ScalingActive: Condition | null;
  readonly ScalingLimited: Condition | null;
  /** Since 1.37. */
  readonly ScaledToZero: Condition | null;
};

export type HpaState = {
  readonly conditions: HpaConditions;
  /** `status.desiredReplicas`. */
  readonly desiredReplicas: number;
  /** Controller memory; null until the first sync that could read the scale. */
  readonly recommendations: readonly Recommendation[] | null;
  readonly scaleUpEvents: readonly ScaleEvent[];
  readonly scaleDownEvents: readonly ScaleEvent[];
};

export type HpaInput = {
  readonly nowUs: number;
  readonly spec: HpaSpec;
  readonly state: HpaState;
  /** `spec.replicas` and `status.replicas` of the target's scale. */
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** Set where the scale could not be read. */
  readonly scaleError?: string;
  /** In the order of `spec.metrics`. */
  readonly readings: readonly HpaReading[];
  /** Pods behind the selector, for targetType Value: how many exist, how many are Running and Ready. */
  readonly pods?: { readonly total: number; readonly ready: number };
  readonly versions?: Versions;
  /** How the write went; absent: at once and well. */
  readonly report?: HpaWriteReport;
};

/** `atUs`: when the last try ended (a conflict is tried again 10 ms later); `failed`: it never succeeded. */
export type HpaWriteReport = { readonly atUs?: number; readonly failed?: string };

export type HpaResult = {
  /** The new `spec.replicas`, or null. Still set where the write failed. */
  readonly write: number | null;
  /** `spec.replicas` after this pass. */
  readonly replicas: number;
  /** `status.desiredReplicas` after this pass. */
  readonly desired: number;
  readonly state: HpaState;
  readonly conditions: HpaConditions;
  readonly events: readonly ControllerEvent[];
  /** Text after `reason:` in the SuccessfulRescale event: e.g. `All metrics below target`; null without a write. */
  readonly rescaleReason: string | null;
  /** The unstabilised proposal; null where none was computed. */
  readonly proposal: number | null;
  /** `status.currentMetrics` in milli units (AverageValue: the average; Value: the sum); null where it failed. */
  readonly averagesMilli: readonly (number | null)[];
  /** The highest recommendation inside the scale-down window after this pass; null where there is none. */
  readonly highestRecommendation: number | null;
};
