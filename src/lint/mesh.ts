/** Where the manifests put a proxy: a sidecar, ambient, or none. */
import { listAt, textAt, textsAt } from "../topology/json.ts";
import type { Manifest, Service, Workload } from "../topology/types.ts";
import type { LintInput } from "./lint-input.ts";

/**
 * `yes`/`off`: said so, by pod or namespace; `unlabelled`: the Namespace is in the input and says nothing;
 * `unknown`: the Namespace is not in the input.
 */
export type Injection = "yes" | "off" | "unlabelled" | "unknown";

export type Mesh = {
  injection(workload: Workload): Injection;
  isAmbient(namespace: string): boolean;
  hasWaypoint(service: Service): boolean;
  /** istiod in the input has `PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES` on. */
  readonly edsForHeadless: boolean;
  namespaceNamed(name: string): Manifest | null;
};

export function meshOf(input: LintInput, of: (group: string, kind: string) => readonly Manifest[]): Mesh {
  const namespaces = new Map(of("", "Namespace").map((manifest) => [manifest.name, manifest]));
  const labels = (namespace: string) => namespaces.get(namespace)?.labels;
  return {
    injection(workload) {
      const own =
        workload.podLabels["sidecar.istio.io/inject"] ?? workload.podAnnotations["sidecar.istio.io/inject"];
      if (own === "true") return "yes";
      if (own === "false") return "off";
      const found = labels(workload.namespace);
      if (found === undefined) return "unknown";
      if (found["istio-injection"] === "disabled") return "off";
      if (found["istio-injection"] === "enabled" || found["istio.io/rev"] !== undefined) return "yes";
      return "unlabelled";
    },
    isAmbient: (namespace) => labels(namespace)?.["istio.io/dataplane-mode"] === "ambient",
    hasWaypoint: (service) => {
      const own = service.manifest.labels["istio.io/use-waypoint"];
      const name = own ?? labels(service.namespace)?.["istio.io/use-waypoint"];
      return name !== undefined && name !== "none";
    },
    edsForHeadless: input.workloads.some((workload) =>
      listAt(workload.manifest.body, "spec", "template", "spec", "containers").some((container) =>
        listAt(container, "env").some(
          (item) =>
            textAt(item, "name") === "PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES" &&
            textsAt(item)["value"] === "true",
        ),
      ),
    ),
    namespaceNamed: (name) => namespaces.get(name) ?? null,
  };
}
