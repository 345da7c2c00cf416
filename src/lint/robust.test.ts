/** Whatever is put in, the linter answers with findings or with the user's mistake, never with a fault of its own. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isNode, isPair, isScalar, parseAllDocuments, type Range, visit } from "yaml";
import { InputError } from "../errors.ts";
import { formatLint, FORMATS } from "./format.ts";
import { RULES } from "./rules.ts";
import { mutated, mutation } from "./mutation-test-kit.ts";
import { lintText } from "./test-kit.ts";

const streams = RULES.filter(({ exampleFile }) => exampleFile === undefined).flatMap(({ wrong, right }) => [
  wrong,
  right,
]);

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
