/** `patches` and its two older spellings: which objects each is for, and how it is applied. */
import { resolve } from "node:path";
import { isWithin, type Files } from "../files.ts";
import { getItems, getMap, getString, withEntry, type Located, type LocatedMap } from "../located.ts";
import { parseEmbeddedYaml } from "../parse-yaml.ts";
import type { Finding, Source } from "../types.ts";
import { jsonPatch } from "./json-patch.ts";
import {
  describe,
  kindOf,
  nameOf,
  namespaceOf,
  withName,
  withNamespace,
  withNode,
  type Resource,
} from "./resource.ts";
import { patchMatcher, targetMatcher } from "./selector.ts";
import { strategicMerge } from "./strategic-merge.ts";

type Patch = {
  readonly source: Source;
  readonly target: LocatedMap | undefined;
  readonly documents: readonly Located[];
};

export function applyPatches(
  own: LocatedMap,
  folder: string,
  resources: readonly Resource[],
  files: Files,
  findings: Finding[],
): Resource[] {
  let all = [...resources];
  for (const patch of readPatches(own, folder, files)) {
    for (const document of patch.documents) all = applyPatch(patch, document, all, files, findings);
  }
  return all;
}

function readPatches(own: LocatedMap, folder: string, files: Files): Patch[] {
  const older = getItems(own, "patchesStrategicMerge").map((item) => ({
    source: item.source,
    target: undefined,
    documents:
      item.type === "scalar" && String(item.value).includes("\n")
        ? parseEmbeddedYaml(item, files.problems, files.budget)
        : readPatchFile(item, folder, files),
  }));
  const items = [...getItems(own, "patches"), ...getItems(own, "patchesJson6902")];
  const patches = items.map((item) => {
    const inline = getMap(item)?.entries.get("patch");
    const path = getMap(item)?.entries.get("path");
    const options = getMap(item, "options");
    if (options !== undefined)
      files.problems.add(
        options.source,
        "a patch's options are not understood here; render it and pipe it: kubectl kustomize . | limpet … -",
      );
    if ((inline === undefined) === (path === undefined))
      files.problems.add(item.source, "a patch has either patch (its text) or path (its file)");
    const documents =
      inline?.type === "scalar"
        ? parseEmbeddedYaml(inline, files.problems, files.budget)
        : path === undefined
          ? []
          : readPatchFile(path, folder, files);
    return { source: item.source, target: getMap(item, "target"), documents };
  });
  return [...older, ...patches];
}

function readPatchFile(item: Located, folder: string, files: Files): readonly Located[] {
  const name = item.type === "scalar" ? String(item.value) : "";
  const path = resolve(folder, name);
  if (files.kind(path) !== "file") {
    files.problems.add(item.source, `the patch ${name} is not there`);
    return [];
  }
  if (!isWithin(folder, path)) {
    files.problems.add(item.source, `${name} lies outside its kustomization, which kustomize refuses`);
    return [];
  }
  return files.documents(path, item.source);
}

function applyPatch(
  patch: Patch,
  document: Located,
  all: readonly Resource[],
  files: Files,
  findings: Finding[],
): Resource[] {
  const { problems } = files;
  if (document.type === "scalar" || (document.type === "list" && patch.target === undefined)) {
    problems.add(
      document.source,
      document.type === "list"
        ? "a list of operations (JSON6902) needs a target"
        : "a patch is a map (strategic merge) or a list of operations (JSON6902)",
    );
    return [...all];
  }
  const matches =
    patch.target === undefined ? patchMatcher(document as LocatedMap) : targetMatcher(patch.target, problems);
  const matched = new Set(all.filter(matches));
  if (matched.size === 0) {
    if (patch.target === undefined && document.type === "map")
      problems.add(
        document.source,
        `this patch is for ${kindOf(document)} ${nameOf(document)}, which is not among the resources; ` +
          "mind apiVersion and namespace, or give it a target",
      );
    else
      findings.push({
        ...(patch.target?.source ?? patch.source),
        message: "no resource matches this patch's target, so it changes nothing",
        remedy: "make the target's group, kind, name and labels those of a resource, or take the patch out",
      });
    return [...all];
  }
  return all.flatMap((resource) => {
    if (!matched.has(resource)) return [resource];
    if (document.type === "list")
      return [withNode(resource, jsonPatch(resource.node, document, describe(resource.node), problems))];
    const node = strategicMerge(resource.node, document, problems);
    return node === null ? [] : [withNode(resource, sameIdentity(node, resource.node))];
  });
}

/** A strategic merge patch cannot rename an object: kind, name and namespace stay. */
function sameIdentity(node: LocatedMap, before: LocatedMap): LocatedMap {
  const kind = before.entries.get("kind");
  let next = kind === undefined ? node : withEntry(node, "kind", kind);
  const nameAt = getMap(before, "metadata")?.entries.get("name")?.source ?? before.source;
  if (nameOf(next) !== nameOf(before)) next = withName(next, nameOf(before), nameAt);
  if (getString(next, "metadata", "namespace") !== getString(before, "metadata", "namespace")) {
    const metadata = getMap(next, "metadata");
    next =
      namespaceOf(before) === "" && metadata !== undefined
        ? withEntry(next, "metadata", withEntry(metadata, "namespace", undefined))
        : withNamespace(next, namespaceOf(before), nameAt);
  }
  return next;
}
