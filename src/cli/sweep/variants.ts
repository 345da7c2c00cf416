/** `--set path=v1,v2`: what is varied, and every combination of it. */
import { InputError } from "../../errors.ts";
import { unknownFields } from "../../lint/unknown-fields.ts";
import type { VariantSettings } from "../../report/sweep/rows.ts";
import { STRATEGIES, type Override } from "../../routing/compared/strategies.ts";
import { type LoadedScenarios, loadScenarios } from "../../scenarios/load.ts";
import { loadTopology, type LoadOptions } from "../../topology/load.ts";
import { modelOf } from "../../topology/schema.ts";
import { fieldOf, parsePath } from "../../topology/settings/path.ts";
import { nearest } from "../../topology/suggest.ts";
import type { Topology } from "../../topology/types.ts";

const STRATEGY = "strategy";
const MAX_ROWS = 1_000;

/** One combination of values, as plain values so that a thread can be told. */
export type Variant = {
  readonly settings: VariantSettings;
  readonly load: LoadOptions;
  readonly override: Override | null;
};

/** `a=1,2`: the path before the first `=`, the values between commas that stand in no bracket or quotes. */
export function parseSet(text: string): { readonly path: string; readonly values: readonly string[] } | null {
  const equals = text.indexOf("=");
  if (equals < 1) return null;
  const values = [""];
  let depth = 0;
  let isQuoted = false;
  for (const character of text.slice(equals + 1)) {
    if (character === '"') isQuoted = !isQuoted;
    if (!isQuoted && "{[".includes(character)) depth++;
    if (!isQuoted && "}]".includes(character)) depth--;
    if (character === "," && depth === 0 && !isQuoted) values.push("");
    else values[values.length - 1] += character;
  }
  const trimmed = values.map((value) => value.trim());
  return trimmed.includes("") ? null : { path: text.slice(0, equals).trim(), values: trimmed };
}

/** Every combination, the last `--set` changing fastest. */
export function variantsOf(sets: readonly string[], base: LoadOptions): readonly Variant[] {
  const problems: string[] = [];
  const parsed = sets.flatMap((text) => {
    const set = parseSet(text);
    if (set === null) {
      problems.push(`--set ${text}: path=value or path=value,value,… is wanted`);
      return [];
    }
    return [set];
  });
  for (const [index, { path, values }] of parsed.entries()) {
    if (parsed.findIndex((other) => other.path === path) < index)
      problems.push(`--set ${path}: given twice; write its values in one: ${path}=v1,v2`);
    const repeated = values.find((value, at) => values.indexOf(value) < at);
    if (repeated !== undefined) problems.push(`--set ${path}: ${repeated} stands twice among its values`);
    if (path === STRATEGY) problems.push(...strategyProblems(values));
  }
  const ring = parsed.filter(({ path }) => ["algorithm", "minimumRingSize", "tableSize"].includes(path));
  if (ring.length > 1)
    problems.push(
      `--set ${ring.map(({ path }) => path).join(" and ")}: each of them says which algorithm it is; set one`,
    );
  const rows = parsed.reduce((product, { values }) => product * values.length, 1);
  if (rows > MAX_ROWS) problems.push(`--set: ${rows} combinations; at most ${MAX_ROWS} are run`);
  if (problems.length > 0) throw new InputError(problems);
  const combinations = parsed.reduce<readonly VariantSettings[]>(
    (all, { path, values }) =>
      all.flatMap((settings) => values.map((value) => [...settings, [path, value] as const])),
    [[]],
  );
  return combinations.map((settings) => variantOf(settings, base));
}

export function variantOf(settings: VariantSettings, base: LoadOptions): Variant {
  const strategy = settings.find(([name]) => name === STRATEGY)?.[1];
  return {
    settings,
    load: {
      ...base,
      settings: settings.filter(([name]) => name !== STRATEGY).map(([path, value]) => ({ path, value })),
    },
    override: strategy === undefined ? null : (STRATEGIES[strategy] ?? null),
  };
}

function strategyProblems(values: readonly string[]): string[] {
  const known = Object.keys(STRATEGIES);
  return values
    .filter((value) => !Object.hasOwn(STRATEGIES, value))
    .map((value) => {
      const meant = nearest(value, known);
      const hint = meant === null ? "" : `; did you mean ${meant}?`;
      return `--set strategy=${value}: no such strategy${hint} There are: ${known.join(", ")}`;
    });
}

export type LoadedVariant = { readonly topology: Topology; readonly scenarios: LoadedScenarios };

/** @throws {InputError} with all that is wrong with its topology, its settings or the scenarios. */
export async function loadVariant(variant: Variant, names: readonly string[]): Promise<LoadedVariant> {
  const topology = await loadTopology(variant.load);
  const problems = [...(await unknownSettings(variant, topology)), ...overrideProblems(variant, topology)];
  if (problems.length > 0) throw new InputError(problems);
  return { topology, scenarios: await loadScenarios(names, topology) };
}

/** A strategy takes the place of a hashing balancer; where nothing hashes there is no such place. */
function overrideProblems({ override }: Variant, topology: Topology): string[] {
  const hashes = topology.routes.some(({ destinations }) =>
    destinations.some(({ cluster }) => ["RING_HASH", "MAGLEV"].includes(cluster.lbPolicy)),
  );
  return override === null || hashes
    ? []
    : [
        "--set strategy: no route of this topology hashes, so there is nothing to put a strategy in the place of",
      ];
}

/** Fields that limpet would hand on unread and that the kind's own schema does not know. */
async function unknownSettings({ load }: Variant, topology: Topology): Promise<string[]> {
  const problems: string[] = [];
  for (const { path, value } of load.settings ?? []) {
    const [, kind, written] = /^([A-Za-z]+)(?:\/[^:]+)?:(.+)$/.exec(path) ?? [];
    if (kind === undefined || written === undefined) continue;
    const field = fieldOf(parsePath(written) ?? []);
    for (const { apiVersion, body } of topology.manifests.filter((manifest) => manifest.kind === kind)) {
      const model = await modelOf(`${apiVersion}/${kind}`);
      if (model === null) continue;
      const unknown = unknownFields(body, model).find((found) => {
        const keys = found.path.filter((step) => typeof step === "string").join(".");
        return field === keys || field.startsWith(`${keys}.`);
      });
      if (unknown === undefined) continue;
      const word = String(unknown.path.at(-1));
      const meant = nearest(word, unknown.known);
      problems.push(
        `--set ${path}=${value}: a ${kind} has no field ${word} there${meant === null ? "." : `; did you mean ${meant}?`} ` +
          `It has: ${[...unknown.known].sort().join(", ")}`,
      );
      break;
    }
  }
  return problems;
}
