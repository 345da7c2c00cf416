/**
 * The manifests that the linter looks at. Unlike `loadTopology` it does not ask who is who: any user's manifests will
 * do, and what they do not hold is not a mistake. The leaves are the loader's own, so both read the same values.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { noConfig, readConfig, type LocatedConfig } from "../topology/config.ts";
import { Files } from "../topology/files.ts";
import { refuseDuplicates } from "../topology/kustomize/build.ts";
import { nameOf, namespaceOf } from "../topology/kustomize/resource.ts";
import { missingFindings, readObjects, readPath, readStream } from "../topology/load.ts";
import { sourceAt, toJsonObject, type LocatedMap } from "../topology/located.ts";
import { parseEmbeddedYaml } from "../topology/parse-yaml.ts";
import { newBudget, Problems } from "../topology/problems.ts";
import { modelOf, validateAll } from "../topology/schema.ts";
import { mountedConfigMaps, readScrape, type Scrape } from "../topology/scrape.ts";
import type {
  Finding,
  JsonObject,
  LimpetConfig,
  Manifest,
  ScaledObject,
  Service,
  Source,
  Workload,
} from "../topology/types.ts";
import { unknownFields, type UnknownField } from "./unknown-fields.ts";
import { ignoreComments, type IgnoreComment } from "./ignore-comments.ts";

/** A Prometheus configuration inside a ConfigMap, with the lines of the file that holds it. */
export type PrometheusConfig = {
  /** `ConfigMap namespace/name`. */
  readonly object: string;
  readonly body: JsonObject;
  at(...path: readonly (string | number)[]): Source;
};

/** What the user wants reached, for the rules that add times up. */
export type Goals = {
  /** From the first request at zero pods to its answer. */
  readonly firstResponseSeconds?: number;
  /** From the last answer to zero pods. */
  readonly toZeroSeconds?: number;
};

export type LintInput = {
  readonly paths: readonly string[];
  readonly files: readonly string[];
  readonly manifests: readonly Manifest[];
  readonly services: readonly Service[];
  readonly workloads: readonly Workload[];
  readonly scaledObjects: readonly ScaledObject[];
  readonly scrape: Scrape;
  readonly prometheus: PrometheusConfig | null;
  readonly config: LimpetConfig;
  readonly goals: Goals;
  /** Files that a kustomization lists and that are not there. */
  readonly missingFiles: readonly Finding[];
  /** What else the loader found: patches and transformers that meet nothing. */
  readonly loaderFindings: readonly Finding[];
  /** Fields that the schemas do not know, by manifest. */
  readonly unknownFields: ReadonlyMap<Manifest, readonly UnknownField[]>;
  readonly ignoreComments: readonly IgnoreComment[];
};

export type LintInputOptions = {
  /** Folders, kustomizations, files, or `-` alone for {@link LintInputOptions.stdin}; all together are one input. */
  readonly paths: readonly string[];
  readonly stdin?: string;
  /** A `limpet.yaml`; without it the one beside the first path that has one. */
  readonly config?: string;
  readonly goals?: Goals;
  /** Texts that take the place of files on the disk, by full path. */
  readonly instead?: ReadonlyMap<string, string>;
  /** What file names in findings are relative to. Default: the working directory. */
  readonly root?: string;
};

/** @throws {InputError} with one line for each thing that cannot be read: where, what was wanted and found. */
export async function loadLintInput(options: LintInputOptions): Promise<LintInput> {
  const root = resolve(options.root ?? ".");
  const problems = new Problems("");
  const files = new Files(root, problems, newBudget(), options.instead);
  const { paths } = options;
  const built = paths.map((path) =>
    path === "-" ? readStream(options.stdin ?? "", files) : readPath(resolve(root, path), files, path),
  );
  // A file that is named by itself and with its folder is read once.
  const resources = [
    ...new Map(built.flatMap((one) => one.resources).map((one) => [one.node, one])).values(),
  ];
  if (built.length > 1) refuseDuplicates(resources, files);
  problems.throwIfAny();
  const nodes = resources.map(({ node }) => node);
  const missing = built.flatMap((one) => one.missing);
  if (nodes.length === 0 && missing.length === 0)
    problems.fail(
      null,
      `${paths.join(", ")}: no Kubernetes objects in it; name a folder or file with manifests`,
    );
  await validateAll(nodes, problems);
  const located = await findConfig(options, root, files);
  problems.throwIfAny();
  const scrape = readScrape(nodes, problems, files.budget);
  const prometheus = prometheusConfig(nodes, files);
  problems.throwIfAny();
  const onStdin = paths.includes("-");
  const objects = readObjects(resources);
  return {
    paths,
    files: onStdin ? ["stdin"] : files.names,
    ...objects,
    unknownFields: await fieldsUnknown(objects.manifests),
    scrape,
    prometheus,
    config: located.config,
    goals: options.goals ?? {},
    missingFiles: built.flatMap((one) => missingFindings(one, scrape)),
    loaderFindings: built.flatMap((one) => one.findings),
    ignoreComments: onStdin
      ? ignoreComments("stdin", options.stdin ?? "")
      : files.names.flatMap((name) => {
          const path = join(root, name);
          return ignoreComments(name, options.instead?.get(path) ?? readFileSync(path, "utf8"));
        }),
  };
}

async function fieldsUnknown(
  manifests: readonly Manifest[],
): Promise<ReadonlyMap<Manifest, readonly UnknownField[]>> {
  const found = new Map<Manifest, readonly UnknownField[]>();
  for (const manifest of manifests) {
    const model = await modelOf(`${manifest.apiVersion}/${manifest.kind}`);
    const fields = model === null ? [] : unknownFields(manifest.body, model);
    if (fields.length > 0) found.set(manifest, fields);
  }
  return found;
}

async function findConfig(options: LintInputOptions, root: string, files: Files): Promise<LocatedConfig> {
  if (options.config !== undefined) return readConfig(resolve(root, options.config), files, files.problems);
  for (const path of options.paths.filter((one) => one !== "-")) {
    const full = resolve(root, path);
    const folder = files.kind(full) === "folder" ? full : dirname(full);
    for (const name of ["limpet.yaml", "limpet.yml"]) {
      const beside = join(folder, name);
      if (files.kind(beside) === "file") return readConfig(beside, files, files.problems);
    }
  }
  return noConfig;
}

function prometheusConfig(nodes: readonly LocatedMap[], files: Files): PrometheusConfig | null {
  for (const configMap of mountedConfigMaps(nodes)) {
    const data = configMap.entries.get("data");
    if (data?.type !== "map") continue;
    for (const [key, text] of data.entries) {
      if (text.type !== "scalar" || !/\.ya?ml$/.test(key)) continue;
      const [document] = parseEmbeddedYaml(text, files.problems, files.budget);
      if (document?.type !== "map" || !document.entries.has("scrape_configs")) continue;
      return {
        object: `ConfigMap ${namespaceOf(configMap) || "default"}/${nameOf(configMap)}`,
        body: toJsonObject(document),
        at: (...path) => sourceAt(document, path),
      };
    }
  }
  return null;
}
