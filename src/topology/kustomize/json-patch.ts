/** JSON6902 patches (RFC 6902) over located trees: a value keeps the place of the operation that put it there. */
import {
  child,
  getIn,
  getString,
  toJson,
  withEntry,
  type Located,
  type LocatedList,
  type LocatedMap,
} from "../located.ts";
import { shown } from "../json.ts";
import type { Problems } from "../problems.ts";
import type { Source } from "../types.ts";

const OPS = ["add", "remove", "replace", "move", "copy", "test"];

type Edit = (parent: LocatedMap | LocatedList, key: string) => Located | null;

/** Pointer (RFC 6901) → steps. */
const steps = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

const at = (node: Located | undefined, step: string): Located | undefined =>
  node?.type === "list" ? (/^\d+$/.test(step) ? node.items[Number(step)] : undefined) : child(node, step);

const find = (node: Located, path: readonly string[]): Located | undefined =>
  path.reduce<Located | undefined>(at, node);

/** The tree with the parent of `path` edited, or null where there is no such parent or the edit refused. */
function edit(node: Located, path: readonly string[], change: Edit): Located | null {
  const [step, ...rest] = path;
  if (step === undefined || node.type === "scalar") return null;
  if (rest.length === 0) return change(node, step);
  const inner = at(node, step);
  const next = inner === undefined ? null : edit(inner, rest, change);
  if (next === null) return null;
  if (node.type === "map") return withEntry(node, step, next);
  return { ...node, items: node.items.map((item, i) => (i === Number(step) ? next : item)) };
}

const added =
  (value: Located): Edit =>
  (parent, key) => {
    if (parent.type === "map") return withEntry(parent, key, value);
    const index = key === "-" ? parent.items.length : Number(key);
    if (!Number.isInteger(index) || index < 0 || index > parent.items.length) return null;
    return { ...parent, items: [...parent.items.slice(0, index), value, ...parent.items.slice(index)] };
  };

const replaced =
  (value: Located): Edit =>
  (parent, key) => {
    if (at(parent, key) === undefined) return null;
    if (parent.type === "map") return withEntry(parent, key, value);
    return { ...parent, items: parent.items.map((item, i) => (i === Number(key) ? value : item)) };
  };

const removed: Edit = (parent, key) => {
  if (at(parent, key) === undefined) return null;
  if (parent.type === "map") return withEntry(parent, key, undefined);
  return { ...parent, items: parent.items.filter((_, i) => i !== Number(key)) };
};

function applyOne(target: Located, op: Located, problems: Problems): Located | null {
  const name = getString(op, "op") ?? "";
  const path = getString(op, "path");
  const from = getString(op, "from");
  const value = getIn(op, ["value"]);
  const given = (field: string): string => {
    const node = getIn(op, [field]);
    return shown(node && toJson(node));
  };
  if (!OPS.includes(name)) {
    problems.add(op.source, `op must be one of ${OPS.join(", ")}, found ${given("op")}`);
    return target;
  }
  if (path === undefined || !path.startsWith("/")) {
    problems.add(op.source, `path must be a JSON pointer like /spec/replicas, found ${given("path")}`);
    return target;
  }
  const to = steps(path);
  if (name === "remove") return edit(target, to, removed);
  if (name === "move" || name === "copy") {
    const moved = from === undefined ? undefined : find(target, steps(from));
    if (moved === undefined || from === undefined) return null;
    const base = name === "move" ? edit(target, steps(from), removed) : target;
    return base === null ? null : edit(base, to, added(moved));
  }
  if (value === undefined) {
    problems.add(op.source, `op ${name} needs a value`);
    return target;
  }
  if (name === "add") return edit(target, to, added(value));
  if (name === "replace") return edit(target, to, replaced(value));
  const found = find(target, to);
  const same = found !== undefined && JSON.stringify(toJson(found)) === JSON.stringify(toJson(value));
  return same ? target : null;
}

/** The object with every operation applied; one that cannot be is a problem, told where it stands. */
export function jsonPatch(
  target: LocatedMap,
  ops: LocatedList,
  subject: string,
  problems: Problems,
): LocatedMap {
  let node: Located = target;
  for (const op of ops.items) {
    const where: Source = getIn(op, ["path"])?.source ?? op.source;
    const next = applyOne(node, op, problems);
    if (next === null) {
      const what = `${getString(op, "op")} ${getString(op, "path")}`;
      problems.add(where, `cannot ${what} in ${subject}: there is no such place in it`);
      continue;
    }
    node = next;
  }
  return node.type === "map" ? node : target;
}
