/** The test topology with one tier, and what a fault makes of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, parseAllDocuments } from "yaml";
import type { Show, ShownChange } from "../../lint/shows/show.ts";

const FILES = [
  "namespace",
  "prometheus",
  "test-gateway",
  "test-api-small",
  "test-api-medium",
  "test-api-large",
  "istio-routing",
  "keda-scaler",
  "network-policy",
] as const;

const documentsOf = (text: string): Document[] =>
  [...parseAllDocuments(text)].filter((document): document is Document.Parsed => document.contents !== null);

const nameOf = (document: Document): string =>
  `${String(document.get("kind"))} ${String(document.getIn(["metadata", "name"]))}`;

/** Right: the tier `small` of the test topology, with its gateway and its Prometheus. */
export function rightObjects(packageRoot: string, { tiers, given = [] }: Show): string {
  const folder = join(packageRoot, "k8s", "test-topology");
  const all = FILES.flatMap((file) => documentsOf(readFileSync(join(folder, `${file}.yaml`), "utf8")));
  const documents = tiers === "all" ? all : onlySmall(all);
  change(documents, given);
  return textOf(documents);
}

function onlySmall(all: readonly Document[]): readonly Document[] {
  const documents = all.filter((document) => !/-(medium|large)\b/.test(nameOf(document)));
  const gateway = found(documents, "Deployment test-gateway");
  const env = ["spec", "template", "spec", "containers", 0, "env"];
  const variables = (
    gateway.toJS() as { spec: { template: { spec: { containers: { env: { name: string }[] }[] } } } }
  ).spec.template.spec.containers[0]!.env;
  const backends = [...env, variables.findIndex(({ name }) => name === "BACKENDS"), "value"];
  const { small } = JSON.parse(String(gateway.getIn(backends))) as Record<string, unknown>;
  gateway.setIn(backends, JSON.stringify({ small }));
  return documents;
}

/** Wrong: the same with the rule's fault in it. */
export function wrongObjects(right: string, { changes, objects = "" }: Show): string {
  const documents = documentsOf(right);
  change(documents, changes);
  return textOf([...documentsOf(objects), ...documents]);
}

function change(documents: readonly Document[], changes: readonly ShownChange[]): void {
  for (const { object, at, value } of changes) {
    const document = found(documents, object);
    if (value === undefined) document.deleteIn(at);
    else if (at.at(-1) === "-") document.addIn(at.slice(0, -1), document.createNode(value));
    else document.setIn(at, document.createNode(value));
  }
}

const textOf = (documents: readonly Document[]): string => documents.map(String).join("---\n");

function found(documents: readonly Document[], name: string): Document {
  const document = documents.find((one) => nameOf(one) === name);
  if (document === undefined) throw new Error(`no ${name} in the test topology`);
  return document;
}
