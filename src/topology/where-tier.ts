/** What decides which pod of a tier a tenant goes to, and the pods that there are to go to. */
import type { HashPolicy, ResolvedCluster, ResolvedRoute } from "../routing/types.ts";
import type { HashingPolicy } from "../routing/where.ts";
import { drawPodAddress, generatedPodName, statefulSetPodName } from "../workloads/pod-identity.ts";
import { selects } from "./read-objects.ts";
import { targetPortOf } from "./target-port.ts";
import { requestShape } from "./request-shape.ts";
import type { Service, Tier, Topology, Workload } from "./types.ts";

export type TierRule = {
  /** As the entry's proxy has it for the tier's routing Service; null where there is no such route. */
  readonly route: ResolvedRoute | null;
  readonly cluster: ResolvedCluster | null;
  /** Null where the tenant alone does not decide. */
  readonly policy: HashingPolicy | null;
  /** The rule in words. */
  readonly rule: string;
};

const words = (policy: HashPolicy): string =>
  policy.kind === "source_ip"
    ? "source_ip"
    : `${policy.kind} ${policy.kind === "header" ? policy.headerName : policy.name}`;

export const tenantHeaderOf = (topology: Topology): string => requestShape(topology).tenantHeader;

export function tierRule(topology: Topology, tier: Tier): TierRule {
  const { fqdn, ports } = tier.routingService;
  const port = ports[0]?.port ?? 80;
  const route = topology.routes.find((one) => one.host === fqdn && one.port === port) ?? null;
  const destination = route?.destinations[0];
  if (route === null || destination === undefined)
    return { route, cluster: null, policy: null, rule: `no route for ${fqdn}:${port}: Envoy answers 404 NR` };
  const { cluster } = destination;
  const undecided = whyUndecided(route, cluster, tenantHeaderOf(topology));
  if (undecided !== null) return { route, cluster, policy: null, rule: undecided };
  // What was looked at above leaves these two.
  const lbPolicy = cluster.lbPolicy === "MAGLEV" ? "MAGLEV" : "RING_HASH";
  return {
    route,
    cluster,
    policy: { ...cluster, lbPolicy },
    rule: `${lbPolicy} over the hash of ${route.hashPolicies.map(words).join(", ")}`,
  };
}

/** Why the same tenant may go to different pods; null where one hash of the tenant decides. */
function whyUndecided(route: ResolvedRoute, cluster: ResolvedCluster, tenantHeader: string): string | null {
  if (route.destinations.length > 1)
    return `${route.destinations.length} weighted destinations: one is drawn for each request`;
  if (cluster.missing === true) return `no cluster ${cluster.name}: Envoy answers 503 NC`;
  if (cluster.type === "ORIGINAL_DST")
    return "ORIGINAL_DST: the caller's DNS answer picks the pod, once for each connection";
  if (cluster.lbPolicy !== "RING_HASH" && cluster.lbPolicy !== "MAGLEV")
    return `${cluster.lbPolicy}: any pod, chosen for each request`;
  const header = tenantHeader.toLowerCase();
  const isTenant = (policy: HashPolicy): boolean =>
    policy.kind === "header" && policy.headerName.toLowerCase() === header;
  const drawn = `${cluster.lbPolicy}, but a random pod for each request`;
  if (route.hashPolicies.length === 0) return `${drawn}: the route has no hash policy`;
  const others = route.hashPolicies.filter((policy) => !isTenant(policy));
  if (others.length > 0)
    return `${cluster.lbPolicy} over the hash of ${route.hashPolicies.map(words).join(", ")}: the tenant's header ${tenantHeader} alone does not decide`;
  const edits = [route.requestHeaders, route.destinations[0]?.requestHeaders];
  const isEdited = edits.some(
    (edit) =>
      edit !== undefined && (header in edit.set || header in edit.add || edit.remove.includes(header)),
  );
  return isEdited ? `${tenantHeader} is edited by the route before it is hashed` : null;
}

export type TierPod = { readonly pod: string; readonly address: string };

/**
 * A tier's first `count` pods with the addresses that a run with this seed gives them (another pod of the run that draws
 * the same address first, one in 65,024, apart), in the order in which they come.
 */
export function tierPods(topology: Topology, tier: Tier, count: number, seed: number): TierPod[] {
  const { cluster } = tierRule(topology, tier);
  const service = topology.services.find(({ fqdn }) => fqdn === cluster?.service) ?? tier.routingService;
  const workload = workloadBehind(topology, tier, service);
  const taken = new Set<string>();
  const port = targetPortOf(service, workload.container) ?? service.ports[0]?.port ?? 80;
  return Array.from({ length: count }, (_, index) => {
    const pod =
      workload.kind === "StatefulSet"
        ? statefulSetPodName(workload.name, index)
        : generatedPodName(seed, workload.name, index);
    return { pod, address: `${drawPodAddress(seed, pod, 1, taken)}:${port}` };
  });
}

const workloadBehind = (topology: Topology, tier: Tier, service: Service): Workload =>
  selects(service, tier.workload.namespace, tier.workload.podLabels)
    ? tier.workload
    : (topology.workloads.find(({ namespace, podLabels }) => selects(service, namespace, podLabels)) ??
      tier.workload);
