/** The steps of a kustomization one by one; that they together give what kubectl gives is tests/kustomize.test.ts. */
import { describe, expect, test } from "vitest";
import { toJson, type Located, type LocatedList, type LocatedMap } from "../located.ts";
import { parseYaml } from "../parse-yaml.ts";
import { newBudget, Problems } from "../problems.ts";
import { jsonPatch } from "./json-patch.ts";
import { newResource } from "./resource.ts";
import { matchesSelector, targetMatcher } from "./selector.ts";
import { strategicMerge } from "./strategic-merge.ts";
import { setImage } from "./transformers.ts";

const read = (text: string): Located => {
  const problems = new Problems("");
  const [node] = parseYaml(text, "f", problems, newBudget());
  problems.throwIfAny();
  return node!;
};

describe("strategicMerge()", () => {
  const merged = (target: string, patch: string): unknown => {
    const problems = new Problems("");
    const node = strategicMerge(read(target) as LocatedMap, read(patch) as LocatedMap, problems);
    problems.throwIfAny();
    return node === null ? null : toJson(node);
  };

  test.each([
    ["maps merge", "{a: {b: 1, c: 2}}", "{a: {c: 3}}", { a: { b: 1, c: 3 } }],
    ["null deletes", "{a: 1, b: 2}", "{a: null}", { b: 2 }],
    ["$patch: delete takes the object away", "{a: 1}", "{$patch: delete}", null],
    ["$patch: replace", "{a: {b: 1}}", "{a: {$patch: replace, c: 2}}", { a: { c: 2 } }],
    [
      "containers merge by name, the patch's first",
      "{containers: [{name: a, image: x}, {name: b, image: y}]}",
      "{containers: [{name: b, image: z}]}",
      {
        containers: [
          { name: "b", image: "z" },
          { name: "a", image: "x" },
        ],
      },
    ],
    [
      "an element is deleted by its key",
      "{env: [{name: A}, {name: B}]}",
      "{env: [{name: A, $patch: delete}]}",
      { env: [{ name: "B" }] },
    ],
    ["a list without a key is replaced", "{args: [a, b]}", "{args: [c]}", { args: ["c"] }],
    [
      "a custom resource's lists are replaced",
      "{apiVersion: keda.sh/v1alpha1, env: [{name: A}]}",
      "{env: [{name: B}]}",
      { apiVersion: "keda.sh/v1alpha1", env: [{ name: "B" }] },
    ],
  ])("%s", (_, target, patch, wanted) => {
    expect(merged(target, patch)).toEqual(wanted);
  });

  test("a directive that is not understood is refused", () => {
    expect(() => merged("{a: [b]}", "{$setElementOrder/a: [b]}")).toThrow(/not understood here; render it/);
  });
});

describe("jsonPatch()", () => {
  const patched = (target: string, ops: string): unknown => {
    const problems = new Problems("");
    const node = jsonPatch(read(target) as LocatedMap, read(ops) as LocatedList, "it", problems);
    problems.throwIfAny();
    return toJson(node);
  };

  test.each([
    ["add to a map", "{a: {}}", "[{op: add, path: /a/b, value: 1}]", { a: { b: 1 } }],
    ["add into a list", "{a: [1, 3]}", "[{op: add, path: /a/1, value: 2}]", { a: [1, 2, 3] }],
    ["add at a list's end", "{a: [1]}", "[{op: add, path: /a/-, value: 2}]", { a: [1, 2] }],
    ["remove", "{a: [1, 2]}", "[{op: remove, path: /a/0}]", { a: [2] }],
    ["replace", "{a: {b: 1}}", "[{op: replace, path: /a/b, value: 2}]", { a: { b: 2 } }],
    ["move", "{a: {b: 1}}", "[{op: move, from: /a/b, path: /c}]", { a: {}, c: 1 }],
    ["copy", "{a: 1}", "[{op: copy, from: /a, path: /b}]", { a: 1, b: 1 }],
    ["escaped steps", "{a/b: {m~n: 1}}", "[{op: remove, path: /a~1b/m~0n}]", { "a/b": {} }],
  ])("%s", (_, target, ops, wanted) => {
    expect(patched(target, ops)).toEqual(wanted);
  });

  test.each([
    [
      "replace what is not there",
      "{a: 1}",
      "[{op: replace, path: /b, value: 1}]",
      /^f:1:22: cannot replace \/b/,
    ],
    ["remove what is not there", "{a: [1]}", "[{op: remove, path: /a/1}]", /cannot remove \/a\/1 in it/],
    ["add below what is not there", "{a: 1}", "[{op: add, path: /b/c, value: 1}]", /no such place/],
    ["a test that is false", "{a: 1}", "[{op: test, path: /a, value: 2}]", /cannot test \/a/],
    ["no operation", "{a: 1}", "[{op: put, path: /a, value: 2}]", /op must be one of/],
    ["no pointer", "{a: 1}", "[{op: add, path: a, value: 2}]", /JSON pointer/],
    ["no value", "{a: 1}", "[{op: add, path: /b}]", /needs a value/],
  ])("refuses %s", (_, target, ops, wanted) => {
    expect(() => patched(target, ops)).toThrow(wanted);
  });
});

describe("selectors", () => {
  test.each([
    ["app=a", { app: "a" }, true],
    ["app=a,tier!=b", { app: "a", tier: "b" }, false],
    ["app", { app: "" }, true],
    ["!app", {}, true],
    ["app in (a, b),x", { app: "b", x: "1" }, true],
    ["app notin (a)", { app: "a" }, false],
  ])("%s on %j is %s", (selector, labels, wanted) => {
    expect(matchesSelector(selector, labels)).toBe(wanted);
  });

  test.each([
    ["{kind: Service}", false],
    ["{kind: Deploy.*}", true],
    ["{name: web}", false],
    ["{name: web.*, group: apps}", true],
    ["{version: v2}", false],
    ["{annotationSelector: x=1}", true],
  ])("target %s matches: %s", (target, wanted) => {
    const matches = targetMatcher(read(target) as LocatedMap, new Problems(""));
    const node = read(
      "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-1, annotations: {x: '1'}}}",
    ) as LocatedMap;
    expect(matches(newResource(node))).toBe(wanted);
  });
});

test.each([
  ["x/a:1", { newTag: "2" }, "x/a:2"],
  ["x/a:1@sha256:0", { newName: "y" }, "y:1@sha256:0"],
  ["x/a:1@sha256:0", { newTag: "2" }, "x/a:2"],
  ["x/a", { digest: "sha256:1" }, "x/a@sha256:1"],
  ["x/ab:1", { newTag: "2" }, "x/ab:1"],
  ["reg:5000/x/a:1", { newTag: "2" }, "reg:5000/x/a:1"],
])("images: %s with %j is %s", (image, edit, wanted) => {
  const node = read(`{spec: {containers: [{image: "${image}"}]}}`) as LocatedMap;
  const source = { file: "k", line: 1, column: 1 };
  const next = setImage(node, { name: "x/a", newName: null, newTag: null, digest: null, source, ...edit });
  expect(toJson(next)).toEqual({ spec: { containers: [{ image: wanted }] } });
});
