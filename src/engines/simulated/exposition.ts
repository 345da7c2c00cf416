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

/** A sample's line up to its value. */
export function seriesHead(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} `;
}

export const sampleLine = (name: string, labels: Readonly<Record<string, string>>, value: number): string =>
  `${seriesHead(name, labels)}${value}\n`;

/** Counters of one program, each series made at its first count. */
export class Counters {
  readonly #wanted: WantedMetrics;
  /** name and labels as a line begins → the count. */
  readonly #series = new Map<string, { readonly line: string; value: number }>();

  constructor(wanted: WantedMetrics) {
    this.#wanted = wanted;
  }

  /** Counts under each of the names; labels are in the order of the pairs. */
  inc(names: readonly string[], labels: Readonly<Record<string, string>>): void {
    for (const name of names) {
      if (!this.#wanted.has(name)) continue;
      const line = seriesHead(name, labels);
      const series = this.#series.get(line);
      if (series) series.value++;
      else this.#series.set(line, { line, value: 1 });
    }
  }

  page(): string {
    let text = "";
    for (const { line, value } of this.#series.values()) text += `${line}${value}\n`;
    return text;
  }
}
