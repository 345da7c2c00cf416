import { PromqlError } from "./errors.ts";

/** `line:column` of an offset into the query, both from 1, columns in bytes as Prometheus counts them. */
export function positionOf(query: string, offset: number): string {
  if (query === "") return "unknown position";
  if (offset > query.length) return "invalid position";
  const before = query.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  return `${line}:${Buffer.byteLength(before.slice(lineStart)) + 1}`;
}

/** `1:5: parse error: …` */
export const parseError = (query: string, offset: number, message: string): PromqlError =>
  new PromqlError("bad_data", `${positionOf(query, offset)}: parse error: ${message}`);
