/** The annotations of a ScaledObject that change what KEDA does. */
import { kedaAtLeast } from "./versions.ts";
import type { Versions } from "./types.ts";

export const PAUSED = "autoscaling.keda.sh/paused";
export const PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas";
export const PAUSED_SCALE_IN = "autoscaling.keda.sh/paused-scale-in";
export const PAUSED_SCALE_OUT = "autoscaling.keda.sh/paused-scale-out";
export const FORCE_ACTIVATION = "autoscaling.keda.sh/force-activation";

type Annotations = Readonly<Record<string, string>>;

const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Present and not one of the words that Go reads as false: any other text counts as true. */
export const truthyAnnotation = (annotations: Annotations, name: string): boolean =>
  annotations[name] !== undefined && !FALSE.has(annotations[name]);

/** What the annotations ask for. `pausedReplicas` is null where the text is no whole number. */
export function readAnnotations(
  annotations: Annotations | undefined,
  versions?: Versions,
): {
  readonly paused: boolean;
  readonly pausedReplicas: number | null;
  readonly scaleInPaused: boolean;
  readonly scaleOutPaused: boolean;
  readonly forceActivation: boolean;
} {
  const given = annotations ?? {};
  const oneWay = kedaAtLeast(versions, "2.18");
  const replicas = given[PAUSED_REPLICAS];
  return {
    paused: replicas !== undefined || truthyAnnotation(given, PAUSED),
    pausedReplicas: replicas !== undefined && /^\d{1,9}$/.test(replicas.trim()) ? Number(replicas) : null,
    scaleInPaused: oneWay && truthyAnnotation(given, PAUSED_SCALE_IN),
    scaleOutPaused: oneWay && truthyAnnotation(given, PAUSED_SCALE_OUT),
    forceActivation: oneWay && truthyAnnotation(given, FORCE_ACTIVATION),
  };
}
