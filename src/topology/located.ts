/**
 * A value together with the place it was written. Manifests are kept as such trees through every kustomize step, so
 * that whatever set a value last is what a message points at. Nodes are values: every change makes a new tree.
 */
import type { Json, JsonObject, Source } from "./types.ts";

export type LocatedScalar = {
  readonly type: "scalar";
  readonly source: Source;
  readonly value: null | boolean | number | string;
  /** Where the text of a literal block begins, so that YAML inside YAML keeps its lines; absent for other scalars. */
  readonly textAt?: Source;
  /** The word itself, where the value shows it otherwise: `no`, `0644`, `2.20`. */
  readonly written?: string;
};
export type LocatedMap = {
  readonly type: "map";
  readonly source: Source;
  readonly entries: ReadonlyMap<string, Located>;
};
export type LocatedList = {
  readonly type: "list";
  readonly source: Source;
  readonly items: readonly Located[];
};
export type Located = LocatedScalar | LocatedMap | LocatedList;
export type Path = readonly (string | number)[];

export const scalar = (value: LocatedScalar["value"], source: Source): LocatedScalar => ({
  type: "scalar",
  source,
  value,
});

export const map = (entries: Iterable<readonly [string, Located]>, source: Source): LocatedMap => ({
  type: "map",
  source,
  entries: new Map(entries),
});

export const list = (items: readonly Located[], source: Source): LocatedList => ({
  type: "list",
  source,
  items,
});

export function toJson(node: Located): Json {
  if (node.type === "scalar") return node.value;
  if (node.type === "list") return node.items.map(toJson);
  // A key `__proto__` is a key like any other, not the prototype.
  return Object.fromEntries([...node.entries].map(([key, value]) => [key, toJson(value)]));
}

export const toJsonObject = (node: LocatedMap): JsonObject => toJson(node) as JsonObject;

/** A tree in which every value has one source: for what a setting of ours puts into a manifest. */
export function fromJson(value: Json, source: Source): Located {
  if (Array.isArray(value))
    return list(
      (value as readonly Json[]).map((item) => fromJson(item, source)),
      source,
    );
  if (value !== null && typeof value === "object") {
    return map(
      Object.entries(value as JsonObject).map(([key, item]) => [key, fromJson(item, source)] as const),
      source,
    );
  }
  return scalar(value, source);
}

export function child(node: Located | undefined, step: string | number): Located | undefined {
  if (node?.type === "map") return node.entries.get(String(step));
  if (node?.type === "list" && typeof step === "number") return node.items[step];
  return undefined;
}

export function getIn(node: Located | undefined, path: Path): Located | undefined {
  return path.reduce<Located | undefined>(child, node);
}

/** The place of the value at `path`, or of its nearest parent that is there. */
export function sourceAt(node: Located, path: Path): Source {
  let here: Located = node;
  for (const step of path) {
    const next = child(here, step);
    if (next === undefined) break;
    here = next;
  }
  return here.source;
}

export function getString(node: Located | undefined, ...path: Path): string | undefined {
  const found = getIn(node, path);
  return found?.type === "scalar" && typeof found.value === "string" ? found.value : undefined;
}

export function getMap(node: Located | undefined, ...path: Path): LocatedMap | undefined {
  const found = getIn(node, path);
  return found?.type === "map" ? found : undefined;
}

export function getItems(node: Located | undefined, ...path: Path): readonly Located[] {
  const found = getIn(node, path);
  return found?.type === "list" ? found.items : [];
}

/** A map's text values, e.g. labels. */
export function getStrings(node: Located | undefined, ...path: Path): Readonly<Record<string, string>> {
  const entries: [string, string][] = [];
  for (const [key, value] of getMap(node, ...path)?.entries ?? []) {
    if (value.type === "scalar" && value.value !== null) entries.push([key, String(value.value)]);
  }
  return Object.fromEntries(entries);
}

export function withEntry(node: LocatedMap, key: string, value: Located | undefined): LocatedMap {
  const entries = new Map(node.entries);
  if (value === undefined) entries.delete(key);
  else entries.set(key, value);
  return { ...node, entries };
}

/**
 * The tree with `change` applied to what is at `path`. Where a map on the way is absent it is made, if `create`;
 * otherwise the tree is left as it is.
 */
export function updateIn(
  node: LocatedMap,
  path: readonly string[],
  create: Source | null,
  change: (found: Located | undefined) => Located | undefined,
): LocatedMap {
  const [key, ...rest] = path;
  if (key === undefined) return node;
  const found = node.entries.get(key);
  if (rest.length === 0) return withEntry(node, key, change(found));
  if (found?.type === "map") return withEntry(node, key, updateIn(found, rest, create, change));
  if (create === null || (found !== undefined && !(found.type === "scalar" && found.value === null)))
    return node;
  return withEntry(node, key, updateIn(map([], create), rest, create, change));
}

/** The tree with every node below (and the root) offered to `change`, children first. */
export function transform(node: Located, change: (node: Located) => Located): Located {
  if (node.type === "list")
    return change({ ...node, items: node.items.map((item) => transform(item, change)) });
  if (node.type === "map") {
    const entries = [...node.entries].map(([key, value]) => [key, transform(value, change)] as const);
    return change({ ...node, entries: new Map(entries) });
  }
  return change(node);
}
