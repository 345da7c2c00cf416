/** One object on its way through kustomize. */
import { getString, updateIn, scalar, type LocatedMap } from "../located.ts";
import type { Source } from "../types.ts";

export type ResourceId = { readonly name: string; readonly namespace: string };

export type Resource = {
  readonly node: LocatedMap;
  /** What it has been called so far, its name now last: patches may use any of them. */
  readonly ids: readonly ResourceId[];
  /** A generated ConfigMap, whose name gets a hash of its content at the end. */
  readonly hashed: boolean;
};

export const apiVersionOf = (node: LocatedMap): string => getString(node, "apiVersion") ?? "";
export const kindOf = (node: LocatedMap): string => getString(node, "kind") ?? "";
/** The name, or what the API server begins one with. */
export const nameOf = (node: LocatedMap): string =>
  getString(node, "metadata", "name") ?? getString(node, "metadata", "generateName") ?? "";
export const namespaceOf = (node: LocatedMap): string => getString(node, "metadata", "namespace") ?? "";
export const idOf = (node: LocatedMap): ResourceId => ({
  name: nameOf(node),
  namespace: namespaceOf(node),
});

export const groupOf = (apiVersion: string): string =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
export const versionOf = (apiVersion: string): string => apiVersion.slice(apiVersion.indexOf("/") + 1);

export const newResource = (node: LocatedMap, hashed = false): Resource => ({
  node,
  ids: [idOf(node)],
  hashed,
});

/** The resource with a new tree; a name that it loses is remembered. */
export function withNode(resource: Resource, node: LocatedMap): Resource {
  const now = idOf(node);
  const last = resource.ids.at(-1);
  const same = last !== undefined && last.name === now.name && last.namespace === now.namespace;
  return { ...resource, node, ids: same ? resource.ids : [...resource.ids, now] };
}

export const withName = (node: LocatedMap, name: string, source: Source): LocatedMap =>
  updateIn(node, ["metadata", "name"], source, () => scalar(name, source));

export const withNamespace = (node: LocatedMap, namespace: string, source: Source): LocatedMap =>
  updateIn(node, ["metadata", "namespace"], source, () => scalar(namespace, source));

/** An empty namespace means `default`, in references as in objects. */
export const sameNamespace = (a: string, b: string): boolean => (a || "default") === (b || "default");

export const describe = (node: LocatedMap): string => `${kindOf(node)} ${nameOf(node)}`;

/** Kinds that belong to no namespace (kubernetes api/openapi-spec; kustomize kyaml/openapi knows them from there). */
const CLUSTER_SCOPED = new Set([
  "APIService",
  "CSIDriver",
  "CSINode",
  "CertificateSigningRequest",
  "ClusterRole",
  "ClusterRoleBinding",
  "ComponentStatus",
  "CustomResourceDefinition",
  "FlowSchema",
  "IngressClass",
  "MutatingWebhookConfiguration",
  "Namespace",
  "Node",
  "PersistentVolume",
  "PriorityClass",
  "PriorityLevelConfiguration",
  "RuntimeClass",
  "SelfSubjectAccessReview",
  "StorageClass",
  "SubjectAccessReview",
  "TokenReview",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "ValidatingWebhookConfiguration",
  "VolumeAttachment",
]);

export const isClusterScoped = (kind: string): boolean => CLUSTER_SCOPED.has(kind);
