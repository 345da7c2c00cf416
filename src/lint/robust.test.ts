/** Whatever is put in, the linter answers with findings or with the user's mistake, never with a fault of its own. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isNode, isPair, isScalar, parseAllDocuments, type Range, visit } from "yaml";
import { InputError } from "../errors.ts";
import { formatLint, FORMATS } from "./format.ts";
import { RULES } from "./rules.ts";
import { lintText } from "./test-kit.ts";

const streams = RULES.filter(({ exampleFile }) => exampleFile === undefined).flatMap(({ wrong, right }) => [
  wrong,
  right,
]);

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
const mutation = fc.record({
  kind: fc.constantFrom("drop", "double", "swap", "indent", "outdent", "cut", "value", "key"),
  at: fc.nat(),
  other: fc.nat(),
  value: fc.constantFrom(...VALUES),
});

function mutated(
  text: string,
  { kind, at, other, value }: typeof mutation extends fc.Arbitrary<infer T> ? T : never,
): string {
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

test("mutated manifests: findings, or an InputError", async () => {
  const outcomes = { findings: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...streams),
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      async (stream, changes) => {
        const text = changes.reduce(mutated, stream);
        try {
          const result = await lintText(text);
          for (const { line, column, message, remedy } of result.findings) {
            expect(line).toBeGreaterThan(0);
            expect(column).toBeGreaterThan(0);
            expect(`${message}${remedy}`).not.toMatch(/undefined|\[object|NaN/);
          }
          outcomes.findings++;
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          for (const problem of error.problems) expect(problem).not.toMatch(/undefined|\[object|\n\s+at /);
          outcomes.refused++;
        }
      },
    ),
    { numRuns: 10_000 },
  );
  expect(outcomes.findings).toBeGreaterThan(1000);
  expect(outcomes.refused).toBeGreaterThan(1000);
});

/** Every field of every kind in the examples, once: the stream it stands in, and the place of its value. */
function fields(): ReadonlyMap<string, { readonly stream: string; readonly range: Range }> {
  const found = new Map<string, { stream: string; range: Range }>();
  for (const stream of streams)
    for (const document of parseAllDocuments(stream))
      visit(document, {
        Pair(_, { key, value }, path) {
          const names = path.flatMap((node) =>
            isPair(node) && isScalar(node.key) ? [String(node.key.value)] : [],
          );
          const place = [String(document.get("kind")), ...names, isScalar(key) ? String(key.value) : ""].join(
            ".",
          );
          if (isNode(value) && value.range && !found.has(place))
            found.set(place, { stream, range: value.range });
        },
      });
  return found;
}

test.each(["null", "[null]", "[]", "{}", "[[null]]", "{a: null}"])(
  "%s in the place of each value",
  async (value) => {
    const places = fields();
    expect(places.size).toBeGreaterThan(250);
    let reached = 0;
    for (const { stream, range } of places.values()) {
      const isBlock = stream.slice(range[0], range[1]).includes("\n");
      const text = `${stream.slice(0, range[0])}${value}${isBlock ? "\n" : ""}${stream.slice(range[1])}`;
      try {
        await lintText(text);
        reached++;
      } catch (error) {
        if (!(error instanceof InputError)) throw new Error(`on\n${text}`, { cause: error });
      }
    }
    expect(reached).toBeGreaterThan(0);
  },
);

test.each(streams.map((stream, i) => [i, stream] as const).filter(([i]) => i % 7 === 0))(
  "example %i in every format",
  async (_i, stream) => {
    const result = await lintText(stream);
    for (const format of FORMATS)
      expect(formatLint(result, format, { version: "0.0.0" })).not.toMatch(/undefined|\[object/);
  },
);
