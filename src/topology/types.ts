/** The manifests, loaded: what every other room works from. */
import type { ResolvedRoute } from "../routing/types.ts";
import type { TopologyVersions } from "./versions.ts";

export type Source = { readonly file: string; readonly line: number; readonly column: number };

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly body: JsonObject;
  /** Where a value was written, e.g. `at("spec", "scaleTargetRef", "kind")`; the nearest parent for one that is absent. */
  at(...path: readonly (string | number)[]): Source;
};

export type Finding = {
  readonly message: string;
  readonly remedy: string;
  /** `call`: why calls of the entry come to no pod. */
  readonly about?: "call";
} & Source;

export type Probe = {
  readonly path: string;
  readonly port: number;
  readonly initialDelaySeconds: number;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
};

export type EnvValue =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly fieldPath: string };

export type Container = {
  readonly name: string;
  readonly image: string;
  readonly env: readonly EnvValue[];
  /** Container ports, the first one first; `name` as the manifest gives it. */
  readonly ports: readonly { readonly name: string | null; readonly containerPort: number }[];
  readonly readinessProbe: Probe | null;
  readonly startupProbe: Probe | null;
  readonly livenessProbe: Probe | null;
  readonly preStopSleepSeconds: number;
};

export type Workload = {
  readonly kind: "StatefulSet" | "Deployment";
  readonly name: string;
  readonly namespace: string;
  /** Null where the manifest leaves it out (then one pod appears). */
  readonly replicas: number | null;
  readonly podManagementPolicy: "OrderedReady" | "Parallel";
  readonly minReadySeconds: number;
  readonly terminationGracePeriodSeconds: number;
  readonly serviceName: string | null;
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  readonly container: Container;
  readonly manifest: Manifest;
};

export type Service = {
  readonly name: string;
  readonly namespace: string;
  /** `name.namespace.svc.cluster.local`. */
  readonly fqdn: string;
  readonly headless: boolean;
  readonly publishNotReadyAddresses: boolean;
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly {
    readonly name: string | null;
    readonly port: number;
    readonly targetPort: number | string;
    readonly appProtocol: string | null;
  }[];
  readonly manifest: Manifest;
};

export type Trigger = {
  readonly type: string;
  readonly name: string | null;
  readonly metricType: "AverageValue" | "Value";
  readonly useCachedMetrics: boolean;
  readonly metadata: Readonly<Record<string, string>>;
};

export type ScaledObject = {
  readonly name: string;
  readonly namespace: string;
  /** The API object's spec as written: what the scaling room takes. */
  readonly spec: JsonObject;
  readonly scaleTargetRef: { readonly apiVersion: string; readonly kind: string; readonly name: string };
  readonly kindGiven: boolean;
  readonly minReplicaCount: number;
  /** Pods while nothing is active; null: `minReplicaCount`. */
  readonly idleReplicaCount: number | null;
  readonly maxReplicaCount: number;
  readonly pollingIntervalSeconds: number;
  readonly cooldownPeriodSeconds: number;
  /** The HPA's scale-down window that will hold: behavior's, else the controller's 300. */
  readonly scaleDownStabilizationSeconds: number;
  readonly triggers: readonly Trigger[];
  readonly manifest: Manifest;
};

export type Tier = {
  readonly name: string;
  /** The workload that the scenarios expect to be scaled. */
  readonly workload: Workload;
  readonly services: readonly Service[];
  /** The Service that requests are sent to: the one the route names, else the one with a ClusterIP, else any. */
  readonly routingService: Service;
  /** The headless Service that lists pods, ready or not; null where there is none. */
  readonly headlessService: Service | null;
  /** The ScaledObject meant for this tier: that targets it, or (its reference being wrong) names it. */
  readonly scaledObject: ScaledObject | null;
  /** The first Prometheus trigger's threshold, tenants per pod. */
  readonly threshold: number;
};

export type ScrapeJob = {
  readonly name: string;
  readonly scrapeIntervalSeconds: number;
  readonly scrapeTimeoutSeconds: number;
};

/** `limpet.yaml`: what manifests cannot say. */
export type LimpetConfig = {
  readonly file: string | null;
  readonly entry: string | null;
  readonly tiers: Readonly<
    Record<string, { readonly workload: string; readonly services: readonly string[] }>
  >;
  /** image → local command (an argv, no shell). */
  readonly programs: Readonly<
    Record<
      string,
      {
        readonly command: readonly string[];
        readonly honoursSpeed: boolean;
        readonly env: Readonly<Record<string, string>>;
      }
    >
  >;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly tenantHeader: string;
    readonly tierHeader: string | null;
    readonly podField: string;
  } | null;
  /** Which metric counts active tenants, and the labels it carries for a tier; `{tier}` stands for the tier's name. */
  readonly activeTenants: {
    readonly metric: string;
    readonly labels: Readonly<Record<string, string>>;
  } | null;
  readonly tenantIdleSeconds: number | null;
  readonly gaugeIntervalSeconds: number | null;
  readonly workMs: number | null;
  /** How long things take in the simulated cluster, where it is not as by default. */
  readonly simulatedMs: Readonly<Partial<Record<SimulatedTime, TimeDistribution | undefined>>>;
  /** Releases that are meant; what is left out is the newest known. */
  readonly versions: TopologyVersions;
};

/** What takes time in the simulated cluster and stands in no manifest (`src/engines/simulated/timings.ts`). */
export const SIMULATED_TIMES = [
  "podStart",
  "containerRestart",
  "endpointsPush",
  "hop",
  "clientRoundTrip",
  "serviceOverhead",
  "recoveryAnswer",
] as const;
export type SimulatedTime = (typeof SIMULATED_TIMES)[number];

/** Milliseconds: always so many, or points of a cumulative distribution from share 0 to share 1. */
export type TimeDistribution = number | readonly (readonly [share: number, ms: number])[];

export type Topology = {
  /** What the user named: a folder, a file, `-`. */
  readonly path: string;
  readonly namespace: string;
  readonly files: readonly string[];
  readonly manifests: readonly Manifest[];
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly scaledObjects: readonly ScaledObject[];
  readonly tiers: readonly Tier[];
  readonly entry: { readonly workload: Workload; readonly service: Service; readonly container: Container };
  /** Scrape configuration: of the Prometheus in the manifests, else Prometheus's own defaults (60 s) by annotation. */
  readonly scrape: ScrapeJob & { readonly source: string };
  /** Routes as the client-side proxy of the entry has them, one for each Service port. */
  readonly routes: readonly ResolvedRoute[];
  readonly config: LimpetConfig;
  readonly findings: readonly Finding[];
  readonly notActedOn: readonly { readonly what: string; readonly count: number }[];
};
