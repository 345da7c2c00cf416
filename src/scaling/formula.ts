/**
 * The expression language of `scalingModifiers.formula`, as far as formulas over metrics use it: arithmetic,
 * comparison, `and`/`or`/`not`, the conditional, `??`, lists, the numeric functions, and predicates such as
 * `count([a, b], {# > 1})`.
 *
 * @see expr-lang/expr docs/language-definition.md
 */
import jsep from "jsep";

export type FormulaValue = number | boolean | null | readonly FormulaValue[];
type Scope = Readonly<Record<string, FormulaValue>>;
type Node = jsep.Expression;

export type FormulaResult = { readonly value: number | null } | { readonly error: string };

class FormulaError extends Error {}

const MAX_FORMULA_LENGTH = 4096;
const PREDICATE = "__predicate__";

/** Works out a formula over the values of named triggers; a `nil` result is null. */
export function evaluateFormula(formula: string, values: Scope): FormulaResult {
  try {
    const value = evaluate(parse(formula), values);
    if (value === null) return { value: null };
    if (typeof value !== "number") {
      throw new FormulaError(`expected a number, but got ${Array.isArray(value) ? "a list" : typeof value}`);
    }
    return { value };
  } catch (error) {
    // The parser throws plain errors for what it cannot read.
    return { error: `error trying to run custom formula: ${error instanceof Error ? error.message : ""}` };
  }
}

/** The trigger names that a formula uses; null where it cannot be parsed. */
export function formulaNames(formula: string): readonly string[] | null {
  try {
    const names = new Set<string>();
    collectNames(parse(formula), names);
    return [...names];
  } catch {
    return null;
  }
}

/**
 * A predicate's braces are no JavaScript, so `{…}` becomes a call that carries its body. Formulas hold no texts with
 * braces, so replacing them is enough.
 */
function parse(formula: string): Node {
  if (formula.length > MAX_FORMULA_LENGTH) throw new FormulaError("the formula is too long");
  return inExprLanguage(() => jsep(formula.replaceAll("{", `${PREDICATE}(`).replaceAll("}", ")")));
}

/** jsep's operators are global, and other rooms parse with it too: ours hold while this runs, no longer. */
function inExprLanguage<T>(run: () => T): T {
  jsep.addBinaryOp("and", 2);
  jsep.addBinaryOp("or", 1);
  jsep.addBinaryOp("in", 7);
  jsep.addBinaryOp("^", 11, true);
  jsep.addBinaryOp("??", 12);
  jsep.addUnaryOp("not");
  jsep.addIdentifierChar("#");
  jsep.addLiteral("nil", null);
  try {
    return run();
  } finally {
    for (const operator of ["and", "or", "in", "^", "??"]) jsep.removeBinaryOp(operator);
    jsep.addBinaryOp("^", 4);
    jsep.addBinaryOp("??", 1);
    jsep.removeUnaryOp("not");
    jsep.removeIdentifierChar("#");
    jsep.removeLiteral("nil");
  }
}

function collectNames(node: Node, names: Set<string>): void {
  if (node.type === "Identifier") {
    const { name } = node as jsep.Identifier;
    if (name !== "#") names.add(name);
    return;
  }
  for (const [key, child] of Object.entries(node)) {
    // A function's own name is no trigger.
    if (node.type === "CallExpression" && key === "callee") continue;
    for (const one of Array.isArray(child) ? child : [child]) {
      if (typeof one === "object" && one !== null && "type" in one) collectNames(one as Node, names);
    }
  }
}

function evaluate(node: Node, scope: Scope): FormulaValue {
  switch (node.type) {
    case "Literal":
      return literal((node as jsep.Literal).value);
    case "Identifier": {
      const { name } = node as jsep.Identifier;
      if (!Object.hasOwn(scope, name)) throw new FormulaError(`unknown name ${name}`);
      return scope[name]!;
    }
    case "ArrayExpression":
      return (node as jsep.ArrayExpression).elements.map((one) =>
        one === null ? null : evaluate(one, scope),
      );
    case "UnaryExpression":
      return unary(node as jsep.UnaryExpression, scope);
    case "BinaryExpression":
      return binary(node as jsep.BinaryExpression, scope);
    case "ConditionalExpression": {
      const { test, consequent, alternate } = node as jsep.ConditionalExpression;
      return evaluate(truth(evaluate(test, scope)) ? consequent : alternate, scope);
    }
    case "CallExpression":
      return call(node as jsep.CallExpression, scope);
    default:
      throw new FormulaError(`cannot evaluate ${node.type}`);
  }
}

function literal(value: unknown): FormulaValue {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  throw new FormulaError(`cannot use ${JSON.stringify(value)} in a formula`);
}

function number(value: FormulaValue): number {
  if (typeof value !== "number") throw new FormulaError(`expected a number, found ${JSON.stringify(value)}`);
  return value;
}

function truth(value: FormulaValue): boolean {
  if (typeof value !== "boolean")
    throw new FormulaError(`expected a condition, found ${JSON.stringify(value)}`);
  return value;
}

function list(value: FormulaValue): readonly FormulaValue[] {
  if (!Array.isArray(value)) throw new FormulaError(`expected a list, found ${JSON.stringify(value)}`);
  return value as readonly FormulaValue[];
}

function unary(node: jsep.UnaryExpression, scope: Scope): FormulaValue {
  const value = evaluate(node.argument, scope);
  if (node.operator === "-") return -number(value);
  if (node.operator === "+") return number(value);
  if (node.operator === "!" || node.operator === "not") return !truth(value);
  throw new FormulaError(`unknown operator ${node.operator}`);
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => FormulaValue>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "**": (a, b) => a ** b,
  "^": (a, b) => a ** b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
};

function binary(node: jsep.BinaryExpression, scope: Scope): FormulaValue {
  const left = evaluate(node.left, scope);
  const right = (): FormulaValue => evaluate(node.right, scope);
  switch (node.operator) {
    case "and":
    case "&&":
      return truth(left) && truth(right());
    case "or":
    case "||":
      return truth(left) || truth(right());
    case "??":
      return left ?? right();
    case "==":
      return left === right();
    case "!=":
      return left !== right();
    case "in":
      return list(right()).includes(left);
    default: {
      const operation = ARITHMETIC[node.operator];
      if (operation === undefined) throw new FormulaError(`unknown operator ${node.operator}`);
      return operation(number(left), number(right()));
    }
  }
}

const numbers = (args: readonly FormulaValue[]): number[] =>
  args.flatMap((one) => (Array.isArray(one) ? numbers(one as readonly FormulaValue[]) : [number(one)]));

const sum = (args: readonly FormulaValue[]): number => numbers(args).reduce((total, one) => total + one, 0);

function mean(args: readonly FormulaValue[]): number {
  const all = numbers(args);
  return all.length === 0 ? 0 : sum(all) / all.length;
}

function median(args: readonly FormulaValue[]): number {
  const all = numbers(args).sort((a, b) => a - b);
  if (all.length === 0) return 0;
  const middle = Math.floor(all.length / 2);
  return all.length % 2 === 1 ? all[middle]! : (all[middle - 1]! + all[middle]!) / 2;
}

/** Go rounds halves away from zero, JavaScript upwards. */
const round = (value: number): number => Math.sign(value) * Math.round(Math.abs(value));

const FUNCTIONS: Readonly<Record<string, (args: readonly FormulaValue[]) => FormulaValue>> = {
  abs: ([value]) => Math.abs(number(value ?? null)),
  ceil: ([value]) => Math.ceil(number(value ?? null)),
  floor: ([value]) => Math.floor(number(value ?? null)),
  round: ([value]) => round(number(value ?? null)),
  int: ([value]) => Math.trunc(number(value ?? null)),
  float: ([value]) => number(value ?? null),
  max: (args) => Math.max(...numbers(args)),
  min: (args) => Math.min(...numbers(args)),
  sum,
  mean,
  median,
  len: ([value]) => list(value ?? null).length,
};

/** Functions that test each item, which the predicate names `#`. */
const TESTS: Readonly<Record<string, (passed: number, of: number) => FormulaValue>> = {
  count: (passed) => passed,
  any: (passed) => passed > 0,
  all: (passed, of) => passed === of,
  none: (passed) => passed === 0,
  one: (passed) => passed === 1,
};

function call(node: jsep.CallExpression, scope: Scope): FormulaValue {
  const name = node.callee.type === "Identifier" ? (node.callee as jsep.Identifier).name : "";
  const predicate = node.arguments[1];
  const body = predicate === undefined ? null : predicateBody(predicate);
  if (
    body !== null &&
    (Object.hasOwn(TESTS, name) || name === "filter" || name === "map" || name === "sum")
  ) {
    const items = list(evaluate(node.arguments[0]!, scope));
    const results = items.map((item) => evaluate(body, { ...scope, "#": item }));
    if (name === "map") return results;
    if (name === "sum") return sum(results);
    const passed = items.filter((_, index) => truth(results[index]!));
    return name === "filter" ? passed : TESTS[name]!(passed.length, items.length);
  }
  const args = node.arguments.map((one) => evaluate(one, scope));
  if (name === "count") return list(args[0] ?? null).filter((one) => one === true).length;
  if (!Object.hasOwn(FUNCTIONS, name)) throw new FormulaError(`unknown function ${name}`);
  return FUNCTIONS[name]!(args);
}

function predicateBody(node: Node): Node | null {
  if (node.type !== "CallExpression") return null;
  const { callee, arguments: args } = node as jsep.CallExpression;
  return callee.type === "Identifier" && (callee as jsep.Identifier).name === PREDICATE
    ? (args[0] ?? null)
    : null;
}
