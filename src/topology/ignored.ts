/** Findings: fields that the release which `versions` asks for does not read. */
import { ignoredOfBehavior, ignoredOfScaledObject, type IgnoredField } from "../scaling/ignored-fields.ts";
import { at, isObject, listAt, objectAt } from "./json.ts";
import { isKind } from "./read-objects.ts";
import type { Finding, Manifest } from "./types.ts";
import { istioAtLeast, type TopologyVersions } from "./versions.ts";

/** Istio took `retryIgnorePreviousHosts` up in 1.26. */
const SINCE_ISTIO = "1.26";

export function ignoredFindings(
  manifests: readonly Manifest[],
  versions: TopologyVersions,
): readonly Finding[] {
  return manifests.flatMap((manifest) =>
    ignoredOf(manifest, versions).map(({ path, message, remedy }) => ({
      ...manifest.at(...path),
      message: `${manifest.kind} ${manifest.name}: ${message}`,
      remedy,
    })),
  );
}

function ignoredOf(manifest: Manifest, versions: TopologyVersions): IgnoredField[] {
  const { body, annotations } = manifest;
  const spec = objectAt(body, "spec");
  if (isKind(manifest, "keda.sh", "ScaledObject"))
    return ignoredOfScaledObject({ spec, annotations }, versions);
  if (isKind(manifest, "autoscaling", "HorizontalPodAutoscaler"))
    return ignoredOfBehavior(objectAt(spec, "behavior"), versions);
  if (isKind(manifest, "networking.istio.io", "VirtualService")) return ignoredRetries(manifest, versions);
  return [];
}

function ignoredRetries({ body }: Manifest, { istio }: TopologyVersions): IgnoredField[] {
  if (istioAtLeast(istio, SINCE_ISTIO)) return [];
  return listAt(body, "spec", "http").flatMap((http, index) => {
    if (!isObject(http) || at(http, "retries", "retryIgnorePreviousHosts") === undefined) return [];
    return [
      {
        path: ["spec", "http", index, "retries", "retryIgnorePreviousHosts"],
        message: `Istio ${istio} ignores retries.retryIgnorePreviousHosts, which came with ${SINCE_ISTIO}`,
        remedy: `take it out, or run Istio ${SINCE_ISTIO} or newer (versions in limpet.yaml)`,
      },
    ];
  });
}
