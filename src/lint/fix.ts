/**
 * Changes to a manifest's text that keep all the rest of it as it stands: comments, order, quotes, blank lines. Each is
 * made at the place of a node of the parsed text; where there is no such node (a value from a kustomization's labels,
 * YAML inside a ConfigMap, an anchor that others use) nothing is changed.
 */
import { isMap, isPair, isScalar, LineCounter, parseAllDocuments, stringify, visit } from "yaml";
import type { Node, Pair, ParsedNode, YAMLMap } from "yaml";
import { at as valueAt } from "../topology/json.ts";
import type { Json, Manifest, Source } from "../topology/types.ts";
import type { Path } from "./hash-rules.ts";

export type Change =
  /** Puts a value in the place of another, or a field into a map that is there. */
  | { readonly kind: "set"; readonly at: Source; readonly path: Path; readonly value: Json }
  | { readonly kind: "add"; readonly at: Source; readonly path: Path; readonly value: Json }
  | { readonly kind: "remove"; readonly at: Source; readonly path: Path }
  | { readonly kind: "rename"; readonly at: Source; readonly path: Path; readonly to: string };

/** Sets the field at `path`, adding it where it is absent; its parent has to be there. */
export const setting = (manifest: Manifest, path: Path, value: Json): Change =>
  valueAt(manifest.body, ...path) === undefined
    ? { kind: "add", at: manifest.at(...path.slice(0, -1)), path, value }
    : { kind: "set", at: manifest.at(...path), path, value };

export const removing = (manifest: Manifest, path: Path): Change => ({
  kind: "remove",
  at: manifest.at(...path),
  path,
});

export const renaming = (manifest: Manifest, path: Path, to: string): Change => ({
  kind: "rename",
  at: manifest.at(...path),
  path,
  to,
});

/** What a change does, for people. */
export function shownChange(change: Change): string {
  const key = String(change.path.at(-1));
  if (change.kind === "remove") return `took ${key} out`;
  if (change.kind === "rename") return `renamed ${key} to ${change.to}`;
  return `${change.kind === "add" ? "added" : "set"} ${key}: ${inFlow(change.value)}`;
}

type Edit = { readonly start: number; readonly end: number; readonly text: string };

/**
 * The text with the changes made, and which of them were. One that would touch what another has touched is left for
 * the next time.
 */
export function applyChanges<Wanted extends { readonly change: Change }>(
  text: string,
  wanted: readonly Wanted[],
): { readonly text: string; readonly done: readonly Wanted[] } {
  const places = new Places(text);
  const taken: Edit[] = [];
  const done = wanted.filter(({ change }) => {
    const edit = editFor(change, places, text);
    if (edit === null || taken.some((one) => edit.start < one.end + 1 && one.start < edit.end + 1))
      return false;
    taken.push(edit);
    return true;
  });
  const changed = [...taken]
    .sort((a, b) => b.start - a.start)
    .reduce((sum, { start, end, text: put }) => sum.slice(0, start) + put + sum.slice(end), text);
  return { text: changed, done };
}

type Field = { readonly pair: Pair<ParsedNode, ParsedNode | null>; readonly parent: YAMLMap.Parsed };

/** Nodes of a text by where the loader says that they are. */
class Places {
  readonly #lines = new LineCounter();
  readonly #fields = new Map<number, Field[]>();
  /** Maps that are no field's value: documents and items of lists. */
  readonly #maps = new Map<number, YAMLMap.Parsed>();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    for (const document of parseAllDocuments(text, { lineCounter: this.#lines, prettyErrors: false })) {
      if ("errors" in document && document.errors.length > 0) continue;
      visit(document, {
        Node(_, node) {
          // What has an anchor is elsewhere too.
          return "anchor" in node && node.anchor !== undefined ? visit.SKIP : undefined;
        },
        Map: (_, node, path) => {
          if ("anchor" in node && node.anchor !== undefined) return visit.SKIP;
          const map = node as YAMLMap.Parsed;
          if (map.range && !isPair(path.at(-1))) this.#maps.set(map.range[0], map);
          for (const pair of map.items) {
            if (pair.value !== null && "anchor" in pair.value && pair.value.anchor !== undefined) continue;
            const starts = new Set([pair.key.range[0], pair.value?.range?.[0] ?? pair.key.range[0]]);
            for (const start of starts)
              this.#fields.set(start, [...(this.#fields.get(start) ?? []), { pair, parent: map }]);
          }
          return undefined;
        },
      });
    }
  }

  #offset({ line, column }: Source): number {
    return (this.#lines.lineStarts[line - 1] ?? this.#text.length) + column - 1;
  }

  field(where: Source, key: string): Field | null {
    const found = this.#fields.get(this.#offset(where)) ?? [];
    return found.find(({ pair }) => isScalar(pair.key) && String(pair.key.value) === key) ?? null;
  }

  map(where: Source, path: Path): YAMLMap.Parsed | null {
    const last = path.at(-1);
    if (typeof last !== "string") return this.#maps.get(this.#offset(where)) ?? null;
    const value = this.field(where, last)?.pair.value;
    return isMap(value) ? value : null;
  }
}

function editFor(change: Change, places: Places, text: string): Edit | null {
  const key = String(change.path.at(-1));
  if (change.kind === "add") {
    const parent = places.map(change.at, change.path.slice(0, -1));
    return parent === null ? null : added(parent, `${key}: ${inFlow(change.value)}`, text);
  }
  const field = places.field(change.at, key);
  if (field === null) return null;
  if (change.kind === "remove") return removed(field, text);
  const node: Node | null = change.kind === "rename" ? field.pair.key : field.pair.value;
  if (!isScalar(node) || !node.range) return null;
  const put = change.kind === "rename" ? change.to : inFlow(change.value);
  const [start, end] = node.range;
  // A block scalar ends with its line.
  return { start, end, text: text.slice(start, end).endsWith("\n") ? `${put}\n` : put };
}

/** A value on one line, as it can stand anywhere, a flow list among it. */
const inFlow = (value: Json): string =>
  stringify([value], {
    collectionStyle: "flow",
    lineWidth: 0,
    flowCollectionPadding: false,
    // A Kubernetes server reads YAML 1.1, where more words are booleans.
    version: "1.1",
  })
    .trimEnd()
    .slice(1, -1);

function added(parent: YAMLMap.Parsed, entry: string, text: string): Edit | null {
  const [first, last] = [parent.items[0], parent.items.at(-1)];
  if (parent.flow === true) {
    const end = last?.value?.range?.[1] ?? last?.key.range[1];
    if (end !== undefined) return { start: end, end, text: `, ${entry}` };
    const inside = parent.range[0] + 1;
    return { start: inside, end: inside, text: entry };
  }
  if (first === undefined) return null;
  const start = first.key.range[0];
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const indent = text.slice(lineStart, start).replaceAll(/\S/g, " ");
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  // After the first field where that is one line (a list's item begins with its name), else before it.
  const lineEnd = text.indexOf("\n", start);
  const isOneLine = isScalar(first.value) && lineEnd >= 0 && (first.value.range?.[1] ?? 0) <= lineEnd;
  if (!isOneLine) return { start, end: start, text: `${entry}${newline}${indent}` };
  return { start: lineEnd + 1, end: lineEnd + 1, text: `${indent}${entry}${newline}` };
}

function removed({ pair, parent }: Field, text: string): Edit | null {
  // An empty block map would be null.
  if (parent.items.length === 1 && parent.flow !== true) return null;
  const index = parent.items.indexOf(pair);
  const start = pair.key.range[0];
  const end = pair.value?.range?.[1] ?? pair.key.range[1];
  const next = parent.items[index + 1];
  if (parent.flow === true) {
    if (next !== undefined) return { start, end: next.key.range[0], text: "" };
    const before = parent.items[index - 1];
    return { start: before?.value?.range?.[1] ?? before?.key.range[1] ?? start, end, text: "" };
  }
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  // Behind a list's dash: the next field takes its place.
  if (text.slice(lineStart, start).trim() !== "")
    return next === undefined ? null : { start, end: next.key.range[0], text: "" };
  const lineEnd = text[end - 1] === "\n" ? end - 1 : text.indexOf("\n", end);
  return { start: lineStart, end: lineEnd < 0 ? text.length : lineEnd + 1, text: "" };
}
