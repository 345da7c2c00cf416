/**
 * Strategic merge patches: maps merge key by key, `null` deletes, lists of built-in kinds merge by their merge key, all
 * other lists are replaced. Order as kustomize gives it: what the patch names first, then the rest.
 *
 * @see kubernetes-sigs/kustomize kyaml/yaml/merge2, kyaml/yaml/walk/associative_sequence.go
 */
import { child, getString, list, map, type Located, type LocatedList, type LocatedMap } from "../located.ts";
import type { Problems } from "../problems.ts";
import { apiVersionOf, groupOf } from "./resource.ts";

/** The key that tells a list's elements apart, by the list's field (kubernetes `patchMergeKey`). */
const MERGE_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  ephemeralContainers: ["name"],
  env: ["name"],
  // Of a container by containerPort, of a Service by port.
  ports: ["containerPort", "port"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  imagePullSecrets: ["name"],
  secrets: ["name"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey"],
  ownerReferences: ["uid"],
};

const BUILT_IN_GROUPS = new Set(["", "apps", "batch", "policy", "autoscaling", "rbac.authorization.k8s.io"]);

/** Only for built-in kinds are merge keys known; a custom resource's lists are replaced. */
export function strategicMerge(target: LocatedMap, patch: LocatedMap, problems: Problems): LocatedMap | null {
  const byKey = BUILT_IN_GROUPS.has(groupOf(apiVersionOf(target)));
  const merged = mergeNode(target, patch, "", byKey, problems);
  return merged?.type === "map" ? merged : null;
}

function directive(node: Located): string | undefined {
  return getString(node, "$patch");
}

function mergeNode(
  target: Located | undefined,
  patch: Located,
  field: string,
  byKey: boolean,
  problems: Problems,
): Located | undefined {
  if (patch.type === "scalar") return patch.value === null ? undefined : patch;
  if (patch.type === "list") {
    if (target?.type === "list" && byKey) return mergeList(target, patch, field, problems);
    return target?.type === "list" || target === undefined
      ? { ...patch, items: patch.items.map((item) => cleaned(item, problems)) }
      : patch;
  }
  const wanted = directive(patch);
  if (wanted === "delete") return undefined;
  if (wanted !== undefined && wanted !== "replace" && wanted !== "merge")
    problems.add(patch.source, `$patch takes delete, replace or merge, found ${JSON.stringify(wanted)}`);
  if (target?.type !== "map" || wanted === "replace") return cleaned(patch, problems);
  const entries = new Map(target.entries);
  for (const [key, value] of patch.entries) {
    if (key === "$patch") continue;
    if (unsupported(key, value, problems)) continue;
    const next = mergeNode(entries.get(key), value, key, byKey, problems);
    if (next === undefined) entries.delete(key);
    else entries.set(key, next);
  }
  return { ...target, entries };
}

/** What a patch adds as a whole: without its directives and its nulls. */
function cleaned(node: Located, problems: Problems): Located {
  if (node.type === "list") {
    const items = node.items.filter((item) => directive(item) !== "delete");
    return { ...node, items: items.map((item) => cleaned(item, problems)) };
  }
  if (node.type !== "map") return node;
  const entries: [string, Located][] = [];
  for (const [key, value] of node.entries) {
    if (key === "$patch" || (value.type === "scalar" && value.value === null)) continue;
    if (!unsupported(key, value, problems)) entries.push([key, cleaned(value, problems)]);
  }
  return map(entries, node.source);
}

function unsupported(key: string, value: Located, problems: Problems): boolean {
  if (!key.startsWith("$")) return false;
  problems.add(
    value.source,
    `the patch directive ${key} is not understood here; render it and pipe it: kubectl kustomize . | limpet … -`,
  );
  return true;
}

function mergeList(target: LocatedList, patch: LocatedList, field: string, problems: Problems): LocatedList {
  const keys = MERGE_KEYS[field];
  const all = [...target.items, ...patch.items];
  const key = keys?.find((name) => all.every((item) => child(item, name) !== undefined || directive(item)));
  if (patch.items.some((item) => directive(item) === "replace"))
    return list(
      patch.items.filter((item) => directive(item) !== "replace"),
      patch.source,
    );
  if (key === undefined || all.some((item) => item.type !== "map"))
    return { ...patch, items: patch.items.map((item) => cleaned(item, problems)) };
  const valueOf = (item: Located): string => {
    const found = child(item, key);
    return found?.type === "scalar" ? String(found.value) : "";
  };
  const patched = new Set(patch.items.map(valueOf));
  const items: Located[] = [];
  for (const item of patch.items) {
    const before = target.items.find((candidate) => valueOf(candidate) === valueOf(item));
    const next = mergeNode(before, item, field, true, problems);
    if (next !== undefined) items.push(next);
  }
  return { ...target, items: [...items, ...target.items.filter((item) => !patched.has(valueOf(item)))] };
}
