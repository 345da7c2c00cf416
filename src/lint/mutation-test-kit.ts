/** For tests: text that somebody has spoilt. */
import * as fc from "fast-check";

const VALUES = [
  "null",
  "[]",
  "{}",
  "-1",
  "1e99",
  '""',
  '"\\u0000"',
  "true",
  "0x10",
  "~",
  "*x",
  "&x y",
  "!!binary aGk=",
  "|",
  "2026-11-23",
  ".inf",
  "[[]]",
  "{a: {b: [1]}}",
  "__proto__: 1",
];

/** Lines left out, doubled, swapped, moved in, cut off; values put in the place of others. */
export const mutation = fc.record({
  kind: fc.constantFrom("drop", "double", "swap", "indent", "outdent", "cut", "value", "key"),
  at: fc.nat(),
  other: fc.nat(),
  value: fc.constantFrom(...VALUES),
});

export type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

export function mutated(text: string, { kind, at, other, value }: Mutation): string {
  const lines = text.split("\n");
  const i = at % lines.length;
  const j = other % lines.length;
  const [line = "", partner = ""] = [lines[i], lines[j]];
  if (kind === "drop") lines.splice(i, 1);
  else if (kind === "double") lines.splice(i, 0, line);
  else if (kind === "swap") [lines[i], lines[j]] = [partner, line];
  else if (kind === "indent") lines[i] = `  ${line}`;
  else if (kind === "outdent") lines[i] = line.replace(/^ {2}/, "");
  else if (kind === "cut") lines[i] = line.slice(0, other % (line.length + 1));
  else if (kind === "value") lines[i] = line.replace(/: .*/, `: ${value}`);
  else lines[i] = line.replace(/[\w-]+:/, `${value.slice(0, 4)}:`);
  return lines.join("\n");
}
