/**
 * The event log: newline-delimited JSON, append-only, the one thing that checks and views read. Times (`…Us`) are whole
 * microseconds of topology time since the run's epoch.
 *
 * A log has a file for each start of an engine: `events.jsonl`, and `events-2.jsonl`, … for scenarios that were run
 * again at half the speed, each with its own header and its own time 0. Lines stand in the order in which they became
 * known; a request's `atUs` may lie a little before that of the line above it.
 */
export const EVENT_LOG_VERSION = 1;

export type RunHeader = {
  readonly type: "header";
  readonly version: number;
  /** Which file of the run's log this is, from 1. */
  readonly part: number;
  readonly limpet: string;
  readonly date: string;
  readonly engine: string;
  readonly seed: number;
  readonly speed: number;
  readonly topology: string;
  readonly epochUnixSeconds: number;
  /** What replaces the built-in parts, e.g. `{ sidecar: "built in", metrics: "built in" }`. */
  readonly parts: Readonly<Record<string, string>>;
};

/** What the topology was taken to be; written once, before anything starts. */
export type TopologySummary = {
  readonly type: "topology";
  readonly atUs: number;
  readonly objects: number;
  readonly files: number;
  readonly tiers: readonly {
    readonly tier: string;
    readonly workload: string;
    readonly services: readonly string[];
    readonly scaledObject: string | null;
  }[];
  readonly entry: string;
  /** Of the annotations of the entry's pods, or what comes nearest. */
  readonly entryPods: ManifestPlace;
  readonly standIns: readonly string[];
  readonly notActedOn: readonly { readonly what: string; readonly count: number }[];
  readonly findings: readonly {
    readonly file: string;
    readonly line: number;
    readonly message: string;
    readonly remedy: string;
    /** `call`: why calls of the entry come to no pod. */
    readonly about?: "call";
  }[];
};

export type ManifestPlace = { readonly name: string; readonly file: string; readonly line: number };

/** Where calls to a tier go, as its client's proxy has it; written once, after the topology. */
export type RouteEvent = {
  readonly type: "route";
  readonly atUs: number;
  /** The tier whose routing Service `host` is; null for any other. */
  readonly tier: string | null;
  readonly host: string;
  readonly port: number;
  /** The cluster of the heaviest destination. */
  readonly cluster: string;
  readonly clusterType: "EDS" | "ORIGINAL_DST";
  readonly lbPolicy: string;
  /** What is hashed, in words: `header x-tenant-id`. */
  readonly hashPolicies: readonly string[];
  readonly because: readonly string[];
  /** The cluster's Service, and where it was written. */
  readonly service: string;
  readonly serviceHeadless: boolean;
  readonly file: string;
  readonly line: number;
  /** Weighted destinations; one is drawn for each request. */
  readonly destinations: number;
  /** What the manifests say of these calls; `line` is that of the hash or the balancer, and of the route. */
  readonly destinationRule: ManifestPlace | null;
  readonly virtualService: ManifestPlace | null;
  /** The header that tells tenants apart. */
  readonly tenantHeader: string;
  /** DestinationRules for hosts that no tier's traffic goes to; `line` is that of `host`. */
  readonly unusedDestinationRules: readonly {
    readonly name: string;
    readonly host: string;
    readonly file: string;
    readonly line: number;
  }[];
  /** What this run put in the balancer's place (a negative control); absent otherwise. */
  readonly override?: string;
};

/** What a tier's ScaledObject asks for; written once, after the topology. */
export type ScaledObjectEvent = {
  readonly type: "scaledObject";
  readonly atUs: number;
  readonly tier: string;
  readonly name: string;
  readonly namespace: string;
  /** As `scaleTargetRef` says, defaults filled in. */
  readonly targetKind: string;
  readonly targetName: string;
  readonly kindGiven: boolean;
  /** The kind of the tier's workload and its name, which may not be what the reference says. */
  readonly workloadKind: string;
  readonly workloadName: string;
  readonly minReplicaCount: number;
  readonly maxReplicaCount: number;
  readonly threshold: number;
  readonly queries: readonly string[];
  /** Of `scaleTargetRef`. */
  readonly file: string;
  readonly line: number;
  /** Of the object's metadata, in the same file. */
  readonly metadataLine: number;
  /** Of the first trigger's query. */
  readonly queryFile: string;
  readonly queryLine: number;
  /** The metric that `limpet.yaml` declares to count active tenants; null where it declares none. */
  readonly activeTenantsMetric: string | null;
};

export type Condition = {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message?: string;
};

/** What one trigger or HPA metric said, and the sample behind it. */
export type MetricReading = {
  readonly name: string;
  readonly query: string;
  /** A number, or why there is none. */
  readonly value: number | "empty" | "error";
  readonly error?: string;
  /** The instant that was asked about (`time=`), topology time. */
  readonly askedAtUs: number;
};

/** One pass of a controller, whether or not it wrote. */
export type Decision = {
  readonly type: "decision";
  readonly atUs: number;
  readonly by: "keda" | "hpa";
  /** The ScaledObject or HorizontalPodAutoscaler. */
  readonly object: string;
  readonly tier: string;
  readonly target: string;
  /** `spec.replicas` before and after. */
  readonly from: number;
  readonly to: number;
  readonly wrote: boolean;
  /** The HPA's `status.desiredReplicas`; for KEDA the same as `to`. */
  readonly desired: number;
  /** KEDA: condition Active's reason, or `ScaledObjectCheckFailed`. HPA: AbleToScale's. */
  readonly reason: string;
  readonly message?: string;
  readonly active?: boolean;
  readonly lastActiveAtUs?: number | null;
  /** Whether a fallback value, not the metric, decided. */
  readonly fallback?: boolean;
  readonly metrics: readonly MetricReading[];
  readonly conditions: Readonly<Record<string, Condition>>;
  /** HPA: the highest recommendation still inside the stabilisation window after this pass. */
  readonly highestRecommendation?: number;
  readonly source?: { readonly file: string; readonly line: number };
};

export type PodEvent = {
  readonly type: "pod";
  readonly atUs: number;
  /** Null for the entry and other pods that belong to no tier. */
  readonly tier: string | null;
  readonly workload: string;
  readonly pod: string;
  readonly uid: string;
  readonly podIP: string;
  readonly what:
    | "created"
    | "listening"
    | "ready"
    | "notReady"
    | "terminating"
    | "exited"
    | "restarting"
    | "deleted";
  readonly reason?: string;
  /** For `listening`: real milliseconds from spawn to the first successful connection. */
  readonly startMsReal?: number;
};

/** The endpoints of a Service as they were handed to the sidecars. */
export type EndpointsEvent = {
  readonly type: "endpoints";
  readonly atUs: number;
  readonly service: string;
  readonly tier: string | null;
  readonly version: number;
  readonly ready: readonly { readonly pod: string; readonly address: string }[];
};

/** A scrape target that began to answer, or stopped. */
export type TargetEvent = {
  readonly type: "target";
  readonly atUs: number;
  readonly instance: string;
  readonly up: boolean;
  readonly error?: string;
};

export type Outcome =
  /** A 2xx that names its pod. */
  | "answer"
  /** Offered while a pod of its tier was ready, or held within the limits, and not answered. */
  | "lost"
  /** Refused with a reason that the topology or the limits give (503/504 of a full or expired hold, overflow). */
  | "refused"
  /** Answered, but not with a 2xx that names its pod. */
  | "error";

/** How an answered request's owner compares with its tenant's last one. */
export type Affinity =
  | "first"
  | "hit"
  /** Another pod although the set of pods was the same. */
  | "miss"
  /** Another pod, and the set of pods had changed in between: a step of scaling, or a pod lost. */
  | "moved-scale-out"
  | "moved-scale-in"
  | "moved-pod-replaced"
  /** Another pod after the tier had been at zero: promises nothing, counted apart. */
  | "moved-over-zero";

export type RequestRow = {
  readonly type: "request";
  /** When the answer was complete or the request given up. */
  readonly atUs: number;
  readonly scheduledAtUs: number;
  readonly sentAtUs: number;
  readonly id: string;
  readonly scenario: string;
  /** Which load of the scenario's step offered it. */
  readonly load: string;
  readonly tenant: string;
  readonly tier: string;
  /** Which gateway it was sent to: 0 the first, 1 the second. */
  readonly gateway: number;
  readonly method: string;
  readonly idempotent: boolean;
  readonly status: number | null;
  readonly outcome: Outcome;
  /** For anything but an answer: why, in the machine-readable words of the answer or of the connection. */
  readonly cause?: string;
  /** The owner, from the sidecar's access log. */
  readonly pod: string | null;
  /** Set where the answer named another pod than the access log: a bug of somebody. */
  readonly podInAnswer?: string;
  readonly affinity?: Affinity;
  readonly latencyUs: number;
};

/** Exact sums over a window of time, never a sample: one row for each combination that occurred. */
export type RequestsWindow = {
  readonly type: "requests.window";
  readonly fromUs: number;
  readonly atUs: number;
  readonly scenario: string;
  readonly load: string;
  readonly tier: string;
  readonly gateway: number;
  readonly pod: string | null;
  readonly outcome: Outcome;
  readonly cause?: string;
  readonly affinity?: Affinity;
  readonly count: number;
  /** Latency in logarithmic buckets: bucket index (see `latencyBucket()`) → requests. */
  readonly latency: Readonly<Record<string, number>>;
  readonly latencyUsSum: number;
  readonly latencyUsMax: number;
  /** The least `scheduledAtUs`, and the first and last completion among them, exactly. */
  readonly scheduledAtUsMin: number;
  readonly firstAtUs: number;
  readonly lastAtUs: number;
};

/** Written by the scenario runner when `inject()` came back. */
export type FaultEvent = {
  readonly type: "fault";
  readonly atUs: number;
  /** When it was ordered; its effect came between the two. */
  readonly orderedAtUs: number;
  readonly fault: string;
  readonly target: string;
  /** False where it could not be brought about; then `detail` says why. */
  readonly effective: boolean;
  readonly detail?: string;
};

/** A timer that ran late by 100 ms of topology time or more. */
export type LatenessEvent = {
  readonly type: "lateness";
  readonly atUs: number;
  readonly loop: string;
  readonly lateUs: number;
};

export type ScenarioEvent = {
  readonly type: "scenario";
  readonly atUs: number;
  readonly scenario: string;
  /** 1, or 2 for the run at half the speed. */
  readonly attempt: number;
  readonly what: "started" | "precondition" | "step" | "offered" | "settled" | "ended" | "gaveUp";
  readonly step?: string;
  readonly tier?: string;
  /** `gaveUp`: on what. */
  readonly on?: "precondition" | "settle";
  readonly detail?: string;
  /** Values that the checks need: the scenario's expressions, worked out. */
  readonly values?: Readonly<Record<string, number | string>>;
};

export type PhaseEvent = {
  readonly type: "phase";
  readonly atUs: number;
  readonly loop: string;
  readonly periodUs: number;
  readonly phaseUs: number;
};

export type ResourcesEvent = {
  readonly type: "resources";
  readonly atUs: number;
  readonly pssBytesPeak: number;
  readonly realSeconds: number;
};

export type LogEvent = {
  readonly type: "log";
  readonly atUs: number;
  readonly level: "info" | "warn" | "error";
  readonly message: string;
};

export type VerdictKind = "pass" | "fail" | "undecided" | "void";

export type CheckResult = {
  readonly name: string;
  /** What was found, as a number where there is one; null where nothing could be measured. */
  readonly measured: number | string | null;
  /** Of how many, for a count: "0 of 21". */
  readonly of?: number;
  /** In words, with unit: `< 30 s`. `reported` for a figure that has no limit. */
  readonly limit: string;
  readonly unit: string;
  readonly samples: number;
  readonly verdict: VerdictKind | "reported";
  /** Why: for anything but a pass, the cause from the log; may hold several lines. */
  readonly reason: string;
  /** What to do about it. */
  readonly remedy?: string;
};

export type Verdict = {
  readonly type: "verdict";
  readonly atUs: number;
  readonly scenario: string;
  readonly attempt: number;
  readonly speed: number;
  readonly verdict: VerdictKind;
  readonly checks: readonly CheckResult[];
  /** False for a first attempt whose lateness called for a second. */
  readonly counts: boolean;
};

export type NotApplicable = {
  readonly type: "notApplicable";
  readonly atUs: number;
  readonly scenario: string;
  readonly reason: string;
};

export type RunEvent =
  | TopologySummary
  | RouteEvent
  | ScaledObjectEvent
  | Decision
  | PodEvent
  | EndpointsEvent
  | TargetEvent
  | RequestRow
  | RequestsWindow
  | FaultEvent
  | LatenessEvent
  | ScenarioEvent
  | PhaseEvent
  | ResourcesEvent
  | LogEvent
  | Verdict
  | NotApplicable;

export type LogLine = RunHeader | RunEvent;
