/**
 * The manifests that a user names → a {@link Topology}. Everything wrong is told at once; what is listed and missing is
 * a finding and the rest is loaded.
 */
import { basename, dirname, join, resolve } from "node:path";
import { resolveRoutes } from "../routing/resolve-route.ts";
import { notActedOn } from "./acted-on.ts";
import { noConfig, readConfig, type LocatedConfig } from "./config.ts";
import { Files, KUSTOMIZATION_NAMES } from "./files.ts";
import { buildKustomization, objectsOf, refuseDuplicates, type Built } from "./kustomize/build.ts";
import { ignoredFindings } from "./ignored.ts";
import { kindOf, namespaceOf, type Resource } from "./kustomize/resource.ts";
import { listAt, objectAt, textAt } from "./json.ts";
import { toManifest } from "./manifest.ts";
import { parseYaml } from "./parse-yaml.ts";
import { newBudget, Problems } from "./problems.ts";
import { isKind, readScaledObject, readService } from "./read-objects.ts";
import { readWorkload } from "./read-workload.ts";
import { DEFAULT_SCRAPE, isPrometheusImage, readScrape, type Scrape } from "./scrape.ts";
import { refuseTableSizes } from "./table-size.ts";
import { validateAll } from "./schema.ts";
import { withServingPortsFirst } from "./serving-ports.ts";
import { applyToConfig, applyToObjects, applyToScrape, type Setting } from "./settings/settings.ts";
import type { Finding, Manifest, Topology } from "./types.ts";
import { retryRules } from "./versions.ts";
import { whoIsWho } from "./who-is-who.ts";

export type LoadOptions = {
  /** A folder with a kustomization, a folder of YAML, one file, or `-` for {@link LoadOptions.stdin}. */
  readonly path: string;
  /** The rendered manifests, where `path` is `-`. */
  readonly stdin?: string;
  /** A `limpet.yaml`; without it the one beside the manifests is taken, if there is one. */
  readonly config?: string;
  /** Values in the place of those that the manifests have, in this order. */
  readonly settings?: readonly Setting[];
};

/**
 * Files and lines in the result are relative to the topology's folder; in error messages they begin with `path`.
 *
 * @throws {InputError} with one line for each thing wrong: where, what was wanted and found, what to do.
 */
export async function loadTopology(options: LoadOptions): Promise<Topology> {
  const { path } = options;
  const onStdin = path === "-";
  const folder = onStdin ? resolve(".") : folderNamed(path);
  const problems = new Problems(onStdin ? "" : prefixOf(path, folder));
  const files = new Files(folder, problems, newBudget());
  const read = onStdin ? readStream(options.stdin ?? "", files) : readPath(path, files);
  problems.throwIfAny();
  const { settings = [] } = options;
  const built = { ...read, resources: applyToObjects(settings, read.resources, problems) };
  const nodes = built.resources.map(({ node }) => node);
  if (nodes.length === 0)
    problems.fail(null, `${path}: no Kubernetes objects in it; name a folder or file with manifests`);
  await validateAll(nodes, problems);
  const located = await findConfig(options, files, problems);
  problems.throwIfAny();
  const scrape = applyToScrape(settings, readScrape(nodes, problems, files.budget), problems);
  const config = applyToConfig(settings, located.config, problems);
  const objects = withServingPortsFirst(readObjects(built.resources));
  refuseTableSizes(objects.manifests, problems);
  const who = whoIsWho(objects, { ...located, config }, problems);
  problems.throwIfAny();
  const { entry } = who;
  const { versions } = located.config;
  const istio = (kind: string) =>
    objects.manifests
      .filter((manifest) => isKind(manifest, "networking.istio.io", kind))
      .map(({ name, namespace, body }) => ({ name, namespace, spec: objectAt(body, "spec") }));
  return {
    path,
    namespace: entry.workload.namespace,
    files: onStdin ? ["stdin"] : files.names,
    ...objects,
    tiers: who.tiers,
    entry,
    scrape,
    routes: resolveRoutes({
      services: objects.services,
      virtualServices: istio("VirtualService"),
      destinationRules: istio("DestinationRule"),
      callerNamespace: entry.workload.namespace,
      callerLabels: entry.workload.podLabels,
      retries: retryRules(versions.istio),
    }),
    config,
    findings: [
      ...missingFindings(built, scrape),
      ...built.findings,
      ...who.findings,
      ...ignoredFindings(objects.manifests, versions),
    ],
    notActedOn: notActedOn(objects.manifests, replacedByOurs(objects.manifests)),
  };
}

/** A file's folder, a folder itself: what relative names start from. */
function folderNamed(path: string): string {
  const files = new Files(".", new Problems(""), newBudget());
  return files.kind(path) === "folder" ? resolve(path) : dirname(resolve(path));
}

function prefixOf(path: string, folder: string): string {
  const named = resolve(path) === folder ? path : dirname(path);
  return named === "." || named === "" ? "" : `${named.replace(/\/+$/, "")}/`;
}

export function readStream(text: string, files: Files): Built {
  const documents = parseYaml(text, "stdin", files.problems, files.budget);
  if (text.trim() === "")
    files.problems.add(
      null,
      "nothing came on standard input; pipe the rendered manifests: kubectl kustomize . | limpet … -",
    );
  return plain(
    documents.flatMap((document) => objectsOf(document, files)),
    files,
  );
}

function plain(resources: readonly Resource[], files: Files): Built {
  refuseDuplicates(resources, files);
  return { resources, missing: [], findings: [] };
}

/** `named`: the path as the user wrote it. */
export function readPath(path: string, files: Files, named = path): Built {
  const full = resolve(path);
  const kind = files.kind(full);
  if (kind === "other")
    files.problems.fail(null, `${named}: neither a file nor a folder; pipe it in and name - in its place`);
  if (kind === "absent")
    files.problems.fail(
      null,
      `${named}: no such file or folder; name a folder with a kustomization.yaml, a file, or -`,
    );
  if (kind === "file") {
    if ((KUSTOMIZATION_NAMES as readonly string[]).includes(basename(full)))
      return buildKustomization(full, files);
    return plain(
      files.documents(full, null).flatMap((document) => objectsOf(document, files)),
      files,
    );
  }
  const kustomization = files.kustomizationOf(full);
  if (kustomization !== null) return buildKustomization(kustomization, files);
  if (files.kind(join(full, "Chart.yaml")) === "file")
    files.problems.fail(
      null,
      `${named}: a Helm chart; render it and pipe it: helm template ${named} | limpet … -`,
    );
  const manifests = files.manifestFiles(full);
  if (manifests.length === 0) {
    const below = files.topologiesBelow(full);
    const hint = below.length === 0 ? "" : ` Below it: ${below.map((name) => join(named, name)).join(", ")}`;
    files.problems.fail(null, `${named}: no kustomization.yaml and no YAML files in it.${hint}`);
  }
  const resources = manifests.flatMap((file) =>
    files.documents(file, null).flatMap((document) => objectsOf(document, files)),
  );
  return plain(resources, files);
}

async function findConfig(options: LoadOptions, files: Files, problems: Problems): Promise<LocatedConfig> {
  if (options.config !== undefined) return readConfig(resolve(options.config), files, problems);
  if (options.path === "-") return noConfig;
  for (const name of ["limpet.yaml", "limpet.yml"]) {
    const beside = join(files.root, name);
    if (files.kind(beside) === "file") return readConfig(beside, files, problems);
  }
  return noConfig;
}

/** Namespaces of the cluster's own parts: what stands beside their objects without a namespace is not in them. */
const OTHERS = new Set(["istio-system", "istio-ingress", "kube-system", "kube-public", "keda"]);

export function readObjects(resources: readonly Resource[]) {
  // What is in no namespace is in the one that the manifests make, as after `kubectl apply -n`.
  const made = resources.find(({ node }) => kindOf(node) === "Namespace");
  const used = resources.map(({ node }) => namespaceOf(node)).find((one) => one !== "" && !OTHERS.has(one));
  const namespace = used ?? made?.ids.at(-1)?.name ?? "default";
  const manifests = resources.map(({ node }) => toManifest(node, namespace));
  const services = manifests.filter((manifest) => isKind(manifest, "", "Service")).map(readService);
  const workloads = manifests
    .filter((manifest) => isKind(manifest, "apps", "Deployment") || isKind(manifest, "apps", "StatefulSet"))
    .map((manifest) => readWorkload(manifest, manifests, services));
  const scaledObjects = manifests
    .filter((manifest) => isKind(manifest, "keda.sh", "ScaledObject"))
    .map(readScaledObject);
  return { manifests, services, workloads, scaledObjects };
}

export function missingFindings(built: Built, scrape: Scrape): Finding[] {
  return built.missing.map(({ resource, source }) => {
    const standsIn = /prometheus/i.test(resource) && scrape.source === DEFAULT_SCRAPE.source;
    const consequence = standsIn
      ? `built-in Prometheus used, scrape ${scrape.scrapeIntervalSeconds} s`
      : "left out";
    return {
      ...source,
      message: `${resource} not found; ${consequence}`,
      remedy: `add ${resource}, or take it out of resources; kubectl kustomize stops here`,
    };
  });
}

/** The Prometheus of the manifests: its place is taken, so its fields are not counted. */
function replacedByOurs(manifests: readonly Manifest[]): ReadonlySet<Manifest> {
  return new Set(
    manifests.filter(({ body }) =>
      listAt(body, "spec", "template", "spec", "containers").some((container) =>
        isPrometheusImage(textAt(container, "image") ?? ""),
      ),
    ),
  );
}
