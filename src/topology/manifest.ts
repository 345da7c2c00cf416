/** A located tree → the {@link Manifest} that other rooms see. */
import { getString, getStrings, sourceAt, toJsonObject, type LocatedMap } from "./located.ts";
import { nameOf } from "./kustomize/resource.ts";
import type { Manifest } from "./types.ts";

export function toManifest(node: LocatedMap, defaultNamespace: string): Manifest {
  return {
    apiVersion: getString(node, "apiVersion") ?? "",
    kind: getString(node, "kind") ?? "",
    name: nameOf(node),
    namespace: getString(node, "metadata", "namespace") ?? defaultNamespace,
    labels: getStrings(node, "metadata", "labels"),
    annotations: getStrings(node, "metadata", "annotations"),
    body: toJsonObject(node),
    at: (...path) => sourceAt(node, path),
  };
}
