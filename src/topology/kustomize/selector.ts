/** Which resources a patch is for. */
import { getString, getStrings, type LocatedMap } from "../located.ts";
import type { Problems } from "../problems.ts";
import { apiVersionOf, groupOf, kindOf, sameNamespace, versionOf, type Resource } from "./resource.ts";

function anchored(
  pattern: string | undefined,
  target: LocatedMap,
  problems: Problems,
): (value: string) => boolean {
  if (pattern === undefined || pattern === "") return () => true;
  try {
    const expression = new RegExp(`^(?:${pattern})$`, "u");
    return (value) => expression.test(value);
  } catch {
    problems.add(target.source, `target: ${JSON.stringify(pattern)} is not a regular expression`);
    return () => false;
  }
}

/** `a=b,c!=d,e in (f,g),h`: the API server's label selector in text. */
export function matchesSelector(selector: string, labels: Readonly<Record<string, string>>): boolean {
  const terms = selector.match(/[^,(]+(?:\([^)]*\))?/g) ?? [];
  return terms.every((term) => {
    const set = /^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$/.exec(term);
    if (set) {
      const values = (set[3] ?? "").split(",").map((value) => value.trim());
      const value = labels[set[1] ?? ""];
      return set[2] === "in"
        ? value !== undefined && values.includes(value)
        : value === undefined || !values.includes(value);
    }
    const [, key = "", operator, value = ""] = /^\s*([^\s=!]+)\s*(?:(==|=|!=)\s*(\S*))?\s*$/.exec(term) ?? [];
    const absent = /^\s*!\s*(\S+)\s*$/.exec(term);
    if (absent) return labels[absent[1] ?? ""] === undefined;
    if (operator === undefined) return labels[key] !== undefined;
    return operator === "!=" ? labels[key] !== value : labels[key] === value;
  });
}

/** A patch's `target`: every field given must match; names, namespaces and kinds are regular expressions. */
export function targetMatcher(target: LocatedMap, problems: Problems): (resource: Resource) => boolean {
  const group = getString(target, "group");
  const version = getString(target, "version");
  const kind = anchored(getString(target, "kind"), target, problems);
  const name = anchored(getString(target, "name"), target, problems);
  const namespace = anchored(getString(target, "namespace"), target, problems);
  const labelSelector = getString(target, "labelSelector");
  const annotationSelector = getString(target, "annotationSelector");
  return ({ node, ids }) => {
    const apiVersion = apiVersionOf(node);
    if (group !== undefined && group !== groupOf(apiVersion)) return false;
    if (version !== undefined && version !== versionOf(apiVersion)) return false;
    if (!kind(kindOf(node))) return false;
    if (!ids.some((id) => name(id.name) && namespace(id.namespace))) return false;
    if (
      labelSelector !== undefined &&
      !matchesSelector(labelSelector, getStrings(node, "metadata", "labels"))
    )
      return false;
    return (
      annotationSelector === undefined ||
      matchesSelector(annotationSelector, getStrings(node, "metadata", "annotations"))
    );
  };
}

/** A patch without `target` is for the object that it names. */
export function patchMatcher(patch: LocatedMap): (resource: Resource) => boolean {
  const name = getString(patch, "metadata", "name");
  const namespace = getString(patch, "metadata", "namespace") ?? "";
  return ({ node, ids }) =>
    apiVersionOf(node) === apiVersionOf(patch) &&
    kindOf(node) === kindOf(patch) &&
    ids.some((id) => id.name === name && sameNamespace(id.namespace, namespace));
}
