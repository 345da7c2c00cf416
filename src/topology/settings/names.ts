/** The fields that are varied most, by the short names that Kubernetes, KEDA and Istio give them. */
export type ShortName =
  | {
      readonly in: "manifest";
      readonly kind: string;
      readonly path: string;
      /** Written as text, as KEDA wants a trigger's metadata. */
      readonly text?: boolean;
      /** Paths that go when this one is given: what would contradict it. */
      readonly drops?: readonly string[];
      /** Only in objects that have this. */
      readonly where?: string;
      readonly about: string;
    }
  /** A field of `limpet.yaml`, which wins over the manifests. */
  | {
      readonly in: "config";
      readonly field: "tenantIdleSeconds" | "gaugeIntervalSeconds" | "workMs";
      readonly about: string;
    }
  | { readonly in: "scrape"; readonly about: string };

const HASH = "spec.trafficPolicy.loadBalancer.consistentHash";
const BEHAVIOR = "spec.advanced.horizontalPodAutoscalerConfig.behavior";
const scaledObject = (path: string, about: string, text = false): ShortName => ({
  in: "manifest",
  kind: "ScaledObject",
  path,
  about,
  ...(text ? { text } : {}),
});

export const SHORT_NAMES: Readonly<Record<string, ShortName>> = {
  cooldownPeriod: scaledObject("spec.cooldownPeriod", "seconds from the last active poll to zero"),
  pollingInterval: scaledObject("spec.pollingInterval", "seconds between two of KEDA's checks"),
  minReplicaCount: scaledObject("spec.minReplicaCount", "fewest pods"),
  maxReplicaCount: scaledObject("spec.maxReplicaCount", "most pods"),
  threshold: scaledObject("spec.triggers[*].metadata.threshold", "tenants a pod", true),
  activationThreshold: scaledObject(
    "spec.triggers[*].metadata.activationThreshold",
    "above it a tier leaves zero",
    true,
  ),
  stabilizationWindowSeconds: scaledObject(
    `${BEHAVIOR}.scaleDown.stabilizationWindowSeconds`,
    "the HPA's scale-down window, seconds",
  ),
  behavior: scaledObject(BEHAVIOR, "the HPA's behavior, as JSON; absent: the controller's defaults"),
  minimumRingSize: {
    in: "manifest",
    kind: "DestinationRule",
    path: `${HASH}.ringHash.minimumRingSize`,
    drops: [`${HASH}.maglev`, `${HASH}.minimumRingSize`],
    where: HASH,
    about: "entries of the ring; makes it a ring hash",
  },
  tableSize: {
    in: "manifest",
    kind: "DestinationRule",
    path: `${HASH}.maglev.tableSize`,
    drops: [`${HASH}.ringHash`, `${HASH}.minimumRingSize`],
    where: HASH,
    about: "slots of the table, a prime; makes it Maglev",
  },
  podManagementPolicy: {
    in: "manifest",
    kind: "StatefulSet",
    path: "spec.podManagementPolicy",
    about: "OrderedReady or Parallel",
  },
  scrapeInterval: { in: "scrape", about: "Prometheus' scrape interval: 5s, 1m" },
  TENANT_IDLE_SECONDS: {
    in: "config",
    field: "tenantIdleSeconds",
    about: "the gateway's idle window: a tenant stays active so long after its last answer",
  },
  GAUGE_INTERVAL_SECONDS: {
    in: "config",
    field: "gaugeIntervalSeconds",
    about: "between two computations of the gauge; 0: at each scrape",
  },
  WORK_MS: { in: "config", field: "workMs", about: "what a request takes in its pod, milliseconds" },
};

/** `algorithm=`: what a DestinationRule's consistentHash asks for. */
export const ALGORITHMS: Readonly<
  Record<string, { readonly adds: string; readonly value?: number; readonly drops: readonly string[] }>
> = {
  "ring-hash": { adds: `${HASH}.ringHash`, drops: [`${HASH}.maglev`] },
  // Istio wants a table's size to be given.
  maglev: {
    adds: `${HASH}.maglev.tableSize`,
    value: 65_537,
    drops: [`${HASH}.ringHash`, `${HASH}.minimumRingSize`],
  },
};
export const ALGORITHM_WHERE = HASH;

/** Everything that may stand before `=`, short. */
export const SETTING_NAMES: readonly string[] = [...Object.keys(SHORT_NAMES), "algorithm", "strategy"];
