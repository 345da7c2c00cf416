import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluate, ExpressionError } from "./expressions.ts";

const scope = { threshold: 2, max: 5, min: 0, active: 11, idle: 60 };

describe("evaluate()", () => {
  test.each([
    [7, 7],
    ["5 * threshold", 10],
    ["ceil(active / threshold)", 6],
    ["min(max, ceil(active / threshold))", 5],
    ["(max + 2) * threshold", 14],
    ["2 + 3 * 4 - 1", 13],
    ["-idle + 1.5", -58.5],
    ["round(2.5) + floor(2.9)", 5],
    ["max - min", 5],
    ["max(1, 2, 3)", 3],
  ])("%s is %d", (expression, value) => expect(evaluate(expression, scope)).toBe(value));

  test.each([
    ["treshold", /unknown name "treshold"; did you mean "threshold"\? Names here: threshold, max/],
    ["zzz", /unknown name "zzz" Names here/],
    ["sqrt(2)", /unknown function "sqrt"; there are ceil, floor/],
    ["ceil(1, 2)", /ceil\(\) takes 1 number\(s\), found 2/],
    ["2 ** 3", /"\*\*" is not one of/],
    ["active > 2", /">" is not one of/],
    ["active / min", /no finite value/],
    ['"two"', /"two" is not a number/],
    ["max.constructor", /only numbers, names/],
    ["constructor", /unknown name/],
    ["2 *", /Expected expression/],
    ["", /only numbers, names/],
  ])("%s is refused", (expression, message) => {
    expect(() => evaluate(expression, scope)).toThrow(ExpressionError);
    expect(() => evaluate(expression, scope)).toThrow(message);
  });

  test("computes as JavaScript does", () => {
    const number = fc.integer({ min: 1, max: 999 });
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        expect(evaluate(`${a} + ${b} * (${c} - a) / b`, { a, b })).toBe(a + (b * (c - a)) / b);
      }),
    );
  });
});
