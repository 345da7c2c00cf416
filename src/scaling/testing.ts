/** Inputs for tests: the object that the tables of the tests are about, at rest, to be varied. */
import { newKedaState } from "./keda.ts";
import type {
  HpaInput,
  HpaSpec,
  KedaInput,
  Recommendation,
  ScaledObjectSpec,
  ScaleEvent,
  TriggerSpec,
} from "./types.ts";

export const EPOCH_UNIX_SECONDS = 1_800_000_000;
export const seconds = (value: number): number => Math.round(value * 1e6);

export const prometheusTrigger = (metadata: Readonly<Record<string, string>> = {}): TriggerSpec => ({
  type: "prometheus",
  metadata: { serverAddress: "http://prometheus:9090", query: "sum(active)", threshold: "2", ...metadata },
});

/** min 0, max 5, threshold 2, cooldown 60 s, poll 10 s. */
export const defaultSpec: ScaledObjectSpec = {
  scaleTargetRef: { apiVersion: "apps/v1", kind: "StatefulSet", name: "api" },
  minReplicaCount: 0,
  maxReplicaCount: 5,
  cooldownPeriod: 60,
  pollingInterval: 10,
  triggers: [prometheusTrigger()],
};

export type Given = Partial<Omit<KedaInput, "state" | "nowUs">> & {
  readonly now?: number;
  /** Seconds since the object was last active; absent: never. */
  readonly activeAgo?: number;
  readonly createdAgo?: number;
};

/** A check at `now` (seconds); `activeAgo` and `createdAgo` are stored in whole seconds, as the API does. */
export function kedaInput({ now = 5000, activeAgo, createdAgo = 4000, ...given }: Given): KedaInput {
  const unix = (ago: number): number => EPOCH_UNIX_SECONDS + Math.floor(now - ago);
  return {
    epochUnixSeconds: EPOCH_UNIX_SECONDS,
    name: "api",
    spec: defaultSpec,
    currentReplicas: 0,
    readings: [0],
    hpaScalingActive: null,
    state: newKedaState({
      creationUnixSeconds: unix(createdAgo),
      lastActiveUnixSeconds: activeAgo === undefined ? null : unix(activeAgo),
    }),
    ...given,
    nowUs: seconds(now),
  };
}

/** min 1, max 5, one metric with AverageValue 2. */
export const hpaSpec = (given: Partial<HpaSpec> = {}): HpaSpec => ({
  name: "keda-hpa-api",
  minReplicas: 1,
  maxReplicas: 5,
  metrics: [{ name: "s0-prometheus", targetType: "AverageValue", targetMilli: 2000 }],
  ...given,
});

/** Records at `[value, seconds ago]`. */
export const records = (nowUs: number, ...list: readonly (readonly [number, number])[]): Recommendation[] =>
  list.map(([replicas, ago]) => ({ replicas, atUs: nowUs - seconds(ago) }));

export const events = (nowUs: number, ago: number, ...changes: readonly number[]): ScaleEvent[] =>
  changes.map((change) => ({ change, atUs: nowUs - seconds(ago), outdated: false }));

/** A sync of a running HPA that remembers nothing, at 10 000 s. */
export const hpaInput = (given: Partial<HpaInput> & { readonly milli?: number }): HpaInput => {
  const { milli = 0, ...rest } = given;
  return {
    nowUs: seconds(10_000),
    spec: hpaSpec(),
    state: {
      conditions: { AbleToScale: null, ScalingActive: null, ScalingLimited: null, ScaledToZero: null },
      desiredReplicas: 0,
      recommendations: [],
      scaleUpEvents: [],
      scaleDownEvents: [],
    },
    specReplicas: 1,
    statusReplicas: 1,
    readings: [{ milli: [milli] }],
    ...rest,
  };
};
