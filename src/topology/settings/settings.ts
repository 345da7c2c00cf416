/**
 * Values put into a topology in the place of those that its manifests have, before anything is made of them: so that
 * whatever the schema, the linter or an engine would say of such manifests, they say of this topology.
 */
import { parse } from "yaml";
import { actsOn, KINDS_ACTED_ON } from "../acted-on.ts";
import { child, fromJson, map, toJson, type Located, type LocatedMap } from "../located.ts";
import { kindOf, nameOf, withNode, type Resource } from "../kustomize/resource.ts";
import type { Problems } from "../problems.ts";
import { prometheusDurationSeconds, type Scrape } from "../scrape.ts";
import { nearest } from "../suggest.ts";
import type { Json, LimpetConfig, Source } from "../types.ts";
import { ALGORITHM_WHERE, ALGORITHMS, SETTING_NAMES, SHORT_NAMES, type ShortName } from "./names.ts";
import { changeAt, fieldOf, parsePath, type Step } from "./path.ts";

/** `cooldownPeriod` and `30`, or `ScaledObject/api:spec.cooldownPeriod` and `30`: as a person writes it. */
export type Setting = { readonly path: string; readonly value: string };

/** Written for a value: the field is left out. */
export const ABSENT = "absent";

const sourceOf = ({ path, value }: Setting): Source => ({
  file: `--set ${path}=${value}`,
  line: 0,
  column: 0,
});

type Edit = {
  readonly kind: string;
  /** Null: every object of the kind. */
  readonly name: string | null;
  readonly steps: readonly Step[];
  readonly text: boolean;
  readonly drops: readonly (readonly Step[])[];
  readonly where: readonly Step[] | null;
};

const stepsOf = (path: string): readonly Step[] => parsePath(path) ?? [];

/** The objects with every setting in its place. What cannot be set is added to `problems`. */
export function applyToObjects(
  settings: readonly Setting[],
  resources: readonly Resource[],
  problems: Problems,
): readonly Resource[] {
  return settings.reduce<readonly Resource[]>((current, setting) => {
    // Not of the topology: what takes the place of its balancers (sweep's own).
    if (setting.path === "strategy") return current;
    if (setting.path === "algorithm") return setAlgorithm(setting, current, problems);
    const short = SHORT_NAMES[setting.path];
    if (short !== undefined && short.in !== "manifest") return current;
    const edit = short === undefined ? generalEdit(setting, current, problems) : shortEdit(short);
    return edit === null ? current : applyEdit(setting, edit, current, problems);
  }, resources);
}

const shortEdit = (short: Extract<ShortName, { in: "manifest" }>): Edit => ({
  kind: short.kind,
  name: null,
  steps: stepsOf(short.path),
  text: short.text === true,
  drops: (short.drops ?? []).map(stepsOf),
  where: short.where === undefined ? null : stepsOf(short.where),
});

function setAlgorithm(
  setting: Setting,
  resources: readonly Resource[],
  problems: Problems,
): readonly Resource[] {
  const wanted = ALGORITHMS[setting.value];
  if (wanted === undefined) {
    problems.add(sourceOf(setting), `one of ${Object.keys(ALGORITHMS).join(", ")} is wanted`);
    return resources;
  }
  const edit: Edit = {
    kind: "DestinationRule",
    name: null,
    steps: stepsOf(wanted.adds),
    text: false,
    drops: wanted.drops.map(stepsOf),
    where: stepsOf(ALGORITHM_WHERE),
  };
  const source = sourceOf(setting);
  return applyEdit(setting, edit, resources, problems, (found) => {
    if (found !== undefined) return found;
    return wanted.value === undefined ? map([], source) : fromJson(wanted.value, source);
  });
}

/** `Kind/name:path` or `Kind:path`, held against what is there and what limpet acts on. */
function generalEdit(setting: Setting, resources: readonly Resource[], problems: Problems): Edit | null {
  const match = /^([A-Za-z]+)(?:\/([^:]+))?:(.+)$/.exec(setting.path);
  const steps = match === null ? null : parsePath(match[3]!);
  const where = sourceOf(setting);
  if (match === null || steps === null) {
    const meant = nearest(setting.path, SETTING_NAMES);
    problems.add(
      where,
      `unknown field${meant === null ? "" : `; did you mean "${meant}"?`} Short names: ${SETTING_NAMES.join(", ")}; ` +
        "any other field as Kind:path or Kind/name:path, for example ScaledObject:spec.cooldownPeriod",
    );
    return null;
  }
  const [, kind = "", name] = match;
  const kinds = [...new Set(resources.map(({ node }) => kindOf(node)))];
  if (!kinds.includes(kind)) {
    problems.add(where, `the topology has no ${kind}${hint(kind, kinds)} It has: ${kinds.join(", ")}`);
    return null;
  }
  const names = resources.filter(({ node }) => kindOf(node) === kind).map(({ node }) => nameOf(node));
  if (name !== undefined && !names.includes(name)) {
    problems.add(where, `no ${kind} is named ${name}${hint(name, names)} There are: ${names.join(", ")}`);
    return null;
  }
  const field = fieldOf(steps);
  if (actsOn(kind, field) === "no") {
    const known = knownFields(kind, resources);
    problems.add(
      where,
      KINDS_ACTED_ON.includes(kind)
        ? `limpet does not act on ${field} of a ${kind}, so no value of it changes anything${hint(field, known)}`
        : `limpet does not act on a ${kind}, so nothing in it changes anything`,
    );
    return null;
  }
  return { kind, name: name ?? null, steps, text: false, drops: [], where: null };
}

const hint = (word: string, known: readonly string[]): string => {
  const meant = nearest(word, known);
  return meant === null ? "." : `; did you mean ${meant}?`;
};

/** Fields that limpet acts on and that some object of the kind has. */
function knownFields(kind: string, resources: readonly Resource[]): string[] {
  const fields = new Set<string>();
  const walk = (node: Located, path: string): void => {
    if (node.type === "list") return node.items.forEach((item) => walk(item, path));
    if (node.type !== "map") {
      if (actsOn(kind, path) === "all") fields.add(path);
      return;
    }
    for (const [key, inner] of node.entries) walk(inner, path === "" ? key : `${path}.${key}`);
  };
  for (const { node } of resources) if (kindOf(node) === kind) walk(node, "");
  return [...fields];
}

const has = (node: Located | undefined, steps: readonly Step[]): boolean =>
  steps.reduce<Located | undefined>(
    (here, step) => (step.kind === "key" && here !== undefined ? child(here, step.key) : undefined),
    node,
  ) !== undefined;

function applyEdit(
  setting: Setting,
  edit: Edit,
  resources: readonly Resource[],
  problems: Problems,
  given?: (found: Located | undefined) => Located | undefined,
): readonly Resource[] {
  const source = sourceOf(setting);
  let places = 0;
  const change = given ?? ((found: Located | undefined) => valueOf(setting, edit, found, source));
  const changed = resources.map((resource) => {
    const { node } = resource;
    if (kindOf(node) !== edit.kind || (edit.name !== null && nameOf(node) !== edit.name)) return resource;
    if (edit.where !== null && !has(node, edit.where)) return resource;
    const options = { create: true, source, onPlace: () => void places++ };
    const dropped = edit.drops.reduce<LocatedMap>(
      (here, steps) => changeAt(here, steps, { create: false, source, onPlace: () => {} }, () => undefined),
      node,
    );
    return withNode(resource, changeAt(dropped, edit.steps, options, change));
  });
  if (places === 0)
    problems.add(
      source,
      edit.where === null
        ? `no ${edit.kind} has a place for ${fieldOf(edit.steps)}: ${resources.some(({ node }) => kindOf(node) === edit.kind) ? "an item of a list on the way is missing" : `the topology has no ${edit.kind}`}`
        : `no ${edit.kind} has ${fieldOf(edit.where)}`,
    );
  return changed;
}

/** As text where text stood or must stand, else as YAML reads it. */
function valueOf(
  { value }: Setting,
  { text }: Edit,
  found: Located | undefined,
  source: Source,
): Located | undefined {
  if (value === ABSENT) return undefined;
  const wasText = found !== undefined && typeof toJson(found) === "string";
  return fromJson(text || wasText ? value : readValue(value), source);
}

/** What is no YAML is a text; the schema has its say about it. */
function readValue(value: string): Json {
  try {
    return parse(value) as Json;
  } catch {
    return value;
  }
}

/** The scrape configuration with `scrapeInterval` in its place. */
export function applyToScrape(settings: readonly Setting[], scrape: Scrape, problems: Problems): Scrape {
  return settings.reduce((current, setting) => {
    if (SHORT_NAMES[setting.path]?.in !== "scrape") return current;
    const source = sourceOf(setting);
    const text = /^\d+(\.\d+)?$/.test(setting.value) ? `${setting.value}s` : setting.value;
    const seconds = prometheusDurationSeconds(text);
    if (seconds === null || seconds <= 0) {
      problems.add(source, "a duration like 5s or 1m30s is wanted");
      return current;
    }
    return {
      ...current,
      scrapeIntervalSeconds: seconds,
      scrapeTimeoutSeconds: Math.min(current.scrapeTimeoutSeconds, seconds),
      source: source.file,
    };
  }, scrape);
}

/** `limpet.yaml` with the settings of limpet's own programs in their places. */
export function applyToConfig(
  settings: readonly Setting[],
  config: LimpetConfig,
  problems: Problems,
): LimpetConfig {
  return settings.reduce((current, setting) => {
    const short = SHORT_NAMES[setting.path];
    if (short?.in !== "config") return current;
    const value = Number(setting.value);
    const least = short.field === "tenantIdleSeconds" ? 1 : 0;
    if (setting.value.trim() === "" || !Number.isFinite(value) || value < least || value > 86_400) {
      problems.add(sourceOf(setting), `a number from ${least} to 86400 is wanted`);
      return current;
    }
    return { ...current, [short.field]: value };
  }, config);
}
