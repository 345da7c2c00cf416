/** kustomize's own transformers, each over one resource. A value's source becomes the setting that put it there. */
import {
  child,
  getString,
  scalar,
  transform,
  updateIn,
  type Located,
  type LocatedMap,
  type LocatedScalar,
} from "../located.ts";
import type { Source } from "../types.ts";
import {
  apiVersionOf,
  groupOf,
  isClusterScoped,
  kindOf,
  withName,
  withNamespace,
  type Resource,
} from "./resource.ts";

const WORKLOAD_KINDS = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];

export function setNamespace(node: LocatedMap, namespace: LocatedScalar): LocatedMap {
  const name = String(namespace.value);
  const kind = kindOf(node);
  if (kind === "Namespace") return withName(node, name, namespace.source);
  let next = isClusterScoped(kind) ? node : withNamespace(node, name, namespace.source);
  if (kind === "RoleBinding" || kind === "ClusterRoleBinding") {
    next = mapSubjects(next, (subject) =>
      getString(subject, "name") === "default"
        ? updateIn(subject, ["namespace"], namespace.source, () => namespace)
        : subject,
    );
  }
  return next;
}

function mapSubjects(node: LocatedMap, change: (subject: LocatedMap) => LocatedMap): LocatedMap {
  return updateIn(node, ["subjects"], null, (subjects) =>
    subjects?.type === "list"
      ? {
          ...subjects,
          items: subjects.items.map((subject) =>
            subject.type === "map" && getString(subject, "kind") === "ServiceAccount"
              ? change(subject)
              : subject,
          ),
        }
      : subjects,
  );
}

/** A binding's subject follows its ServiceAccount into the namespace that kustomize gave it. */
export function followServiceAccounts(resource: Resource, all: readonly Resource[]): LocatedMap {
  const kind = kindOf(resource.node);
  if (kind !== "RoleBinding" && kind !== "ClusterRoleBinding") return resource.node;
  return mapSubjects(resource.node, (subject) => {
    const name = getString(subject, "name");
    const namespace = getString(subject, "namespace") ?? "";
    const account = all.find(
      ({ node, ids }) =>
        kindOf(node) === "ServiceAccount" &&
        ids.some((id) => id.name === name && (id.namespace === namespace || namespace === "")),
    );
    const moved = child(child(account?.node, "metadata"), "namespace");
    return account === undefined || moved?.type !== "scalar"
      ? subject
      : updateIn(subject, ["namespace"], moved.source, () => moved);
  });
}

export type LabelScope = { readonly selectors: boolean; readonly templates: boolean };

/** Adds labels where kustomize's `labels`, `commonLabels` (api/konfig/builtinpluginconsts) put them. */
export function addLabels(node: LocatedMap, pairs: LocatedMap, scope: LabelScope): LocatedMap {
  const kind = kindOf(node);
  const group = groupOf(apiVersionOf(node));
  const isWorkload = group === "apps" && WORKLOAD_KINDS.includes(kind);
  let next = addPairs(node, ["metadata", "labels"], pairs, pairs.source);
  if (scope.templates || scope.selectors) {
    if (isWorkload || (group === "batch" && kind === "Job"))
      next = addPairs(next, ["spec", "template", "metadata", "labels"], pairs, pairs.source);
    if (group === "batch" && kind === "CronJob")
      next = addPairs(
        next,
        ["spec", "jobTemplate", "spec", "template", "metadata", "labels"],
        pairs,
        pairs.source,
      );
  }
  if (!scope.selectors) return next;
  if (isWorkload) next = addPairs(next, ["spec", "selector", "matchLabels"], pairs, pairs.source);
  if (group === "" && kind === "Service") next = addPairs(next, ["spec", "selector"], pairs, pairs.source);
  if (group === "policy" && kind === "PodDisruptionBudget")
    next = addPairs(next, ["spec", "selector", "matchLabels"], pairs, null);
  if (group === "networking.k8s.io" && kind === "NetworkPolicy") next = labelPolicy(next, pairs);
  return next;
}

function labelPolicy(node: LocatedMap, pairs: LocatedMap): LocatedMap {
  const selector = ["podSelector", "matchLabels"];
  let next = addPairs(node, ["spec", ...selector], pairs, null);
  for (const [direction, side] of [
    ["ingress", "from"],
    ["egress", "to"],
  ] as const) {
    next = updateIn(next, ["spec", direction], null, (rules) =>
      mapItems(rules, (rule) =>
        updateIn(rule, [side], null, (peers) =>
          mapItems(peers, (peer) => addPairs(peer, selector, pairs, null)),
        ),
      ),
    );
  }
  return next;
}

const mapItems = (node: Located | undefined, change: (item: LocatedMap) => LocatedMap): Located | undefined =>
  node?.type === "list"
    ? { ...node, items: node.items.map((item) => (item.type === "map" ? change(item) : item)) }
    : node;

export function addAnnotations(node: LocatedMap, pairs: LocatedMap): LocatedMap {
  const next = addPairs(node, ["metadata", "annotations"], pairs, pairs.source);
  return groupOf(apiVersionOf(node)) === "apps" && WORKLOAD_KINDS.includes(kindOf(node))
    ? addPairs(next, ["spec", "template", "metadata", "annotations"], pairs, pairs.source)
    : next;
}

/** `create` null: only where the map is there already. */
function addPairs(
  node: LocatedMap,
  path: readonly string[],
  pairs: LocatedMap,
  create: Source | null,
): LocatedMap {
  return updateIn(node, path, create, (found) => {
    const before = found?.type === "map" ? found : null;
    if (before === null && create === null) return found;
    return {
      type: "map",
      source: before?.source ?? pairs.source,
      entries: new Map([...(before?.entries ?? []), ...pairs.entries]),
    };
  });
}

/** `replicas:`: by the name of a Deployment, StatefulSet or ReplicaSet; null where it is not this one. */
export function setReplicas(resource: Resource, name: string, count: LocatedScalar): LocatedMap | null {
  const { node, ids } = resource;
  if (!["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"].includes(kindOf(node)))
    return null;
  if (!ids.some((id) => id.name === name)) return null;
  return updateIn(node, ["spec", "replicas"], count.source, () => count);
}

export type ImageEdit = {
  readonly name: string;
  readonly newName: string | null;
  readonly newTag: string | null;
  readonly digest: string | null;
  readonly source: Source;
};

/** `name[:tag][@digest]`; a colon before the last slash is a port. */
function splitImage(image: string): { readonly name: string; readonly tag: string; readonly digest: string } {
  const [, name = image, tag = "", digest = ""] =
    /^((?:.*\/)?[^/:@]+)(:[^/:@]+)?(@[^@]+)?$/.exec(image) ?? [];
  return { name, tag, digest };
}

/** Every container's image under the resource. */
export function setImage(node: LocatedMap, edit: ImageEdit): LocatedMap {
  const next = transform(node, (inner) => {
    if (inner.type !== "map") return inner;
    let changed = inner;
    for (const field of ["containers", "initContainers"]) {
      changed = updateIn(changed, [field], null, (items) =>
        mapItems(items, (container) =>
          updateIn(container, ["image"], null, (image) =>
            image?.type === "scalar" && typeof image.value === "string" ? editedImage(image, edit) : image,
          ),
        ),
      );
    }
    return changed;
  });
  return next.type === "map" ? next : node;
}

function editedImage(image: LocatedScalar, edit: ImageEdit): LocatedScalar {
  const { name, tag, digest } = splitImage(String(image.value));
  if (name !== edit.name) return image;
  const after =
    edit.newTag !== null || edit.digest !== null
      ? `${edit.newTag === null ? "" : `:${edit.newTag}`}${edit.digest === null ? "" : `@${edit.digest}`}`
      : `${tag}${digest}`;
  return scalar(`${edit.newName ?? name}${after}`, edit.source);
}

/** Every place in a pod template that names a ConfigMap, given its new name. */
export function renameConfigMaps(
  node: LocatedMap,
  newName: (name: string) => string | undefined,
): LocatedMap {
  const renamed = (holder: Located | undefined): Located | undefined =>
    holder?.type === "map"
      ? updateIn(holder, ["name"], null, (name) => {
          const to = name?.type === "scalar" ? newName(String(name.value)) : undefined;
          return name === undefined || to === undefined ? name : scalar(to, name.source);
        })
      : holder;
  const next = transform(node, (inner) => {
    if (inner.type !== "map") return inner;
    let changed = inner;
    for (const field of ["configMap", "configMapKeyRef", "configMapRef"])
      if (changed.entries.has(field)) changed = updateIn(changed, [field], null, renamed);
    return changed;
  });
  return next.type === "map" ? next : node;
}
