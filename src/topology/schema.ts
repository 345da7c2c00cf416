/**
 * Holds each object against the schema of its kind, as the API server would. The validators are compiled ones of
 * kubernetes-models and load slowly, so each is imported when the first object of its kind is met.
 */
import { getIn, toJson, sourceAt, type LocatedMap, type Path } from "./located.ts";
import { apiVersionOf, kindOf, nameOf } from "./kustomize/resource.ts";
import type { Problems } from "./problems.ts";
import { shown } from "./json.ts";
import type { Json } from "./types.ts";

type Model = (new (data: never) => { validate(): void }) & { readonly prototype: { validate(): void } };

const SCHEMAS: Readonly<Record<string, () => Promise<Model>>> = {
  "v1/Namespace": async () => (await import("kubernetes-models/v1/Namespace")).Namespace,
  "v1/Service": async () => (await import("kubernetes-models/v1/Service")).Service,
  "v1/ConfigMap": async () => (await import("kubernetes-models/v1/ConfigMap")).ConfigMap,
  "v1/Secret": async () => (await import("kubernetes-models/v1/Secret")).Secret,
  "v1/ServiceAccount": async () => (await import("kubernetes-models/v1/ServiceAccount")).ServiceAccount,
  "apps/v1/Deployment": async () => (await import("kubernetes-models/apps/v1/Deployment")).Deployment,
  "apps/v1/StatefulSet": async () => (await import("kubernetes-models/apps/v1/StatefulSet")).StatefulSet,
  "apps/v1/DaemonSet": async () => (await import("kubernetes-models/apps/v1/DaemonSet")).DaemonSet,
  "batch/v1/Job": async () => (await import("kubernetes-models/batch/v1/Job")).Job,
  "batch/v1/CronJob": async () => (await import("kubernetes-models/batch/v1/CronJob")).CronJob,
  "autoscaling/v2/HorizontalPodAutoscaler": async () =>
    (await import("kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler")).HorizontalPodAutoscaler,
  "policy/v1/PodDisruptionBudget": async () =>
    (await import("kubernetes-models/policy/v1/PodDisruptionBudget")).PodDisruptionBudget,
  "networking.k8s.io/v1/NetworkPolicy": async () =>
    (await import("kubernetes-models/networking.k8s.io/v1/NetworkPolicy")).NetworkPolicy,
  "networking.k8s.io/v1/Ingress": async () =>
    (await import("kubernetes-models/networking.k8s.io/v1/Ingress")).Ingress,
  "rbac.authorization.k8s.io/v1/Role": async () =>
    (await import("kubernetes-models/rbac.authorization.k8s.io/v1/Role")).Role,
  "rbac.authorization.k8s.io/v1/RoleBinding": async () =>
    (await import("kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding")).RoleBinding,
  "rbac.authorization.k8s.io/v1/ClusterRole": async () =>
    (await import("kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRole")).ClusterRole,
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": async () =>
    (await import("kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRoleBinding")).ClusterRoleBinding,
  "keda.sh/v1alpha1/ScaledObject": async () =>
    (await import("@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject")).ScaledObject,
  "keda.sh/v1alpha1/TriggerAuthentication": async () =>
    (await import("@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication")).TriggerAuthentication,
  "networking.istio.io/v1/VirtualService": async () =>
    (await import("@kubernetes-models/istio/networking.istio.io/v1/VirtualService")).VirtualService,
  "networking.istio.io/v1/DestinationRule": async () =>
    (await import("@kubernetes-models/istio/networking.istio.io/v1/DestinationRule")).DestinationRule,
  "networking.istio.io/v1beta1/VirtualService": async () =>
    (await import("@kubernetes-models/istio/networking.istio.io/v1beta1/VirtualService")).VirtualService,
  "networking.istio.io/v1beta1/DestinationRule": async () =>
    (await import("@kubernetes-models/istio/networking.istio.io/v1beta1/DestinationRule")).DestinationRule,
  "networking.istio.io/v1alpha3/VirtualService": async () =>
    (await import("@kubernetes-models/istio/networking.istio.io/v1alpha3/VirtualService")).VirtualService,
  "networking.istio.io/v1alpha3/DestinationRule": async () =>
    (await import("@kubernetes-models/istio/networking.istio.io/v1alpha3/DestinationRule")).DestinationRule,
  "networking.istio.io/v1beta1/Gateway": async () =>
    (await import("@kubernetes-models/istio/networking.istio.io/v1beta1/Gateway")).Gateway,
  "security.istio.io/v1/PeerAuthentication": async () =>
    (await import("@kubernetes-models/istio/security.istio.io/v1/PeerAuthentication")).PeerAuthentication,
};

/** The kinds that are held against a schema, as `apiVersion/kind`. */
export const VALIDATED_KINDS: readonly string[] = Object.keys(SCHEMAS);

/** The model of `apiVersion/kind`, or null where none is known. */
export const modelOf = async (kind: string): Promise<Model | null> => (await SCHEMAS[kind]?.()) ?? null;

/** One complaint of the validator, in ajv's form. */
type Complaint = {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
};

export async function validateAll(nodes: readonly LocatedMap[], problems: Problems): Promise<void> {
  for (const node of nodes) await validateOne(node, problems);
}

async function validateOne(node: LocatedMap, problems: Problems): Promise<void> {
  const schema = SCHEMAS[`${apiVersionOf(node)}/${kindOf(node)}`];
  if (schema === undefined) return;
  const Kind = await schema();
  try {
    new Kind(toJson(node) as never).validate();
  } catch (error) {
    if (!(error instanceof Error) || !("errors" in error) || !Array.isArray(error.errors)) throw error;
    report(node, error.errors as Complaint[], problems);
  }
}

const pathOf = (instancePath: string, node: LocatedMap): Path => {
  let here = getIn(node, []);
  const path: (string | number)[] = [];
  for (const escaped of instancePath.split("/").slice(1)) {
    const step = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
    const next = here?.type === "list" ? Number(step) : step;
    path.push(next);
    here = getIn(here, [next]);
  }
  return path;
};

/** `spec.containers[0].ports`, as kubectl writes places. */
export const shownPath = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");

function report(node: LocatedMap, complaints: readonly Complaint[], problems: Problems): void {
  const byPath = new Map<string, Complaint[]>();
  for (const complaint of complaints) {
    const path =
      complaint.keyword === "required"
        ? `${complaint.instancePath}#${String(complaint.params.missingProperty)}`
        : complaint.instancePath;
    byPath.set(path, [...(byPath.get(path) ?? []), complaint]);
  }
  for (const [key, group] of byPath) {
    // `anyOf` only repeats what its parts, at the same place or below it, have said.
    const own = group.filter(({ keyword }) => keyword !== "anyOf" && keyword !== "oneOf");
    if (own.length === 0 && byPath.size > 1) continue;
    const [first = group[0]] = own;
    if (first === undefined) continue;
    const path = pathOf(key.split("#")[0] ?? "", node);
    const where = sourceAt(node, path);
    problems.add(where, `${kindOf(node)} ${nameOf(node)}: ${sentence(first, own, path, node)}`);
  }
}

function sentence(first: Complaint, group: readonly Complaint[], path: Path, node: LocatedMap): string {
  const place = shownPath(path);
  if (first.keyword === "required")
    return `${place === "" ? "it" : place} needs ${String(first.params.missingProperty)}, which is not given; add it`;
  const found = getIn(node, path);
  const value: Json = found === undefined ? null : toJson(found);
  const types = group
    .filter(({ keyword }) => keyword === "type")
    .map(({ params }) => String(params.type))
    .filter((type, i, all) => all.indexOf(type) === i);
  if (types.length === 0)
    return `${place} ${first.message ?? "is not allowed"}, found ${shown(value)}${allowed(first)}`;
  const written = found?.type === "scalar" ? found.written : undefined;
  const read = written === undefined ? shown(value) : `${written}, which YAML reads as ${shown(value)}`;
  return `${place} must be ${types.join(" or ")}, found ${read}${remedy(types, value, written)}`;
}

const allowed = (complaint: Complaint): string =>
  Array.isArray(complaint.params.allowedValues)
    ? `; allowed: ${complaint.params.allowedValues.map(String).join(", ")}`
    : "";

function remedy(types: readonly string[], value: Json, written: string | undefined): string {
  if (types.includes("string") && (typeof value === "number" || typeof value === "boolean"))
    return `; put it in quotes: "${written ?? value}"`;
  if (typeof value === "string" && types.some((type) => type === "integer" || type === "number"))
    return /^-?\d+(\.\d+)?$/.test(value) ? "; take the quotes away" : "";
  if (value === null) return "; give it a value or take the key away";
  return "";
}
