/** Header lines on their way through: what stays behind at a hop, and what the route edits. */
import type { HeaderEdits } from "../../routing/types.ts";

/** Names in lower case, lines in the order sent, one entry for each line. */
export type HeaderLines = (readonly [name: string, value: string])[];

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // The listener has answered it already.
  "expect",
]);

/** Lines of a flat name, value, name, value … list, without those meant for one hop only. */
export function endToEnd(raw: readonly (string | Buffer)[]): HeaderLines {
  const text = (part: string | Buffer): string => (typeof part === "string" ? part : part.toString("latin1"));
  const lines: HeaderLines = [];
  let nominated: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i]!).toLowerCase();
    const value = text(raw[i + 1]!);
    if (name === "connection")
      nominated = nominated.concat(value.split(",").map((word) => word.trim().toLowerCase()));
    if (!HOP_BY_HOP.has(name)) lines.push([name, value]);
  }
  return nominated.length === 0 ? lines : lines.filter(([name]) => !nominated.includes(name));
}

export const valuesOf = (lines: HeaderLines, name: string): string[] =>
  lines.flatMap(([key, value]) => (key === name ? [value] : []));

export const withHeader = (lines: HeaderLines, name: string, value: string): HeaderLines => [
  ...lines.filter(([key]) => key !== name),
  [name, value],
];

/** Envoy removes first, then sets and appends. */
export function edited(lines: HeaderLines, edits: HeaderEdits | undefined): HeaderLines {
  if (edits === undefined) return lines;
  let result = lines.filter(([name]) => !edits.remove.includes(name));
  for (const [name, value] of Object.entries(edits.set)) result = withHeader(result, name, value);
  return [...result, ...Object.entries(edits.add)];
}

export const flat = (lines: HeaderLines): string[] => lines.flatMap(([name, value]) => [name, value]);
