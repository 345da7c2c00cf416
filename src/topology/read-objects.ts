/** Services and ScaledObjects, with the API's defaults filled in. */
import { at, isObject, listAt, numberAt, objectAt, textAt, textsAt } from "./json.ts";
import type { Manifest, ScaledObject, Service, Trigger } from "./types.ts";

export const isKind = (manifest: Manifest, group: string, kind: string): boolean =>
  manifest.kind === kind &&
  (group === "" ? !manifest.apiVersion.includes("/") : manifest.apiVersion.startsWith(`${group}/`));

export const fqdnOf = (name: string, namespace: string): string => `${name}.${namespace}.svc.cluster.local`;

export function readService(manifest: Manifest): Service {
  const { name, namespace, body } = manifest;
  return {
    name,
    namespace,
    fqdn: fqdnOf(name, namespace),
    headless: textAt(body, "spec", "clusterIP") === "None",
    publishNotReadyAddresses: at(body, "spec", "publishNotReadyAddresses") === true,
    selector: textsAt(body, "spec", "selector"),
    ports: listAt(body, "spec", "ports").map((port) => {
      const number = numberAt(port, "port") ?? 0;
      return {
        name: textAt(port, "name"),
        port: number,
        targetPort: numberAt(port, "targetPort") ?? textAt(port, "targetPort") ?? number,
        appProtocol: textAt(port, "appProtocol"),
      };
    }),
    manifest,
  };
}

/** Whether a Service's selector picks pods with these labels; an empty one picks none. */
export function selects(
  service: Pick<Service, "selector" | "namespace">,
  namespace: string,
  podLabels: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries(service.selector);
  return (
    service.namespace === namespace &&
    wanted.length > 0 &&
    wanted.every(([key, value]) => podLabels[key] === value)
  );
}

/**
 * Defaults as the API has them (kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, gvkr.go): polls every 30 s,
 * cools down for 300 s, from 0 to 100 pods, a Deployment of `apps/v1`.
 */
export function readScaledObject(manifest: Manifest): ScaledObject {
  const spec = objectAt(manifest.body, "spec");
  const kind = textAt(spec, "scaleTargetRef", "kind");
  const window = numberAt(
    spec,
    "advanced",
    "horizontalPodAutoscalerConfig",
    "behavior",
    "scaleDown",
    "stabilizationWindowSeconds",
  );
  return {
    name: manifest.name,
    namespace: manifest.namespace,
    spec,
    scaleTargetRef: {
      apiVersion: textAt(spec, "scaleTargetRef", "apiVersion") ?? "apps/v1",
      kind: kind ?? "Deployment",
      name: textAt(spec, "scaleTargetRef", "name") ?? "",
    },
    kindGiven: kind !== null,
    minReplicaCount: numberAt(spec, "minReplicaCount") ?? 0,
    idleReplicaCount: numberAt(spec, "idleReplicaCount"),
    maxReplicaCount: numberAt(spec, "maxReplicaCount") ?? 100,
    pollingIntervalSeconds: numberAt(spec, "pollingInterval") ?? 30,
    cooldownPeriodSeconds: numberAt(spec, "cooldownPeriod") ?? 300,
    scaleDownStabilizationSeconds: window ?? 300,
    triggers: listAt(spec, "triggers").filter(isObject).map(readTrigger),
    manifest,
  };
}

const readTrigger = (trigger: Parameters<typeof textAt>[0]): Trigger => ({
  type: textAt(trigger, "type") ?? "",
  name: textAt(trigger, "name"),
  metricType: textAt(trigger, "metricType") === "Value" ? "Value" : "AverageValue",
  useCachedMetrics: at(trigger, "useCachedMetrics") === true,
  metadata: textsAt(trigger, "metadata"),
});

/** The first Prometheus trigger's threshold, tenants per pod; 0 where there is none or it is no number. */
export function thresholdOf(scaledObject: ScaledObject | null): number {
  const trigger = scaledObject?.triggers.find(({ type }) => type === "prometheus");
  const threshold = Number(trigger?.metadata.threshold ?? 0);
  return Number.isFinite(threshold) && threshold > 0 ? threshold : 0;
}
