/**
 * A kustomization and all below it → the objects that it stands for, as `kubectl kustomize` would print them. What is
 * not understood is refused by name rather than passed over: a manifest that is nearly right is worse than none.
 *
 * @see kubernetes-sigs/kustomize api/internal/target/kusttarget.go, for the order of the steps
 */
import { resolve } from "node:path";
import { folderOf, isWithin, KUSTOMIZATION_NAMES, type Files } from "../files.ts";
import {
  getItems,
  getMap,
  getString,
  type Located,
  type LocatedMap,
  type LocatedScalar,
} from "../located.ts";
import { LIMITS } from "../problems.ts";
import type { Finding, Source } from "../types.ts";
import { configMapHash, generateConfigMap, generatorOptions } from "./config-map.ts";
import { applyPatches } from "./patches.ts";
import {
  apiVersionOf,
  describe,
  idOf,
  kindOf,
  nameOf,
  newResource,
  sameNamespace,
  withName,
  withNode,
  type Resource,
} from "./resource.ts";
import {
  addAnnotations,
  addLabels,
  followServiceAccounts,
  renameConfigMaps,
  setImage,
  setNamespace,
  setReplicas,
} from "./transformers.ts";

/** A resource that is listed and not there. */
export type Missing = { readonly resource: string; readonly source: Source };

export type Built = {
  readonly resources: readonly Resource[];
  readonly missing: readonly Missing[];
  readonly findings: readonly Finding[];
};

const FIELDS = new Set([
  "apiVersion",
  "kind",
  "metadata",
  "resources",
  "bases",
  "namespace",
  "labels",
  "commonLabels",
  "commonAnnotations",
  "images",
  "replicas",
  "patches",
  "patchesStrategicMerge",
  "patchesJson6902",
  "configMapGenerator",
  "generatorOptions",
  // Only the order of the printed objects.
  "sortOptions",
]);

const RENDER = "render it and pipe it: kubectl kustomize . | limpet … -";

export function buildKustomization(file: string, files: Files): Built {
  const missing: Missing[] = [];
  const findings: Finding[] = [];
  const accumulated = accumulate(file, files, missing, findings, []);
  const named = withHashes(accumulated);
  const resources = named.map((resource) => withNode(resource, followServiceAccounts(resource, named)));
  return { resources, missing, findings };
}

function accumulate(
  file: string,
  files: Files,
  missing: Missing[],
  findings: Finding[],
  above: readonly string[],
): Resource[] {
  const { problems, budget } = files;
  const start = { file: files.shownName(file), line: 1, column: 1 };
  if (above.includes(file))
    problems.fail(start, `this kustomization lists itself, by way of ${above.length} others`);
  if (++budget.kustomizations > LIMITS.kustomizations)
    problems.fail(start, `more than ${LIMITS.kustomizations} kustomizations`);
  const documents = files.documents(file, null);
  const [own] = documents;
  if (documents.length !== 1 || own?.type !== "map") {
    problems.add(start, `a kustomization is one YAML map, found ${documents.length} documents`);
    return [];
  }
  checkFields(own, files);
  const folder = folderOf(file);
  const step = (item: Located): Resource[] =>
    readResource(item, folder, files, missing, findings, [...above, file]);
  let resources = [...getItems(own, "resources"), ...getItems(own, "bases")].flatMap(step);
  resources = generate(own, folder, resources, files);
  refuseDuplicates(resources, files);
  resources = applyPatches(own, folder, resources, files, findings);
  return transformAll(own, resources, files);
}

function checkFields(own: LocatedMap, files: Files): void {
  const kind = getString(own, "kind");
  if (kind !== undefined && kind !== "Kustomization")
    files.problems.add(
      own.entries.get("kind")!.source,
      `kustomize's ${kind} is not understood here; ${RENDER}`,
    );
  for (const [field, value] of own.entries) {
    if (!FIELDS.has(field))
      files.problems.add(value.source, `kustomize's field ${field} is not understood here; ${RENDER}`);
  }
  for (const field of [
    "resources",
    "bases",
    "labels",
    "images",
    "replicas",
    "patches",
    "configMapGenerator",
  ]) {
    const value = own.entries.get(field);
    if (value !== undefined && value.type !== "list" && !(value.type === "scalar" && value.value === null))
      files.problems.add(value.source, `${field} must be a list`);
  }
}

function readResource(
  item: Located,
  folder: string,
  files: Files,
  missing: Missing[],
  findings: Finding[],
  above: readonly string[],
): Resource[] {
  const { problems } = files;
  const name = item.type === "scalar" ? String(item.value) : "";
  if (item.type !== "scalar" || name === "") {
    problems.add(item.source, "a resource is the path of a file or folder");
    return [];
  }
  if (/^[a-z]+:\/\/|^git@|^github\.com\/|\?ref=/.test(name)) {
    problems.add(item.source, `${name} is not on this machine; ${RENDER}`);
    return [];
  }
  const path = resolve(folder, name);
  const kind = files.kind(path);
  if (kind === "absent") {
    missing.push({ resource: name, source: item.source });
    return [];
  }
  if (kind === "folder") {
    const inner = files.kustomizationOf(path);
    if (inner !== null) return accumulate(inner, files, missing, findings, above);
    problems.add(
      item.source,
      `${name} has no ${KUSTOMIZATION_NAMES[0]}; kustomize needs one in every folder it reads`,
    );
    return [];
  }
  if (!isWithin(folder, path)) {
    problems.add(
      item.source,
      `${name} lies outside its kustomization, which kustomize refuses; list its folder`,
    );
    return [];
  }
  return files.documents(path, item.source).flatMap((node) => objectsOf(node, files));
}

/** The Kubernetes objects of a document; a `List` is opened. */
export function objectsOf(node: Located, files: Pick<Files, "problems">): Resource[] {
  if (node.type !== "map") {
    files.problems.add(
      node.source,
      `a Kubernetes object was expected, found a ${node.type === "list" ? "list" : "value"}`,
    );
    return [];
  }
  if (kindOf(node).endsWith("List") && node.entries.get("items")?.type === "list")
    return getItems(node, "items").flatMap((item) => objectsOf(item, files));
  const lacking = [
    ...(apiVersionOf(node) === "" ? ["apiVersion"] : []),
    ...(kindOf(node) === "" ? ["kind"] : []),
    ...(nameOf(node) === "" ? ["metadata.name"] : []),
  ];
  if (lacking.length > 0) {
    const what = kindOf(node) === "" ? "a Kubernetes object" : `this ${kindOf(node)}`;
    files.problems.add(node.source, `${what} needs ${lacking.join(", ")}; add it, or leave the file out`);
    return [];
  }
  return [newResource(node)];
}

/** Two objects of one kind, namespace and name are a mistake wherever they come from. */
export function refuseDuplicates(resources: readonly Resource[], files: Pick<Files, "problems">): void {
  const seen = new Map<string, LocatedMap>();
  for (const { node } of resources) {
    const { name, namespace } = idOf(node);
    // With generateName each creation is another object.
    if (getString(node, "metadata", "name") === undefined) continue;
    const key = JSON.stringify([apiVersionOf(node), kindOf(node), namespace || "default", name]);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, node);
    else
      files.problems.add(
        node.source,
        `${describe(node)} is given twice; the first is at ${files.problems.shown(before.source)}. Remove one`,
      );
  }
}

function generate(own: LocatedMap, folder: string, resources: Resource[], files: Files): Resource[] {
  let all = resources;
  for (const item of getItems(own, "configMapGenerator")) {
    if (item.type !== "map") {
      files.problems.add(item.source, "configMapGenerator: an item is a map with a name");
      continue;
    }
    const options = generatorOptions(item.entries.get("options"), own.entries.get("generatorOptions"));
    const made = generateConfigMap(item, folder, files, options);
    if (made === null) continue;
    const behavior = getString(item, "behavior") ?? "create";
    const fresh = newResource(made, options.hashed);
    const before = all.find(
      ({ node, ids }) =>
        kindOf(node) === "ConfigMap" &&
        ids.some(
          (id) => id.name === nameOf(made) && (getString(item, "namespace") ?? id.namespace) === id.namespace,
        ),
    );
    if (behavior === "create") all = [...all, fresh];
    else if (before === undefined || (behavior !== "merge" && behavior !== "replace"))
      files.problems.add(
        item.source,
        before === undefined
          ? `configMapGenerator: nothing to ${behavior}: there is no ConfigMap ${nameOf(made)}`
          : `configMapGenerator: behavior must be create, merge or replace, found ${behavior}`,
      );
    else all = all.map((resource) => (resource === before ? combined(before, fresh, behavior) : resource));
  }
  return all;
}

function combined(before: Resource, fresh: Resource, behavior: "merge" | "replace"): Resource {
  const data = new Map([
    ...(behavior === "merge" ? (getMap(before.node, "data")?.entries ?? []) : []),
    ...(getMap(fresh.node, "data")?.entries ?? []),
  ]);
  const source = getMap(fresh.node, "data")?.source ?? fresh.node.source;
  const entries = new Map(before.node.entries).set("data", { type: "map", source, entries: data });
  return { ...withNode(before, { ...before.node, entries }), hashed: before.hashed || fresh.hashed };
}

const text = (node: Located | undefined): LocatedScalar | null =>
  node?.type === "scalar" && node.value !== null ? node : null;

function transformAll(own: LocatedMap, given: readonly Resource[], files: Files): Resource[] {
  let all = [...given];
  const each = (change: (node: LocatedMap) => LocatedMap): void => {
    all = all.map((resource) => withNode(resource, change(resource.node)));
  };
  const namespace = text(own.entries.get("namespace"));
  if (namespace !== null) each((node) => setNamespace(node, namespace));
  for (const label of getItems(own, "labels")) {
    const pairs = getMap(label, "pairs");
    const isTrue = (field: string): boolean => {
      const value = getMap(label)?.entries.get(field);
      return value?.type === "scalar" && value.value === true;
    };
    if (getMap(label)?.entries.has("fields"))
      files.problems.add(label.source, `labels with fields is not understood here; ${RENDER}`);
    const scope = { selectors: isTrue("includeSelectors"), templates: isTrue("includeTemplates") };
    if (pairs !== undefined) each((node) => addLabels(node, pairs, scope));
  }
  const common = getMap(own, "commonLabels");
  if (common !== undefined) each((node) => addLabels(node, common, { selectors: true, templates: true }));
  const annotations = getMap(own, "commonAnnotations");
  if (annotations !== undefined) each((node) => addAnnotations(node, annotations));
  for (const item of getItems(own, "replicas")) {
    const name = getString(item, "name") ?? "";
    const count = text(getMap(item)?.entries.get("count"));
    const next = all.map((resource) => {
      const node = count === null ? null : setReplicas(resource, name, count);
      return node === null ? resource : withNode(resource, node);
    });
    if (next.every((resource, i) => resource === all[i]))
      files.problems.add(
        item.source,
        `replicas: no Deployment, StatefulSet or ReplicaSet is called ${JSON.stringify(name)}`,
      );
    all = next;
  }
  for (const item of getItems(own, "images")) {
    const found = (field: string): LocatedScalar | null => text(getMap(item)?.entries.get(field));
    const value = (field: string): string | null => found(field)?.value?.toString() ?? null;
    const edit = {
      name: value("name") ?? "",
      newName: value("newName"),
      newTag: value("newTag"),
      digest: value("digest"),
      source: (found("digest") ?? found("newTag") ?? found("newName"))?.source ?? item.source,
    };
    each((node) => setImage(node, edit));
  }
  return all;
}

/** The last step of the outermost kustomization: generated names get their hash, and who names them follows. */
function withHashes(resources: readonly Resource[]): Resource[] {
  const renames: { readonly from: readonly string[]; readonly namespace: string; readonly to: string }[] = [];
  const renamed = resources.map((resource) => {
    if (!resource.hashed) return resource;
    const to = `${nameOf(resource.node)}-${configMapHash(resource.node)}`;
    renames.push({
      from: resource.ids.map((id) => id.name),
      namespace: idOf(resource.node).namespace,
      to,
    });
    return withNode(resource, withName(resource.node, to, resource.node.source));
  });
  if (renames.length === 0) return renamed;
  return renamed.map((resource) => {
    const { namespace } = idOf(resource.node);
    const newName = (name: string): string | undefined =>
      renames.find((rename) => rename.from.includes(name) && sameNamespace(rename.namespace, namespace))?.to;
    return withNode(resource, renameConfigMaps(resource.node, newName));
  });
}
