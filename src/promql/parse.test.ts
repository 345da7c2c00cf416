import { describe, expect, test } from "vitest";
import type { Expr } from "./ast.ts";
import { parse } from "./parse.ts";

/** The tree with all its parentheses. */
function show(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return String(expr.value);
    case "string":
      return JSON.stringify(expr.value);
    case "vectorSelector":
      return (
        expr.name +
        (expr.offsetMs === 0 ? "" : ` offset ${expr.offsetMs}`) +
        (expr.at === null ? "" : ` @ ${expr.at}`)
      );
    case "matrixSelector":
      return `${show(expr.selector)}[${expr.rangeMs}]`;
    case "subquery":
      return `${show(expr.expr)}[${expr.rangeMs}:${expr.stepMs ?? ""}]${expr.offsetMs === 0 ? "" : ` offset ${expr.offsetMs}`}`;
    case "call":
      return `${expr.name}(${expr.args.map(show).join(", ")})`;
    case "aggregation":
      return `${expr.operator}(${expr.param === null ? "" : `${show(expr.param)}, `}${show(expr.expr)})`;
    case "binary":
      return `(${show(expr.left)} ${expr.operator} ${show(expr.right)})`;
    case "unary":
      return `${expr.operator}(${show(expr.expr)})`;
    default:
      return show(expr.expr);
  }
}

test.each([
  // What the grammar package nests otherwise than Prometheus does.
  ["a + b offset 5m", "(a + b offset 300000)"],
  ["a + b offset 1m * c", "(a + (b offset 60000 * c))"],
  ["a * b + rate(c[5m:] offset 1m)", "((a * b) + rate(c[300000:] offset 60000))"],
  ["-1 ^ 2", "-((1 ^ 2))"],
  ["a + -1 ^ 2", "(a + -((1 ^ 2)))"],
  ["2 ^ -1 ^ 2", "(2 ^ -((1 ^ 2)))"],
  // Precedence and direction.
  ["a + b * c ^ d ^ e", "(a + (b * (c ^ (d ^ e))))"],
  ["a - b - c", "((a - b) - c)"],
  ["-a * b", "(-(a) * b)"],
  ["a or b and c unless d == e + f", "(a or ((b and c) unless (d == (e + f))))"],
  ["a atan2 b % c", "((a atan2 b) % c)"],
  ["(a + b) * c", "((a + b) * c)"],
  ["SUM(a) BY (x) + Avg(b)", "(sum(a) + avg(b))"],
  ["topk(3, a) > bool 2", "(topk(3, a) > 2)"],
  ["rate(a[5m] offset 1m)", "rate(a offset 60000[300000])"],
  ["a @ 12.5 offset -1m", "a offset -60000 @ 12500"],
  ["a @ start()", "a @ start"],
  ["a[1h30m:15s] offset 1d", "a[5400000:15000] offset 86400000"],
  // Literals.
  ["0x1F + 017 + 1e3 + .5 + 1_000", "((((31 + 15) + 1000) + 0.5) + 1000)"],
  ["Inf + nan", "(Infinity + NaN)"],
  ["5m", "300"],
  ["a[0.5]", null],
  ["'it\\'s'", '"it\'s"'],
  ['"\\u00e9\\x41\\101\\n"', '"éAA\\n"'],
  ["`raw \\n`", '"raw \\\\n"'],
])("%s", (query, expected) => {
  const expr = parse(query);
  if (expected === null) expect(expr).toMatchObject({ kind: "matrixSelector", rangeMs: 500 });
  else expect(show(expr)).toBe(expected);
});

describe("errors carry Prometheus' words and the place", () => {
  test.each([
    ["", "unknown position: parse error: no expression found in input"],
    ["sum(", "1:5: parse error: unclosed left parenthesis"],
    ["foo bar", '1:5: parse error: unexpected identifier "bar"'],
    ["foo{bar}", '1:8: parse error: unexpected "}" in label matching, expected label matching operator'],
    [
      "foo\n+ rate(bar)",
      '2:8: parse error: expected type range vector in call to function "rate", got instant vector',
    ],
    ["rate(foo[5m], 1)", '1:1: parse error: expected 1 argument(s) in call to "rate", got 2'],
    ["nope(foo)", '1:1: parse error: unknown function with name "nope"'],
    ["1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"],
    ["foo and 1", '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
    ["{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"],
    [
      "sum(a) offset 5m",
      "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    ],
    ['a{b=~"("}', "1:3: parse error: error parsing regexp: missing closing ): `(`"],
    ["sum by foo (a)", '1:8: parse error: unexpected identifier "foo" in grouping opts, expected "("'],
    ["mad_over_time(a[5m])", '1:1: parse error: function "mad_over_time" is not enabled'],
    ["holt_winters(a[5m], 0.5, 0.5)", '1:1: parse error: unknown function with name "holt_winters"'],
  ])("%s", (query, message) => {
    expect(() => parse(query)).toThrow(message);
  });
});

test("experimental functions can be enabled, and version 2 has its own", () => {
  expect(() => parse("mad_over_time(a[5m])", { experimentalFunctions: true })).not.toThrow();
  expect(() => parse("holt_winters(a[5m], 0.5, 0.5)", { version: 2 })).not.toThrow();
  expect(() => parse('{"a"}', { version: 2 })).toThrow("in label matching");
  expect(() => parse("a[1m+1m]", { version: 2 })).toThrow("expected duration");
});
