/**
 * Metrics pages of the simulated programs, in the text that a scrape would fetch. Only families that a trigger's query
 * names are counted and written: what nobody asks for decides nothing.
 */
import type { Topology } from "../../topology/types.ts";

export type WantedMetrics = { has(name: string): boolean };

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/g;

/** Every word of every query, or everything where one selects by `__name__`. */
export function wantedMetrics(topology: Topology): WantedMetrics {
  const queries = topology.scaledObjects.flatMap(({ triggers }) =>
    triggers.map(({ metadata }) => metadata["query"] ?? ""),
  );
  const words = new Set(queries.flatMap((query) => query.match(NAME) ?? []));
  return words.has("__name__") ? { has: () => true } : words;
}

const escaped = (value: string): string =>
  value
    .replaceAll("\\", String.raw`\\`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll('"', String.raw`\"`);

export function sampleLine(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

/** Counters of one program, each series made at its first count. */
export class Counters {
  readonly #wanted: WantedMetrics;
  /** name and labels as a line begins → the count. */
  readonly #series = new Map<string, { readonly name: string; readonly line: string; value: number }>();

  constructor(wanted: WantedMetrics) {
    this.#wanted = wanted;
  }

  /** Counts under each of the names; labels are in the order of the pairs. */
  inc(names: readonly string[], labels: Readonly<Record<string, string>>): void {
    for (const name of names) {
      if (!this.#wanted.has(name)) continue;
      const line = sampleLine(name, labels, 0).slice(0, -2);
      const series = this.#series.get(line);
      if (series) series.value++;
      else this.#series.set(line, { name, line, value: 1 });
    }
  }

  page(): string {
    let text = "";
    for (const { line, value } of this.#series.values()) text += `${line}${value}\n`;
    return text;
  }
}
