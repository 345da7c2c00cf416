import { describe, expect, test } from "vitest";
import { jsonFault, lineOf, offsetOf, pathText } from "./json-position.ts";

const TEXT = `{
  "hosts": [
    {"address": "a"},
    {"address": "b", "weight": 0}
  ],
  "a\\"b": [true, null, -1.5e3]
}`;

describe("offsetOf() and lineOf()", () => {
  test.each([
    [[], 1],
    [["hosts"], 2],
    [["hosts", 0], 3],
    [["hosts", 1, "weight"], 4],
    [["hosts", 1, "nothing"], 4],
    [['a"b', 2], 6],
  ] as const)("%j stands on line %i", (path, line) => {
    expect(lineOf(TEXT, offsetOf(TEXT, path))).toBe(line);
  });
});

describe("jsonFault()", () => {
  test.each([
    ["[1, 2", 5, '"," or "]"'],
    ["[1,]", 3, "a value"],
    ['{"a" 1}', 5, '":"'],
    ["{a: 1}", 1, 'a name in double quotes or "}"'],
    ['{"a": 01}', 7, '"," or "}"'],
    ['"a\nb"', 0, "a value"],
    ["1 2", 2, "the end of the text"],
    ["", 0, "a value"],
    ["[".repeat(100_000), 0, "less nesting"],
  ])("%j is wrong at %i: %s is wanted", (text, offset, wanted) => {
    expect(jsonFault(text)).toMatchObject({ offset, wanted });
    expect(() => JSON.parse(text) as unknown).toThrow();
  });

  test.each([[TEXT], [" 0 "], ['["\\u00e9\\n", "é", {}, []]'], ["-0.5E+1"]])(
    "nothing is wrong with %j",
    (text) => {
      expect(jsonFault(text)).toBeNull();
    },
  );
});

test("pathText()", () => {
  expect(pathText(["hosts", 3, "weight"])).toBe("hosts[3].weight");
});
