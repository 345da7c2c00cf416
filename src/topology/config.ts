/** `limpet.yaml`: what manifests cannot say. Unknown fields are mistakes, told with their place. */
import type { Files } from "./files.ts";
import { getIn, sourceAt, toJson, type LocatedMap, type Path } from "./located.ts";
import type { Problems } from "./problems.ts";
import { shownPath } from "./schema.ts";
import { nearest } from "./suggest.ts";
import { type LimpetConfig, SIMULATED_TIMES, type SimulatedTime, type Source } from "./types.ts";
import { PRODUCTS, readVersion, type TopologyVersions } from "./versions.ts";

export const NO_CONFIG: LimpetConfig = {
  file: null,
  entry: null,
  tiers: {},
  programs: {},
  request: null,
  activeTenants: null,
  tenantIdleSeconds: null,
  gaugeIntervalSeconds: null,
  workMs: null,
  simulatedMs: {},
  versions: {},
};

/** The configuration together with where its parts were written. */
export type LocatedConfig = { readonly config: LimpetConfig; at(...path: Path): Source };

export const noConfig: LocatedConfig = {
  config: NO_CONFIG,
  at: () => ({ file: "limpet.yaml", line: 1, column: 1 }),
};

const MAX_SIMULATED_MS = 600_000;

/** zod takes long to load, so it is only where there is a file to check. */
async function configSchema() {
  const { z } = await import("zod");
  const name = z.string().min(1);
  const argv = z.array(z.string()).min(1);
  const env = z.record(z.string(), z.string());
  const program = z.strictObject({
    command: argv,
    honoursSpeed: z.boolean().default(false),
    env: env.default({}),
  });
  const tier = z.strictObject({ workload: name, services: z.array(name).default([]) });
  const request = z.strictObject({
    method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
    path: z.string().startsWith("/").default("/request"),
    tenantHeader: name.default("X-Tenant-ID"),
    tierHeader: name.nullable().default(null),
    podField: name.default("pod"),
  });
  const release = z.union([z.string(), z.number()]);
  const activeTenants = z.strictObject({
    metric: z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "must be a metric's name"),
    labels: z.record(z.string(), z.string()).default({}),
  });
  const ms = z.number().min(0).max(MAX_SIMULATED_MS);
  const points = z
    .array(z.tuple([z.number().min(0).max(1), ms]))
    .refine(
      (given) =>
        given.length >= 2 &&
        given[0]![0] === 0 &&
        given.at(-1)![0] === 1 &&
        given.every(([share, at], i) => i === 0 || (share > given[i - 1]![0] && at >= given[i - 1]![1])),
      "must be points [share, milliseconds] that rise from share 0 to share 1",
    );
  const time = z
    .union(
      [ms, points],
      `must be a number of milliseconds, at most ${MAX_SIMULATED_MS}, or a list of points [share, milliseconds] that rise from share 0 to share 1`,
    )
    .optional();
  const simulatedMs = z.strictObject(
    Object.fromEntries(SIMULATED_TIMES.map((name) => [name, time])) as Record<SimulatedTime, typeof time>,
  );
  return z.strictObject({
    entry: name.nullable().default(null),
    tiers: z.record(z.string(), tier).default({}),
    programs: z.record(z.string(), program).default({}),
    request: request.nullable().default(null),
    activeTenants: activeTenants.nullable().default(null),
    tenantIdleSeconds: z.number().positive().max(86_400).nullable().default(null),
    gaugeIntervalSeconds: z.number().min(0).max(3_600).nullable().default(null),
    workMs: z.number().min(0).max(600_000).nullable().default(null),
    simulatedMs: simulatedMs.default({}),
    versions: z
      .strictObject(Object.fromEntries(PRODUCTS.map((product) => [product, release.optional()])))
      .default({}),
  });
}

/** Fields of each map that has fixed ones, for "did you mean". `*` stands for a name of the user's. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "": [
    "entry",
    "tiers",
    "programs",
    "request",
    "activeTenants",
    "tenantIdleSeconds",
    "gaugeIntervalSeconds",
    "workMs",
    "simulatedMs",
    "versions",
  ],
  simulatedMs: SIMULATED_TIMES,
  "tiers.*": ["workload", "services"],
  "programs.*": ["command", "honoursSpeed", "env"],
  request: ["method", "path", "tenantHeader", "tierHeader", "podField"],
  activeTenants: ["metric", "labels"],
  versions: PRODUCTS,
};

/** Reads and checks the file; what is wrong goes to `problems`. */
export async function readConfig(path: string, files: Files, problems: Problems): Promise<LocatedConfig> {
  const file = files.shownName(path);
  if (files.kind(path) !== "file") {
    problems.add(null, `${path}: no such file; name a limpet.yaml that is there`);
    return noConfig;
  }
  const documents = files.documents(path, null);
  const [node] = documents;
  const start = { file, line: 1, column: 1 };
  if (node === undefined) return { config: { ...NO_CONFIG, file: path }, at: () => start };
  if (documents.length > 1 || node.type !== "map") {
    problems.add(start, "limpet.yaml is one YAML map");
    return noConfig;
  }
  const schema = await configSchema();
  const parsed = schema.safeParse(toJson(node));
  if (parsed.success)
    return {
      config: { ...parsed.data, file: path, versions: versionsOf(node, problems) },
      at: (...steps) => sourceAt(node, steps),
    };
  const issues = parsed.error.issues.map((issue) => {
    const path: Path = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step));
    return { issue, path, line: sourceAt(node, path).line };
  });
  for (const { issue, path: where } of issues.sort((a, b) => a.line - b.line)) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) reportUnknown(node, where, key, problems);
      continue;
    }
    const found = getIn(node, where);
    const wanted = issue.code === "invalid_type" ? `must be ${issue.expected}` : issue.message;
    const what =
      found === undefined ? "is not given; add it" : `${wanted}, found ${JSON.stringify(toJson(found))}`;
    problems.add(sourceAt(node, where), `${shownPath(where)}: ${what}`);
  }
  return noConfig;
}

/** As they were written: to YAML 2.20 is the number 2.2. */
function versionsOf(node: LocatedMap, problems: Problems): TopologyVersions {
  let versions: TopologyVersions = {};
  for (const product of PRODUCTS) {
    const found = getIn(node, ["versions", product]);
    if (found?.type !== "scalar" || found.value === null) continue;
    const read = readVersion(product, found.written ?? String(found.value));
    if ("problem" in read) problems.add(found.source, `versions.${product}: ${read.problem}`);
    else versions = { ...versions, ...read.versions };
  }
  return versions;
}

function reportUnknown(node: LocatedMap, path: Path, key: string, problems: Problems): void {
  const place = path.map((step, i) => (i === 1 && path[0] !== "request" ? "*" : String(step))).join(".");
  const known = FIELDS[place] ?? [];
  const meant = nearest(key, known);
  const where = sourceAt(node, [...path, key]);
  problems.add(
    where,
    `unknown field ${JSON.stringify(key)}${meant === null ? "" : `; did you mean ${JSON.stringify(meant)}?`} ` +
      `Fields of ${place === "" ? "limpet.yaml" : shownPath(path)}: ${known.join(", ")}`,
  );
}
