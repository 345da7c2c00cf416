/**
 * Fields of a ScaledObject, its annotations and an HPA that some release does not read: it admits them, says nothing, and
 * behaves as if they were not there.
 *
 * @see kedacore/keda CHANGELOG.md; kubernetes/kubernetes pkg/features/kube_features.go (HPAConfigurableTolerance)
 */
import { FORCE_ACTIVATION, PAUSED_SCALE_IN, PAUSED_SCALE_OUT } from "./annotations.ts";
import type { HpaBehavior, ScaledObjectSpec, Versions } from "./types.ts";
import { kedaAtLeast, kubernetesAtLeast, NEWEST } from "./versions.ts";

export type IgnoredField = {
  /** From the object: `["spec", "triggers", 0, "metadata", "timeout"]`. */
  readonly path: readonly (string | number)[];
  /** `KEDA 2.13 ignores initialCooldownPeriod, which came with 2.14`. */
  readonly message: string;
  readonly remedy: string;
};

type Path = IgnoredField["path"];

/** What came later than the release that is asked for. */
const SINCE_KEDA: readonly (readonly [path: Path, since: string])[] = [
  [["spec", "initialCooldownPeriod"], "2.14"],
  [["spec", "fallback", "behavior"], "2.17"],
  [["metadata", "annotations", PAUSED_SCALE_IN], "2.18"],
  [["metadata", "annotations", PAUSED_SCALE_OUT], "2.18"],
  [["metadata", "annotations", FORCE_ACTIVATION], "2.18"],
];
/** Of a Prometheus trigger's metadata. */
const SINCE_KEDA_METADATA: Readonly<Record<string, string>> = { timeout: "2.17" };
/** And what was dropped: read no more from that release on. */
const UNTIL_KEDA_METADATA: Readonly<Record<string, readonly [dropped: string, instead: string]>> = {
  metricName: ["2.12", "take it out; the metric is served as s<index>-prometheus"],
  cortexOrgID: ["2.15", "take it out; customHeaders says it"],
};
/** With the gate HPAConfigurableTolerance on by default; 1.33 and 1.34 know the field and do not act on it. */
const SINCE_KUBERNETES_TOLERANCE = "1.35";

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Readonly<Record<string | number, unknown>>)[step];
  }
  return found;
}

/** What of a ScaledObject the releases of `versions` (default: the newest) do not read. */
export function ignoredOfScaledObject(
  object: {
    readonly spec: ScaledObjectSpec;
    readonly annotations?: Readonly<Record<string, string>>;
  },
  versions: Versions = {},
): IgnoredField[] {
  const { spec, annotations = {} } = object;
  const whole = { spec, metadata: { annotations } };
  const keda = versions.keda ?? NEWEST.keda;
  const late = ([path, since]: readonly [Path, string]): IgnoredField[] =>
    kedaAtLeast(versions, since) || !isGiven(valueAt(whole, path)) ? [] : [tooNew("KEDA", keda, path, since)];
  const triggers = (spec.triggers ?? []).flatMap((trigger, index) => {
    if (trigger.type !== "prometheus") return [];
    const given = Object.keys(trigger.metadata ?? {});
    const pathOf = (field: string): Path => ["spec", "triggers", index, "metadata", field];
    return given.flatMap((field) => {
      const since = SINCE_KEDA_METADATA[field];
      if (since !== undefined) return late([pathOf(field), since]);
      const [dropped, remedy] = UNTIL_KEDA_METADATA[field] ?? [];
      if (dropped === undefined || remedy === undefined || !kedaAtLeast(versions, dropped)) return [];
      return [
        { path: pathOf(field), message: `KEDA ${keda} ignores ${field}, dropped with ${dropped}`, remedy },
      ];
    });
  });
  const behavior = spec.advanced?.horizontalPodAutoscalerConfig?.behavior;
  const inHpa = ignoredOfBehavior(behavior, versions, [
    "spec",
    "advanced",
    "horizontalPodAutoscalerConfig",
    "behavior",
  ]);
  return [...SINCE_KEDA.flatMap(late), ...triggers, ...inHpa];
}

/** What of an HPA's `behavior` the release of Kubernetes does not read; `at` is where it stands. */
export function ignoredOfBehavior(
  behavior: HpaBehavior | null | undefined,
  versions: Versions = {},
  at: Path = ["spec", "behavior"],
): IgnoredField[] {
  if (kubernetesAtLeast(versions, SINCE_KUBERNETES_TOLERANCE)) return [];
  return ["scaleUp", "scaleDown"].flatMap((direction) => {
    const path = [...at, direction, "tolerance"];
    if (!isGiven(valueAt(behavior, [direction, "tolerance"]))) return [];
    return [tooNew("Kubernetes", versions.kubernetes ?? NEWEST.kubernetes, path, SINCE_KUBERNETES_TOLERANCE)];
  });
}

function tooNew(product: string, version: string, path: Path, since: string): IgnoredField {
  const field = path.slice(path[0] === "spec" ? 1 : 2).join(".");
  return {
    path,
    message: `${product} ${version} ignores ${field}, which came with ${since}`,
    remedy: `take it out, or run ${product} ${since} or newer (versions in limpet.yaml)`,
  };
}
