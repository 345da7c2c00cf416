/** Turns what is wrong with a scenario file into messages with file, line and column. */
import type { z } from "zod";
import { isMap, isScalar, isSeq, LineCounter, type Document, type Node } from "yaml";
import { nearest } from "../topology/suggest.ts";

type Path = readonly PropertyKey[];
type Schema = { readonly [key: string]: unknown };

const asSchema = (value: unknown): Schema =>
  typeof value === "object" && value !== null ? (value as Schema) : {};

/** The alternatives that a schema leaves open, narrowed by the value's own `check` where it has one. */
function alternatives(schema: Schema, value: unknown): Schema[] {
  const open = schema["anyOf"] ?? schema["oneOf"];
  if (!Array.isArray(open)) return [schema];
  const all = open.map(asSchema);
  const kind = asSchema(value)["check"];
  const same = all.filter((one) => asSchema(asSchema(one["properties"])["check"])["const"] === kind);
  return same.length > 0 ? same : all;
}

/** The fields that the JSON Schema knows at `path`. */
function fieldsAt(schema: Schema, path: Path, value: unknown): string[] {
  let here = alternatives(schema, value);
  let at = value;
  for (const key of path) {
    at = asSchema(at)[String(key)];
    here = here
      .map((one) => (typeof key === "number" ? one["items"] : asSchema(one["properties"])[String(key)]))
      .flatMap((one) => alternatives(asSchema(one), at));
  }
  return [...new Set(here.flatMap((one) => Object.keys(asSchema(one["properties"]))))];
}

/** What a person calls the thing at `path`: load, step, check … */
function thing(path: Path): string {
  const last = path.findLast((key) => typeof key === "string");
  return last === undefined ? "a scenario" : last.replace(/s$/, "");
}

export class Places {
  readonly #file: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(file: string, document: Document, lines: LineCounter) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
  }

  /** `file:line:column` of the value at `path`, or of its key; the nearest parent's where it is absent. */
  at(path: Path, key = false): string {
    let node: unknown = this.#document.contents;
    let offset = (node as Node | null)?.range?.[0] ?? 0;
    for (const [depth, part] of path.entries()) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
        if (!pair) break;
        node = pair.value;
        const wanted = key && depth === path.length - 1 ? pair.key : (pair.value ?? pair.key);
        offset = (wanted as Node | null)?.range?.[0] ?? offset;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        offset = (node as Node | null)?.range?.[0] ?? offset;
      } else break;
    }
    return this.offset(offset);
  }

  offset(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }
}

type Issue = z.core.$ZodIssue;

const MAX_SHOWN = 60;

/** What was found, cut where it is long: a whole file may stand where a word was wanted. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}

function wordsFor(issue: Issue, value: unknown): string {
  const found = value === undefined ? "nothing" : shown(value);
  if (issue.code === "invalid_union") {
    const options = (issue as { options?: readonly unknown[] }).options;
    if (options) return `found ${found}, wanted one of ${options.join(", ")}`;
    const wanted = issue.errors.flat().map((one) => ("expected" in one ? String(one.expected) : one.message));
    return `wanted ${[...new Set(wanted)].join(" or ")}, found ${found}`;
  }
  if (issue.code === "invalid_type") return `wanted ${issue.expected}, found ${found}`;
  if (issue.code === "invalid_value") return `wanted ${issue.values.join(", ")}, found ${found}`;
  return `${issue.message}, found ${found}`;
}

/** One message for each thing wrong with a parsed file. */
export function issueMessages(
  issues: readonly Issue[],
  value: unknown,
  jsonSchema: Schema,
  places: Places,
): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      const known = fieldsAt(jsonSchema, issue.path, value);
      return issue.keys.map((key) => {
        const meant = nearest(key, known);
        const hint = meant === null ? "" : `; did you mean "${meant}"?`;
        const fields = `Fields of ${thing(issue.path)}: ${known.join(", ")}.`;
        return `${places.at([...issue.path, key], true)}  unknown field "${key}"${hint}\n  ${fields}`;
      });
    }
    let at = value;
    for (const key of issue.path) at = asSchema(at)[String(key)];
    const field = issue.path.length === 0 ? "the file" : issue.path.map(String).join(".");
    if (at === undefined && issue.code !== "invalid_union") {
      return [`${places.at(issue.path)}  the field "${String(issue.path.at(-1))}" is missing (${field})`];
    }
    const options =
      issue.code === "invalid_union" ? (issue as { options?: readonly string[] }).options : undefined;
    const meant = options && typeof at === "string" ? nearest(at, options) : null;
    const hint = meant === null ? "" : `; did you mean "${meant}"?`;
    return [`${places.at(issue.path)}  ${field}: ${wordsFor(issue, at)}${hint}`];
  });
}
