/**
 * What follows from the manifests before any rule looks: who calls whom, who scales what, where a sidecar is. Worked
 * out once and by index, so that the time stays in proportion to the number of objects.
 */
import type { JsonObject, Manifest, ScaledObject, Service, Workload } from "../topology/types.ts";
import { isObject, listAt, numberAt, objectAt, textAt } from "../topology/json.ts";
import { isKind, selects } from "../topology/read-objects.ts";
import { mentions } from "../topology/references.ts";
import { isPrometheusImage } from "../topology/scrape.ts";
import { hashRulesOf, type HashRule } from "./hash-rules.ts";
import type { LintInput } from "./lint-input.ts";
import { meshOf, type Mesh } from "./mesh.ts";
import { routeViews, type Caller, type RouteView } from "./route-views.ts";

export type Facts = LintInput & {
  /** Calls to each Service port, as each known kind of caller's sidecar has them. */
  readonly routes: readonly RouteView[];
  /** DestinationRules that ask for consistent hashing, wherever in them. */
  readonly hashRules: readonly HashRule[];
  readonly mesh: Mesh;
  of(group: string, kind: string): readonly Manifest[];
  serviceNamed(fqdn: string): Service | null;
  servicesIn(namespace: string): readonly Service[];
  workloadsIn(namespace: string): readonly Workload[];
  /** Views of calls to this Service, wherever they lead. */
  callsNaming(service: Service): readonly RouteView[];
  /** Views with a destination in this Service. */
  callsTo(fqdn: string): readonly RouteView[];
  workloadsOf(service: Service): readonly Workload[];
  servicesOf(workload: Workload): readonly Service[];
  /** Workloads whose environment names the Service. */
  callersOf(service: Service): readonly Caller[];
  /** ScaledObjects that are meant for the workload, their reference being right or not. */
  scaledObjectsOf(workload: Workload): readonly ScaledObject[];
  /** HorizontalPodAutoscalers of the input that target the workload. */
  hpasOf(workload: Workload): readonly Manifest[];
  /** The workload that a ScaledObject is meant for, its reference being right or not; null: not in the input. */
  meantBy(scaledObject: ScaledObject): Workload | null;
  /** The most pods that the manifests let it have. */
  maxPods(workload: Workload): number;
  isPrometheus(workload: Workload): boolean;
};

/** `Kind namespace/name`, as findings name objects. */
export const objectName = (manifest: Pick<Manifest, "kind" | "namespace" | "name">): string =>
  `${manifest.kind} ${manifest.namespace}/${manifest.name}`;

function grouped<Key, Value>(pairs: Iterable<readonly [Key, Value]>): Map<Key, Value[]> {
  const found = new Map<Key, Value[]>();
  for (const [key, value] of pairs) {
    const list = found.get(key);
    if (list === undefined) found.set(key, [value]);
    else list.push(value);
  }
  return found;
}

/** Services and the workloads that they select: a Service is compared only with pods that carry its rarest label. */
function selections(input: LintInput): readonly (readonly [Service, Workload])[] {
  const byLabel = grouped(
    input.workloads.flatMap((workload) =>
      Object.entries(workload.podLabels).map(
        ([key, value]) => [`${workload.namespace}/${key}=${value}`, workload] as const,
      ),
    ),
  );
  return input.services.flatMap((service) => {
    const wanted = Object.entries(service.selector).map(
      ([key, value]) => byLabel.get(`${service.namespace}/${key}=${value}`) ?? [],
    );
    const [rarest = []] = wanted.sort((a, b) => a.length - b.length);
    return rarest
      .filter(({ namespace, podLabels }) => selects(service, namespace, podLabels))
      .map((workload) => [service, workload] as const);
  });
}

/** A workload's environment is held against those Services only whose name occurs in it as a word. */
function calls(input: LintInput): readonly (readonly [Service, Caller])[] {
  const byName = grouped(input.services.map((service) => [service.name, service] as const));
  return input.workloads.flatMap((workload) => {
    const words = new Set<string>();
    for (const variable of workload.container.env) {
      if (!("value" in variable)) continue;
      for (const word of variable.value.toLowerCase().split(/[^a-z0-9-]+/)) words.add(word);
    }
    const candidates = [...words].flatMap((word) => byName.get(word) ?? []);
    if (candidates.length === 0) return [];
    const found = mentions(workload.container, workload.namespace, candidates);
    return [...found].map(([service, mention]) => [service, { workload, mention }] as const);
  });
}

export function factsOf(input: LintInput): Facts {
  const byKind = grouped(input.manifests.map((manifest) => [manifest.kind, manifest] as const));
  const ofGroup = new Map<string, readonly Manifest[]>();
  const of = (group: string, kind: string): readonly Manifest[] => {
    const key = `${group}/${kind}`;
    const found =
      ofGroup.get(key) ?? (byKind.get(kind) ?? []).filter((manifest) => isKind(manifest, group, kind));
    ofGroup.set(key, found);
    return found;
  };
  const selected = selections(input);
  const workloadsOf = grouped(selected);
  const servicesOf = grouped(selected.map(([service, workload]) => [workload, service] as const));
  const callersOf = grouped(calls(input));
  const byFqdn = new Map(input.services.map((service) => [service.fqdn, service]));
  const workloadsIn = grouped(input.workloads.map((workload) => [workload.namespace, workload] as const));
  const servicesIn = grouped(input.services.map((service) => [service.namespace, service] as const));
  const meant = new Map(
    input.scaledObjects.map((one) => [one, meantBy(one, workloadsIn.get(one.namespace) ?? [])]),
  );
  const scaledBy = grouped(
    [...meant].flatMap(([one, workload]) => (workload === null ? [] : [[workload, one] as const])),
  );
  const scaledObjectsOf = (workload: Workload): readonly ScaledObject[] => scaledBy.get(workload) ?? [];
  const hpas = grouped<string, Manifest>(
    of("autoscaling", "HorizontalPodAutoscaler").map((hpa) => {
      const target = objectAt(hpa.body, "spec", "scaleTargetRef");
      return [`${textAt(target, "kind")} ${hpa.namespace}/${textAt(target, "name")}`, hpa] as const;
    }),
  );
  const hpasOf = (workload: Workload): readonly Manifest[] => hpas.get(objectName(workload.manifest)) ?? [];
  const destinationRules = of("networking.istio.io", "DestinationRule");
  const mesh = meshOf(input, of);
  const lookUps = {
    of,
    mesh,
    hashRules: hashRulesOf(destinationRules),
    servicesIn: (namespace: string) => servicesIn.get(namespace) ?? [],
    workloadsIn: (namespace: string) => workloadsIn.get(namespace) ?? [],
    serviceNamed: (fqdn: string) => byFqdn.get(fqdn) ?? null,
    workloadsOf: (service: Service) => workloadsOf.get(service) ?? [],
    servicesOf: (workload: Workload) => servicesOf.get(workload) ?? [],
    callersOf: (service: Service) => callersOf.get(service) ?? [],
    scaledObjectsOf,
    hpasOf,
    meantBy: (one: ScaledObject) => meant.get(one) ?? null,
    maxPods: (workload: Workload) =>
      Math.max(
        workload.replicas ?? 1,
        ...scaledObjectsOf(workload).map((one) => one.maxReplicaCount),
        ...hpasOf(workload).map((hpa) => numberAt(hpa.body, "spec", "maxReplicas") ?? 1),
      ),
    isPrometheus: (workload: Workload) =>
      containersOf(workload.manifest).some((one) => isPrometheusImage(textAt(one, "image") ?? "")),
  };
  const routes = routeViews(input, lookUps);
  const callsTo = grouped(
    routes.flatMap((view) =>
      [...new Set(view.destinations.map(({ resolved }) => resolved.cluster.service))].map(
        (fqdn) => [fqdn, view] as const,
      ),
    ),
  );
  const callsNaming = grouped(routes.map((view) => [view.service, view] as const));
  return {
    ...input,
    ...lookUps,
    routes,
    callsNaming: (service) => callsNaming.get(service) ?? [],
    callsTo: (fqdn) => callsTo.get(fqdn) ?? [],
  };
}

/**
 * The workload that a ScaledObject names, or the one of that name where its kind is wrong. Nearly the same name, or a
 * kind of another group (a Rollout), is not taken for it: what is meant may well be elsewhere.
 */
function meantBy(one: ScaledObject, here: readonly Workload[]): Workload | null {
  const { kind, name } = one.scaleTargetRef;
  const named = here.filter((workload) => workload.name === name);
  const exact = named.find((workload) => workload.kind === kind);
  return exact ?? (kind === "Deployment" || kind === "StatefulSet" ? (named[0] ?? null) : null);
}

/** By their place in the list; what is no object there is an empty one. */
export const containersOf = (manifest: Manifest): readonly JsonObject[] =>
  listAt(manifest.body, "spec", "template", "spec", "containers").map((one) => (isObject(one) ? one : {}));
