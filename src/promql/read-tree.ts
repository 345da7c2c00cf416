import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";
import type { Aggregation, AggregationOperator, Call, Expr, Span, VectorSelector } from "./ast.ts";
import { assemble, type Item, type Modifiers } from "./assemble.ts";
import { readDuration } from "./durations.ts";
import { parseNumber, unquote } from "./literals.ts";
import { matcher, type Matcher, type MatchOperator } from "./matchers.ts";
import type { ParseOptions } from "./parse-options.ts";
import { parseError } from "./parse-error.ts";
import { addAt, addOffset, addRange, addSubquery, type AtTime } from "./postfix.ts";
import { whyNotCallable } from "./signatures.ts";
import { PromqlError } from "./errors.ts";
import { goQuote, METRIC_NAME } from "./labels.ts";
import { children, type Reader } from "./reader.ts";
import { firstSyntaxError } from "./syntax-error.ts";

const operators: Readonly<Record<string, string>> = {
  Add: "+",
  Sub: "-",
  Mul: "*",
  Div: "/",
  Mod: "%",
  Pow: "^",
  Atan2: "atan2",
  Eql: "==",
  Neq: "!=",
  Lss: "<",
  Lte: "<=",
  Gtr: ">",
  Gte: ">=",
  And: "and",
  Or: "or",
  Unless: "unless",
};

/** The upstream grammar's tree of `query` as our own, without regard to types. Throws a `PromqlError`. */
export function readTree(query: string, options: Required<ParseOptions>): Expr {
  // The grammar is that of version 3, which has no holt_winters: to it, it is another name of the same length.
  const grammatical =
    options.version === 2 ? query.replaceAll(/\bholt_winters(?=\s*\()/g, "day_of_month") : query;
  const tree = parser.parse(grammatical);
  const broken = firstSyntaxError(query, tree, (name) =>
    whyNotCallable(name, options.version, options.experimentalFunctions),
  );
  if (broken !== null) throw broken;
  const reader: Reader = {
    query,
    options,
    text: (node) => query.slice(node.from, node.to),
    fail: (offset, message) => {
      throw parseError(query, offset, message);
    },
  };
  const [top] = children(tree.topNode);
  if (top === undefined) throw parseError(query, 0, "no expression found in input");
  return readExpr(reader, top);
}

const readExpr = (reader: Reader, node: SyntaxNode): Expr => assemble(flatten(reader, node, []));

/**
 * Writes an expression out as operands and operators in the order of the text. The grammar's own nesting is not used: it
 * was made for editors, and takes `a + b offset 5m` for `(a + b) offset 5m` and `-1 ^ 2` for `(-1) ^ 2`.
 */
function flatten(reader: Reader, node: SyntaxNode, items: Item[]): Item[] {
  const parts = children(node);
  const inner = (): Item[] => flatten(reader, parts[0] ?? node, items);
  const span: Span = { start: node.from, end: node.to };
  switch (node.name) {
    case "BinaryExpr": {
      const [left, operator] = parts;
      const right = parts.at(-1);
      if (left === undefined || operator === undefined || right === undefined) break;
      flatten(reader, left, items);
      const symbol = operators[operator.name];
      if (symbol === undefined)
        return reader.fail(
          operator.from,
          `operator ${JSON.stringify(reader.text(operator))} works on native histograms only`,
        );
      const modifiers = readModifiers(reader, parts.slice(2, -1));
      items.push({ kind: "operator", operator: symbol, at: operator.from, modifiers });
      return flatten(reader, right, items);
    }
    case "UnaryExpr": {
      const [sign, operand] = parts;
      if (sign === undefined || operand === undefined) break;
      items.push({ kind: "sign", sign: reader.text(sign) === "-" ? "-" : "+", at: sign.from });
      return flatten(reader, operand, items);
    }
    case "NumberDurationLiteral": {
      const text = reader.text(node);
      const sign = /^([+-])\s*/.exec(text);
      const digits = sign === null ? text : text.slice(sign[0].length);
      if (sign !== null) items.push({ kind: "sign", sign: sign[1] === "-" ? "-" : "+", at: node.from });
      const value = parseNumber(digits);
      const start = node.to - digits.length;
      if (value === null)
        return reader.fail(start, `bad number or duration syntax: ${JSON.stringify(digits)}`);
      if (reader.options.version === 2 && /\d(ms|[ywdhms])/.test(digits) && !/^0x/i.test(digits))
        return reader.fail(start, `unexpected duration ${JSON.stringify(digits)}`);
      items.push({ kind: "operand", expr: { kind: "number", span: { start, end: node.to }, value } });
      return items;
    }
    case "OffsetExpr": {
      inner();
      const duration = readDuration(reader, parts.at(-1) ?? node);
      return onLast(items, (expr) => addOffset(reader, expr, duration));
    }
    case "StepInvariantExpr": {
      inner();
      return onLast(items, (expr) => addAt(reader, expr, readAt(reader, parts.at(-1) ?? node)));
    }
    case "MatrixSelector": {
      inner();
      const range = positive(reader, parts[1] ?? node);
      const bracket = reader.query.lastIndexOf("[", parts[1]?.from ?? node.to);
      return onLast(items, (expr) => addRange(reader, expr, range, bracket, node.to));
    }
    case "SubqueryExpr": {
      inner();
      const range = positive(reader, parts[1] ?? node);
      const step = parts[2] === undefined ? null : positive(reader, parts[2]);
      return onLast(items, (expr) => addSubquery(expr, range, step, node.to));
    }
    case "AnchoredExpr":
    case "SmoothedExpr":
      return reader.fail(
        node.from,
        `${node.name === "AnchoredExpr" ? "anchored" : "smoothed"} modifier is experimental and not enabled`,
      );
    default:
      items.push({ kind: "operand", expr: readOperand(reader, node, span) });
      return items;
  }
  return reader.fail(node.from, "unexpected end of input");
}

function onLast(items: Item[], change: (expr: Expr) => Expr): Item[] {
  const last = items.at(-1);
  if (last?.kind === "operand") items[items.length - 1] = { kind: "operand", expr: change(last.expr) };
  return items;
}

function readOperand(reader: Reader, node: SyntaxNode, span: Span): Expr {
  switch (node.name) {
    case "StringLiteral":
      return { kind: "string", span, value: readString(reader, node) };
    case "ParenExpr": {
      const [inner] = children(node);
      if (inner === undefined) return reader.fail(node.from, "unexpected end of input");
      return { kind: "paren", span, expr: readExpr(reader, inner) };
    }
    case "VectorSelector":
      return readSelector(reader, node, span);
    case "FunctionCall":
      return readCall(reader, node, span);
    case "AggregateExpr":
      return readAggregation(reader, node, span);
    default:
      return reader.fail(node.from, `unexpected ${JSON.stringify(reader.text(node))}`);
  }
}

function readString(reader: Reader, node: SyntaxNode): string {
  const literal = reader.text(node);
  const value = unquote(literal);
  return value ?? reader.fail(node.from, `error unquoting string ${JSON.stringify(literal)}: invalid syntax`);
}

function positive(reader: Reader, node: SyntaxNode): number {
  const ms = readDuration(reader, node);
  if (ms <= 0) return reader.fail(node.from, "duration must be greater than 0");
  return ms;
}

function readAt(reader: Reader, node: SyntaxNode): AtTime {
  if (node.name === "AtModifierPreprocessors")
    return reader.text(node).toLowerCase() === "start" ? "start" : "end";
  const text = reader.text(node).replace(/\s+/g, "");
  const seconds = parseNumber(text.replace(/^[+-]/, ""));
  if (seconds === null)
    return reader.fail(node.from, `bad number or duration syntax: ${JSON.stringify(text)}`);
  return { seconds: text.startsWith("-") ? -seconds : seconds };
}

function readSelector(reader: Reader, node: SyntaxNode, span: Span): VectorSelector {
  let name = "";
  const matchers: Matcher[] = [];
  const add = (at: SyntaxNode, label: string, operator: MatchOperator, value: string): void => {
    try {
      matchers.push(matcher(label, operator, value));
    } catch (problem) {
      if (problem instanceof PromqlError) reader.fail(at.from, problem.message);
      throw problem;
    }
  };
  for (const part of children(node)) {
    if (part.name === "Identifier") name = reader.text(part);
    else
      for (const one of children(part)) {
        const [label, operator, value] = children(one);
        if (reader.options.version === 2 && one.name.startsWith("Quoted"))
          reader.fail(
            one.from,
            `unexpected string ${goQuote(reader.text(label ?? one))} in label matching, expected identifier or "}"`,
          );
        if (one.name === "QuotedLabelName" && label !== undefined) {
          const quoted = readString(reader, label);
          if (name !== "")
            reader.fail(
              node.from,
              `metric name must not be set twice: ${JSON.stringify(name)} or ${JSON.stringify(quoted)}`,
            );
          add(one, METRIC_NAME, "=", quoted);
        } else if (label !== undefined && operator !== undefined && value !== undefined) {
          const nameText =
            label.name === "LabelName" ? reader.text(label) : readString(reader, label.firstChild ?? label);
          add(one, nameText, reader.text(operator) as MatchOperator, readString(reader, value));
        }
      }
  }
  if (name !== "") matchers.push(matcher(METRIC_NAME, "=", name));
  return { kind: "vectorSelector", span, name, matchers, offsetMs: 0, at: null };
}

function readCall(reader: Reader, node: SyntaxNode, span: Span): Call {
  const [identifier, body] = children(node);
  if (identifier === undefined || body === undefined)
    return reader.fail(node.from, "unexpected end of input");
  const name = reader.text(identifier);
  const refusal = whyNotCallable(name, reader.options.version, reader.options.experimentalFunctions);
  if (refusal !== null) return reader.fail(identifier.from, refusal);
  return { kind: "call", span, name, args: children(body).map((arg) => readExpr(reader, arg)) };
}

const withParam: ReadonlySet<string> = new Set([
  "topk",
  "bottomk",
  "quantile",
  "count_values",
  "limitk",
  "limit_ratio",
]);
const experimentalAggregations: ReadonlySet<string> = new Set(["limitk", "limit_ratio"]);

function readAggregation(reader: Reader, node: SyntaxNode, span: Span): Aggregation {
  let operator = "";
  let grouping: readonly string[] = [];
  let without = false;
  let args: readonly Expr[] = [];
  for (const part of children(node)) {
    if (part.name === "AggregateOp") operator = reader.text(part).toLowerCase();
    else if (part.name === "AggregateModifier") {
      const [how, labels] = children(part);
      without = how?.name === "Without";
      grouping = labels === undefined ? [] : readGrouping(reader, labels);
    } else args = children(part).map((arg) => readExpr(reader, arg));
  }
  if (args.length === 0) return reader.fail(node.from, "no arguments for aggregate expression provided");
  if (experimentalAggregations.has(operator) && !reader.options.experimentalFunctions)
    return reader.fail(
      node.from,
      `${operator}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
    );
  const wanted = withParam.has(operator) ? 2 : 1;
  const expr = args[wanted - 1];
  if (args.length !== wanted || expr === undefined)
    return reader.fail(
      node.from,
      `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
    );
  const param = wanted === 2 ? (args[0] ?? null) : null;
  return {
    kind: "aggregation",
    span,
    operator: operator as AggregationOperator,
    param,
    expr,
    grouping,
    without,
  };
}

const readGrouping = (reader: Reader, node: SyntaxNode): string[] =>
  children(node).map((label) =>
    label.name === "LabelName" ? reader.text(label) : readString(reader, label.firstChild ?? label),
  );

function readModifiers(reader: Reader, parts: readonly SyntaxNode[]): Modifiers {
  let modifiers: Modifiers = { bool: false, on: false, labels: null, group: null, include: [] };
  for (const part of parts) {
    if (part.name === "BoolModifier") modifiers = { ...modifiers, bool: true };
    else if (part.name === "FillModifier")
      return reader.fail(
        part.parent?.from ?? part.from,
        "binop fill modifiers are experimental and not enabled",
      );
    else if (part.name === "MatchingModifierClause") {
      const [how, labels, group, include] = children(part);
      modifiers = {
        ...modifiers,
        on: how?.name === "On",
        labels: labels === undefined ? [] : readGrouping(reader, labels),
        group: group === undefined ? null : group.name === "GroupLeft" ? "left" : "right",
        include: include === undefined ? [] : readGrouping(reader, include),
      };
    }
  }
  return modifiers;
}
