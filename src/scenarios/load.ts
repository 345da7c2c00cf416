/** Finds scenario files by name or path, reads them, and works them out for a topology. All problems at once. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LineCounter, parseDocument } from "yaml";
import { InputError } from "../errors.ts";
import type { Topology } from "../topology/types.ts";
import { compile, type Compiled } from "./compile.ts";
import { nearest } from "../topology/suggest.ts";
import type { Plan } from "./plan.ts";

/** In the order of the original document's results table. */
export const BUNDLED = [
  "scale-from-zero",
  "tenant-affinity",
  "scale-to-zero",
  "multi-tenant-scaling",
  "consistent-hashing",
  "tiers-scale-independently",
] as const;

/** Run only when asked for. */
export const MORE = ["burst", "kill-a-pod", "kill-a-sidecar", "kill-a-gateway", "come-and-go"] as const;

const MAX_FILE_BYTES = 1024 * 1024;

/** The package's own `scenarios/`, from the sources and from dist alike. */
const FOLDER = fileURLToPath(new URL("../../scenarios/", import.meta.url));

export type LoadedScenarios = {
  readonly plans: readonly Plan[];
  readonly notApplicable: readonly { readonly scenario: string; readonly reason: string }[];
};

const withDashes = (name: string): string => name.trim().toLowerCase().replaceAll(/\s+/g, "-");

type ScenarioPath = { readonly path: string; /** As messages name it. */ readonly shown: string };

function bundledFile(name: string): ScenarioPath | null {
  const stem = withDashes(name);
  const below = (BUNDLED as readonly string[]).includes(stem)
    ? `${stem}.yaml`
    : (MORE as readonly string[]).includes(stem)
      ? `more/${stem}.yaml`
      : null;
  return below === null ? null : { path: join(FOLDER, below), shown: `scenarios/${below}` };
}

function fileOf(name: string, problems: string[]): ScenarioPath | null {
  const bundled = bundledFile(name);
  if (bundled !== null) return bundled;
  if (!existsSync(name)) {
    const known = [...BUNDLED, ...MORE];
    const meant = nearest(withDashes(basename(name).replace(/\.ya?ml$/, "")), known);
    const hint = meant === null ? "" : `; did you mean "${meant}"?`;
    problems.push(`${name}: no such scenario${hint}\n  Name a file, or one of: ${known.join(", ")}`);
    return null;
  }
  const { size } = statSync(name);
  if (statSync(name).isFile() && size <= MAX_FILE_BYTES) return { path: name, shown: name };
  problems.push(`${name}: a scenario is a YAML file of at most ${MAX_FILE_BYTES / 1024} KiB`);
  return null;
}

async function read(
  { path, shown }: ScenarioPath,
  topology: Topology,
  problems: string[],
): Promise<Compiled | null> {
  const { safeParse, scenarioJsonSchema } = await import("./schema.ts");
  const { issueMessages, Places } = await import("./problems.ts");
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, "utf8"), { lineCounter: lines });
  const places = new Places(shown, document, lines);
  if (document.errors.length > 0) {
    for (const error of document.errors) {
      problems.push(`${places.offset(error.pos[0])}  ${error.message.split(" at line ")[0]!.split("\n")[0]}`);
    }
    return null;
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  const parsed = safeParse(value);
  if (!parsed.success) {
    problems.push(...issueMessages(parsed.error.issues, value, scenarioJsonSchema(), places));
    return null;
  }
  return compile(parsed.data, shown, topology, (at, message) =>
    problems.push(`${places.at(at)}  ${message}`),
  );
}

/**
 * The scenarios named (a bundled one by its name, any by its path), or the six bundled ones where none is, worked out
 * for `topology`. Those whose needs the topology cannot meet are listed with the reason.
 *
 * @throws {InputError} with everything that is wrong with any of them.
 */
export async function loadScenarios(names: readonly string[], topology: Topology): Promise<LoadedScenarios> {
  const problems: string[] = [];
  const files = (names.length === 0 ? BUNDLED : names).map((name) => fileOf(name, problems));
  const plans: Plan[] = [];
  const notApplicable: { scenario: string; reason: string }[] = [];
  for (const [index, file] of files.entries()) {
    if (file === null || files.findIndex((other) => other?.path === file.path) < index) continue;
    const compiled = await read(file, topology, problems);
    if (compiled?.kind === "plan") plans.push(compiled.plan);
    if (compiled?.kind === "notApplicable") {
      notApplicable.push({ scenario: compiled.scenario, reason: compiled.reason });
    }
  }
  const seen = new Set<string>();
  for (const { name, file } of plans) {
    if (seen.has(name)) problems.push(`${file}: another scenario of this run is named "${name}" too`);
    seen.add(name);
  }
  if (problems.length > 0) throw new InputError([...new Set(problems)]);
  return { plans, notApplicable };
}
