/** Paths into objects as a person writes them: `spec.containers[0].env[TIER].value`, `metadata.annotations["a.b/c"]`. */
import { map, scalar, withEntry, type Located, type LocatedMap } from "../located.ts";
import type { Source } from "../types.ts";

export type Step =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "index"; readonly index: number }
  /** Each item of a list. */
  | { readonly kind: "all" }
  /** The items of a list with this `name`. */
  | { readonly kind: "named"; readonly name: string };

/** Null where the text is no path. */
export function parsePath(text: string): Step[] | null {
  const steps: Step[] = [];
  const token = /^(?:\.?([A-Za-z0-9_-]+)|\[(?:(\d+)|(\*)|"([^"]+)"|([^\]"*]+))\])/;
  let rest = text;
  while (rest !== "") {
    const match = token.exec(rest);
    if (!match || (steps.length === 0 && rest.startsWith("."))) return null;
    const [all, key, index, star, quoted, name] = match;
    if (key !== undefined) steps.push({ kind: "key", key });
    else if (index !== undefined) steps.push({ kind: "index", index: Number(index) });
    else if (star !== undefined) steps.push({ kind: "all" });
    else if (quoted !== undefined) steps.push({ kind: "key", key: quoted });
    else steps.push({ kind: "named", name: name! });
    rest = rest.slice(all.length);
  }
  return steps.length === 0 ? null : steps;
}

/** The keys alone, as fields are listed: `spec.triggers.metadata.threshold`. */
export const fieldOf = (steps: readonly Step[]): string =>
  steps.flatMap((step) => (step.kind === "key" ? [step.key] : [])).join(".");

export type Change = (found: Located | undefined) => Located | undefined;

/**
 * The tree with `change` applied wherever `steps` lead. A key that is absent is made, its maps too, if `create` says so;
 * items of lists are never made.
 *
 * @param onPlace is called for each place that was found or made.
 */
export function changeAt(
  node: LocatedMap,
  steps: readonly Step[],
  options: { readonly create: boolean; readonly source: Source; readonly onPlace: () => void },
  change: Change,
): LocatedMap {
  const go = (here: Located, at: number): Located => {
    const step = steps[at]!;
    const last = at === steps.length - 1;
    if (step.kind === "key") {
      if (here.type !== "map") return here;
      const found = here.entries.get(step.key);
      if (last) {
        if (found === undefined && !options.create) return here;
        options.onPlace();
        return withEntry(here, step.key, change(found));
      }
      const empty = found === undefined || (found.type === "scalar" && found.value === null);
      if (empty && !(options.create && steps[at + 1]!.kind === "key")) return here;
      return withEntry(here, step.key, go(empty ? map([], options.source) : found, at + 1));
    }
    if (here.type !== "list") return here;
    const items = here.items.map((item, index) => {
      if (!picks(step, item, index)) return item;
      if (!last) return go(item, at + 1);
      options.onPlace();
      return change(item) ?? scalar(null, options.source);
    });
    return { ...here, items };
  };
  return go(node, 0) as LocatedMap;
}

function picks(step: Exclude<Step, { kind: "key" }>, item: Located, index: number): boolean {
  if (step.kind === "all") return true;
  if (step.kind === "index") return step.index === index;
  const name = item.type === "map" ? item.entries.get("name") : undefined;
  return name?.type === "scalar" && name.value === step.name;
}
