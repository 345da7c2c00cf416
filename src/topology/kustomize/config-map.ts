/** configMapGenerator: ConfigMaps made of literals, files and env files, and the hash that ends their names. */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { isWithin, type Files } from "../files.ts";
import {
  getItems,
  getMap,
  getString,
  map,
  scalar,
  toJson,
  type Located,
  type LocatedMap,
  type LocatedScalar,
} from "../located.ts";
import type { Source } from "../types.ts";

export type GeneratorOptions = {
  readonly hashed: boolean;
  readonly labels: LocatedMap | undefined;
  readonly annotations: LocatedMap | undefined;
};

export function generatorOptions(own: Located | undefined, common: Located | undefined): GeneratorOptions {
  const disable =
    getMap(own)?.entries.get("disableNameSuffixHash") ?? getMap(common)?.entries.get("disableNameSuffixHash");
  const both = (field: string): LocatedMap | undefined => {
    const a = getMap(common, field);
    const b = getMap(own, field);
    if (a === undefined || b === undefined) return a ?? b;
    return { ...b, entries: new Map([...a.entries, ...b.entries]) };
  };
  return {
    hashed: !(disable?.type === "scalar" && disable.value === true),
    labels: both("labels"),
    annotations: both("annotations"),
  };
}

/** The ConfigMap that an item of `configMapGenerator` makes, still without the hash in its name. */
export function generateConfigMap(
  item: LocatedMap,
  folder: string,
  files: Files,
  options: GeneratorOptions,
): LocatedMap | null {
  const name = getString(item, "name");
  if (name === undefined) {
    files.problems.add(item.source, "configMapGenerator: an item needs a name");
    return null;
  }
  const data = generatedData(item, folder, files);
  const metadata: [string, Located][] = [["name", scalar(name, item.source)]];
  const namespace = getString(item, "namespace");
  if (namespace !== undefined) metadata.push(["namespace", scalar(namespace, item.source)]);
  if (options.labels !== undefined) metadata.push(["labels", options.labels]);
  if (options.annotations !== undefined) metadata.push(["annotations", options.annotations]);
  return map(
    [
      ["apiVersion", scalar("v1", item.source)],
      ["kind", scalar("ConfigMap", item.source)],
      ["metadata", map(metadata, item.source)],
      ...(data.size > 0 ? [["data", map(data, item.source)] as const] : []),
    ],
    item.source,
  );
}

function generatedData(item: LocatedMap, folder: string, files: Files): Map<string, Located> {
  const data = new Map<string, Located>();
  const put = (key: string, value: LocatedScalar, where: Source): void => {
    if (data.has(key)) files.problems.add(where, `configMapGenerator: the key ${key} is given twice`);
    data.set(key, value);
  };
  const envFiles = [
    ...getItems(item, "envs"),
    ...(item.entries.has("env") ? [item.entries.get("env")!] : []),
  ];
  for (const env of envFiles) {
    const text = readBeside(env, folder, files);
    for (const [index, line] of (text?.text ?? "").split(/\r?\n/).entries()) {
      const pair = /^\s*([^#=\s][^=]*)=(.*)$/.exec(line);
      if (!pair || text === null) continue;
      const where = { file: text.file, line: index + 1, column: 1 };
      put((pair[1] ?? "").trim(), scalar(pair[2] ?? "", where), where);
    }
  }
  for (const literal of getItems(item, "literals")) {
    const pair = /^([^=]+)=([\s\S]*)$/.exec(textOf(literal));
    if (!pair) files.problems.add(literal.source, "configMapGenerator: a literal is written key=value");
    else put(pair[1] ?? "", scalar(unquoted(pair[2] ?? ""), literal.source), literal.source);
  }
  for (const entry of getItems(item, "files")) {
    const [first = "", second] = textOf(entry).split("=", 2);
    const text = readBeside(scalar(second ?? first, entry.source), folder, files);
    if (text === null) continue;
    const start = { file: text.file, line: 1, column: 1 };
    const key = second === undefined ? basename(first) : first;
    put(key, { ...scalar(text.text, start), textAt: start }, entry.source);
  }
  return data;
}

const textOf = (node: Located): string => (node.type === "scalar" ? String(node.value) : "");

const unquoted = (text: string): string => /^(["'])([\s\S]*)\1$/.exec(text)?.[2] ?? text;

function readBeside(
  node: Located,
  folder: string,
  files: Files,
): { readonly text: string; readonly file: string } | null {
  const path = join(folder, textOf(node));
  if (!isWithin(folder, path)) {
    files.problems.add(
      node.source,
      `${textOf(node)} lies outside its kustomization, which kustomize refuses`,
    );
    return null;
  }
  const text = files.text(path, node.source);
  return text === null ? null : { text, file: files.shownName(path) };
}

/** Go's encoding/json writes these as escapes, and the hash is of its text. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/**
 * The suffix that kustomize gives a generated ConfigMap's name.
 *
 * @see kubernetes-sigs/kustomize api/hasher/hasher.go
 */
export function configMapHash(node: LocatedMap): string {
  const entries = [...(getMap(node, "data")?.entries ?? [])].sort(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  // Written out by hand: an object of ours would put keys that look like numbers first.
  const pairs = entries.map(([key, value]) => `${goJson(key)}:${goJson(toJson(value))}`);
  const data = entries.length === 0 ? '""' : `{${pairs.join(",")}}`;
  // The name is empty there whatever it is: upstream looks it up under one key called "metadata/name".
  const text = `{"data":${data},"kind":"ConfigMap","name":""}`;
  const hex = createHash("sha256").update(text).digest("hex").slice(0, 10);
  const letters: Readonly<Record<string, string>> = { "0": "g", "1": "h", "3": "k", a: "m", e: "t" };
  return hex.replaceAll(/[013ae]/g, (char) => letters[char] ?? char);
}
