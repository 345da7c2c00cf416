import type { SyntaxNode } from "@lezer/common";
import { parseDuration, parseNumber } from "./literals.ts";
import { children, type Reader } from "./reader.ts";

const MAX_SECONDS = 2 ** 63 / 1e9;

/** A duration, or arithmetic over durations, as whole milliseconds (what is below is cut off). */
export function readDuration(reader: Reader, node: SyntaxNode): number {
  const seconds = inSeconds(reader, node);
  if (!(Math.abs(seconds) <= MAX_SECONDS)) return reader.fail(node.from, "duration out of range");
  return Math.trunc(Math.round(seconds * 1e9) / 1e6);
}

function inSeconds(reader: Reader, node: SyntaxNode): number {
  const parts = children(node);
  const value = (i: number): number => {
    const part = parts[i];
    return part === undefined ? 0 : inSeconds(reader, part);
  };
  const [first, second] = parts;
  if (first === undefined) return leaf(reader, node);
  if (
    reader.options.version === 2 &&
    node.name === "DurationExpr" &&
    (second !== undefined || first.name !== "NumberDurationLiteralInDurationContext")
  )
    return reader.fail(node.from, "unexpected expression, expected duration");
  switch (first.name) {
    case "UnaryOp":
      return reader.text(first) === "-" ? -value(1) : value(1);
    case "DurationStep":
      return reader.options.times.stepMs / 1000;
    case "DurationRange":
      return reader.options.times.rangeMs / 1000;
    case "DurationMinOf":
      return Math.min(value(1), value(2));
    case "DurationMaxOf":
      return Math.max(value(1), value(2));
    default:
  }
  if (second === undefined) return inSeconds(reader, first);
  switch (second.name) {
    case "Add":
      return value(0) + value(2);
    case "Sub":
      return value(0) - value(2);
    case "Mul":
      return value(0) * value(2);
    case "Div":
      if (value(2) === 0) return reader.fail(second.from, "division by zero");
      return value(0) / value(2);
    case "Mod":
      if (value(2) === 0) return reader.fail(second.from, "modulo by zero");
      return value(0) % value(2);
    case "Pow":
      return value(0) ** value(2);
    default:
      return reader.fail(second.from, `unexpected ${JSON.stringify(reader.text(second))}`);
  }
}

function leaf(reader: Reader, node: SyntaxNode): number {
  const text = reader.text(node);
  const known = reader.options.version === 2 ? fromDuration(text) : parseNumber(text);
  return known ?? reader.fail(node.from, `bad number or duration syntax: ${JSON.stringify(text)}`);
}

const fromDuration = (text: string): number | null => {
  const ms = parseDuration(text);
  return ms === null ? null : ms / 1000;
};
