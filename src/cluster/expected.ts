/** What of a topology concerns the cluster that it goes onto. */
import { numberAt } from "../topology/json.ts";
import type { Topology, Workload } from "../topology/types.ts";

export type Expected = {
  /** The kustomization, as `kubectl apply -k` is given it. */
  readonly path: string;
  /** The repository: what the images are built from, and where set-up's own files are. */
  readonly root: string;
  readonly namespace: string;
  /** Whether anything here is Istio's. If not, neither Istio nor a sidecar is wanted. */
  readonly mesh: boolean;
  readonly gateway: string;
  /** Where `k8s/cluster/kind.yaml` has the gateway's port on 127.0.0.1, if its Service is one of type NodePort. */
  readonly nodePort: number | null;
  /** Gateway and tiers: what runs our images. */
  readonly workloads: readonly {
    readonly kind: Workload["kind"];
    readonly name: string;
    readonly image: string;
  }[];
  /** What must be available at the end; the tiers need not: they are at zero. */
  readonly deployments: readonly string[];
  readonly scaledObjects: readonly string[];
  readonly tiers: readonly string[];
  /** The gateway's clusters that must hash, by Istio's names for them. */
  readonly hashed: readonly { readonly cluster: string; readonly lbPolicy: string }[];
};

export function expectedOf(topology: Topology, path: string, root: string): Expected {
  const entry = topology.entry.workload;
  const named = (kind: string): string[] =>
    topology.manifests.filter((manifest) => manifest.kind === kind).map(({ name }) => name);
  return {
    path,
    root,
    namespace: entry.namespace,
    mesh: topology.manifests.some(({ apiVersion }) => /\bistio\.io\//.test(apiVersion)),
    gateway: entry.name,
    nodePort: numberAt(topology.entry.service.manifest.body, "spec", "ports", 0, "nodePort"),
    workloads: [entry, ...topology.tiers.map((tier) => tier.workload)].map(({ kind, name, container }) => ({
      kind,
      name,
      image: container.image,
    })),
    deployments: named("Deployment"),
    scaledObjects: named("ScaledObject"),
    tiers: topology.tiers.map(({ name }) => name),
    hashed: topology.routes
      .flatMap(({ destinations }) => destinations.map(({ cluster }) => cluster))
      .filter(({ type, lbPolicy }) => type === "EDS" && (lbPolicy === "RING_HASH" || lbPolicy === "MAGLEV"))
      .map(({ name, lbPolicy }) => ({ cluster: name, lbPolicy })),
  };
}

export const imagesOf = ({ workloads }: Expected): string[] => [
  ...new Set(workloads.map(({ image }) => image)),
];
