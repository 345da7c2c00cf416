import { readFileSync } from "node:fs";
import { assert, dictionary, jsonValue, property, string } from "fast-check";
import { expect, test } from "vitest";
import { getIn, sourceAt, toJson, type Located, type LocatedScalar } from "./located.ts";
import { parseEmbeddedYaml, parseYaml } from "./parse-yaml.ts";
import { LIMITS, newBudget, Problems } from "./problems.ts";

const parse = (text: string, problems = new Problems("")) => {
  const documents = parseYaml(text, "f.yaml", problems, newBudget());
  problems.throwIfAny();
  return documents;
};

const scalars = (node: Located): LocatedScalar[] =>
  node.type === "scalar"
    ? [node]
    : (node.type === "list" ? [...node.items] : [...node.entries.values()]).flatMap(scalars);

test("every plain and quoted value stands where its source says", () => {
  const text = readFileSync("k8s/test-topology/test-gateway.yaml", "utf8");
  const lines = text.split("\n");
  const found = parse(text).flatMap(scalars);
  expect(found.length).toBeGreaterThan(80);
  for (const { value, source, textAt } of found) {
    const rest = lines[source.line - 1]?.slice(source.column - 1) ?? "";
    if (textAt === undefined) expect(rest.replace(/^["']/, "")).toContain(String(value));
    else expect(rest).toMatch(/^[|>]/);
  }
});

test("maps and lists are where their key is, an absent value where its nearest parent is", () => {
  const [node] = parse("a: 1\nb:\n  c:\n  - d: x\n");
  expect(sourceAt(node!, ["b", "c"])).toEqual({ file: "f.yaml", line: 3, column: 3 });
  expect(sourceAt(node!, ["b", "c", 0, "d"])).toEqual({ file: "f.yaml", line: 4, column: 8 });
  expect(sourceAt(node!, ["b", "c", 0, "nothing", "here"])).toEqual({ file: "f.yaml", line: 4, column: 5 });
});

test("YAML inside a literal block keeps the lines of its file", () => {
  const [node] = parse("data:\n  prometheus.yml: |\n\n    global:\n      scrape_interval: 5s\n");
  const inner = parseEmbeddedYaml(
    getIn(node, ["data", "prometheus.yml"]) as LocatedScalar,
    new Problems(""),
    newBudget(),
  );
  expect(sourceAt(inner[0]!, ["global", "scrape_interval"])).toEqual({ file: "f.yaml", line: 5, column: 24 });
});

test.each([
  ["a: yes", { a: true }],
  ["a: 'yes'", { a: "yes" }],
  ["a: 0644", { a: 420 }],
  ["a: 1e3", { a: 1000 }],
  ["a:", { a: null }],
  ["y: 1", { y: 1 }],
  ["a: &x 1\nb: *x\nc: &x 2\nd: *x", { a: 1, b: 1, c: 2, d: 2 }],
  ["a: &x {b: 1}\nc: *x", { a: { b: 1 }, c: { b: 1 } }],
  ["a: &x {b: 1}\nc: {<<: *x, d: 2}", { a: { b: 1 }, c: { d: 2, b: 1 } }],
  ["__proto__: {x: 1}", JSON.parse('{"__proto__": {"x": 1}}')],
])("%j is read as kubectl reads it", (text, wanted) => {
  expect(parse(text).map(toJson)).toEqual([wanted]);
});

test.each([
  ["a: [1", /^f\.yaml:1:6: cannot read this as YAML/],
  ["a: 1\na: 2", /^f\.yaml:2:1: cannot read this as YAML: Map keys must be unique/],
  ["a: *x", /f\.yaml:1:4: .*alias/i],
  ["? [a]\n: 1", /a key must be text/],
])("%j is one clear problem", (text, wanted) => {
  expect(() => parse(text)).toThrow(wanted);
});

test("aliases that multiply end at the limit, not at the end of memory", () => {
  const levels = Array.from(
    { length: 30 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(", ")}]`,
  );
  expect(() => parse(`l0: &l0 [x]\n${levels.join("\n")}`)).toThrow(`more than ${LIMITS.values} values`);
});

test("an alias inside what it stands for ends at the limit", () => {
  expect(() => parse("a: &x\n  b: *x\n")).toThrow(/nested more than/);
});

test("deep nesting ends at the limit", () => {
  const deep = LIMITS.depth + 10;
  expect(() => parse(`${"[".repeat(deep)}${"]".repeat(deep)}`)).toThrow(/nested more than/);
});

test("what JSON writes is read back as it was", () => {
  assert(
    property(dictionary(string(), jsonValue({ maxDepth: 3 }), { minKeys: 1 }), (given) => {
      const json = JSON.parse(JSON.stringify(given));
      // A key over the YAML limit for implicit keys is no concern of manifests.
      expect(parse(JSON.stringify(json)).map(toJson)).toEqual([json]);
    }),
    { numRuns: 200 },
  );
});
