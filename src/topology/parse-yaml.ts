/** YAML text → located trees. Positions come from the parser's nodes, never from searching the text. */
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  Scalar,
  type Node,
  type YAMLParseError,
} from "yaml";
import { list, map, scalar, type Located, type LocatedMap, type LocatedScalar } from "./located.ts";
import { LIMITS, type Budget, type Problems } from "./problems.ts";
import type { Source } from "./types.ts";

/** Where a text stands inside a file: `{ line: 1, column: 1 }` for a whole file. */
type Base = { readonly file: string; readonly line: number; readonly column: number };

/** Plain words that YAML 1.1 (and so kubectl) reads as booleans and YAML 1.2 as text. */
const OLD_BOOLEANS: Readonly<Record<string, boolean>> = { yes: true, on: true, no: false, off: false };

const TEMPLATE = "a template, not YAML; render it and pipe it: helm template CHART | limpet … -";

class Reader {
  readonly #text: string;
  readonly #base: Base;
  readonly #lines: LineCounter;
  readonly #problems: Problems;
  readonly #budget: Budget;
  readonly #anchors = new Map<string, Node>();

  constructor(text: string, base: Base, lines: LineCounter, problems: Problems, budget: Budget) {
    this.#text = text;
    this.#base = base;
    this.#lines = lines;
    this.#problems = problems;
    this.#budget = budget;
  }

  /** Anchors reach to the end of their document. */
  newDocument(): void {
    this.#anchors.clear();
  }

  sourceAt(offset: number): Source {
    const { line, col } = this.#lines.linePos(offset);
    return {
      file: this.#base.file,
      line: this.#base.line + Math.max(line, 1) - 1,
      column: this.#base.column + Math.max(col, 1) - 1,
    };
  }

  /** `keyAt`: maps and lists are said to be where their key is, which is what a person looks for. */
  read(node: unknown, keyAt: Source | null, depth: number, fallback: Source): Located {
    const own = (node as Node | null)?.range;
    const at = own ? this.sourceAt(own[0]) : (keyAt ?? fallback);
    if (++this.#budget.values > LIMITS.values)
      this.#problems.fail(
        at,
        `more than ${LIMITS.values} values in the manifests; name a smaller part of them`,
      );
    if (depth > LIMITS.depth) this.#problems.fail(at, `nested more than ${LIMITS.depth} levels deep`);
    // Remembered on the way: the parser's own look-up walks the whole document for each alias.
    if (own && !isAlias(node) && (node as Node & { anchor?: string }).anchor !== undefined)
      this.#anchors.set((node as Node & { anchor: string }).anchor, node as Node);
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined) {
        this.#problems.add(at, `the alias *${node.source} has no anchor &${node.source} before it`);
        return scalar(null, at);
      }
      return this.read(target, keyAt, depth + 1, fallback);
    }
    if (isMap(node)) return this.#readMap(node.items, keyAt ?? at, depth, at);
    if (isSeq(node)) {
      return list(
        node.items.map((item) => this.read(item, null, depth + 1, at)),
        keyAt ?? at,
      );
    }
    if (isScalar(node)) return this.#readScalar(node, keyAt, at);
    return scalar(null, at);
  }

  #readMap(pairs: readonly unknown[], at: Source, depth: number, inner: Source): LocatedMap {
    const entries = new Map<string, Located>();
    const merged: Located[] = [];
    for (const pair of pairs) {
      if (!isPair(pair)) continue;
      const keyAt = isScalar(pair.key) && pair.key.range ? this.sourceAt(pair.key.range[0]) : inner;
      if (!isScalar(pair.key)) {
        this.#problems.add(
          keyAt,
          isMap(pair.key) && this.#text.includes("{{")
            ? TEMPLATE
            : "a key must be text, found a map, a list or an alias",
        );
        continue;
      }
      const value = this.read(pair.value, keyAt, depth + 1, keyAt);
      const key = pair.key.source ?? String(pair.key.value);
      if (key === "<<" && pair.key.type === Scalar.PLAIN) merged.push(value);
      else entries.set(key, value);
    }
    for (const source of merged.flatMap((node) => (node.type === "list" ? node.items : [node]))) {
      if (source.type !== "map") this.#problems.add(source.source, "<<: takes a map or a list of maps");
      else for (const [key, value] of source.entries) if (!entries.has(key)) entries.set(key, value);
    }
    return map(entries, at);
  }

  #readScalar(node: Scalar, keyAt: Source | null, at: Source): LocatedScalar {
    const value = node.value;
    if (value === null || value === undefined) return scalar(null, keyAt ?? at);
    if (node.type === Scalar.PLAIN && node.source !== undefined) {
      // The API server's parser still reads these two as YAML 1.1 does.
      const written = node.source;
      if (/^0[0-7]+$/.test(written)) return { ...scalar(Number.parseInt(written, 8), at), written };
      if (/^(yes|no|on|off|Yes|No|On|Off|YES|NO|ON|OFF)$/.test(written))
        return { ...scalar(OLD_BOOLEANS[written.toLowerCase()] ?? false, at), written };
    }
    if (typeof value === "boolean" || typeof value === "string") {
      const read = scalar(value, at);
      return node.type === Scalar.BLOCK_LITERAL ? { ...read, textAt: this.#blockText(node, at) } : read;
    }
    if (typeof value === "number" && Number.isFinite(value)) {
      const { source } = node;
      return source === undefined || source === String(value)
        ? scalar(value, at)
        : { ...scalar(value, at), written: source };
    }
    return scalar(
      typeof value === "number" || typeof value === "bigint" ? String(value) : (node.source ?? null),
      at,
    );
  }

  /** A literal block's text begins on the line after its `|`, at the block's indentation. */
  #blockText(node: Scalar, at: Source): Source {
    const start = node.range?.[0] ?? 0;
    const header = this.#text.indexOf("\n", start);
    const body = header < 0 ? "" : this.#text.slice(header + 1, node.range?.[1]);
    const indent = /^(?:[ \t]*\r?\n)*( *)/.exec(body)?.[1]?.length ?? 0;
    return { file: at.file, line: at.line + 1, column: this.#base.column + indent };
  }
}

function parse(text: string, base: Base, problems: Problems, budget: Budget): Located[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    keepSourceTokens: false,
    stringKeys: false,
  });
  const reader = new Reader(text, base, lines, problems, budget);
  const found: Located[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    if (++budget.documents > LIMITS.documents)
      problems.fail(base, `more than ${LIMITS.documents} YAML documents; name a smaller part of them`);
    if (document.errors.length > 0) tell(document.errors, text, reader, problems);
    if (document.errors.length > 0 || document.contents === null) continue;
    const start = document.contents.range ? reader.sourceAt(document.contents.range[0]) : base;
    reader.newDocument();
    const node = reader.read(document.contents, null, 0, start);
    if (!(node.type === "scalar" && node.value === null)) found.push(node);
  }
  return found;
}

function tell(errors: readonly YAMLParseError[], text: string, reader: Reader, problems: Problems): void {
  const template = text.indexOf("{{");
  if (template >= 0) return problems.add(reader.sourceAt(template), TEMPLATE);
  for (const { message, pos } of errors) {
    const words = message.includes("call stack") ? "nested too deep" : message;
    problems.add(reader.sourceAt(pos[0]), `cannot read this as YAML: ${words}`);
  }
}

/** The documents of a file, empty ones left out. Syntax errors go to `problems`, with their place. */
export function parseYaml(text: string, file: string, problems: Problems, budget: Budget): Located[] {
  return parse(text, { file, line: 1, column: 1 }, problems, budget);
}

/**
 * The documents of a YAML text inside a manifest (an inline patch, a ConfigMap's file), with the lines of the file that
 * holds it. Only a literal block (`|`) keeps lines; for any other scalar all values are where the scalar is.
 */
export function parseEmbeddedYaml(node: LocatedScalar, problems: Problems, budget: Budget): Located[] {
  const text = String(node.value);
  if (node.textAt !== undefined) return parse(text, node.textAt, problems, budget);
  const inner = parse(text, node.source, problems, budget);
  return inner.map((value) => relocate(value, node.source));
}

function relocate(node: Located, source: Source): Located {
  if (node.type === "map") {
    return map(
      [...node.entries].map(([key, value]) => [key, relocate(value, source)] as const),
      source,
    );
  }
  if (node.type === "list") {
    return list(
      node.items.map((item) => relocate(item, source)),
      source,
    );
  }
  return scalar(node.value, source);
}
