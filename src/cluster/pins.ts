/**
 * What goes onto a cluster, in versions that their makers support together: Istio 1.31 is made for Kubernetes 1.32 to 1.36, KEDA 2.21
 * for 1.34 to 1.36, and kind 0.33 has a node image of 1.36. `docs/cluster.md` has the table with its sources; a test holds both equal.
 */
export const PINS = {
  kubernetes: "1.36.4",
  /** Built for this release of kind; the digest stands in that release's notes. */
  nodeImage: "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
  istio: "1.31.4",
  keda: "2.21.0",
} as const;

/**
 * Releases that do not do what this topology is for. In Istio 1.30.0 (Envoy 1.38) the ring is not built anew when pods are added, so new
 * pods get no tenant.
 *
 * @see istio/istio #60312, envoyproxy/envoy #45212
 */
export const KNOWN_BAD: Readonly<Record<string, readonly string[]>> = { istio: ["1.30.0"], keda: [] };

export const CHARTS = {
  istio: "https://istio-release.storage.googleapis.com/charts",
  keda: "https://kedacore.github.io/charts",
} as const;

/** What the machine must have for one tier at its maximum; `docs/cluster.md` adds it up from the manifests. */
export const MACHINE = { memoryGiB: 4, cpus: 2 } as const;
