import { isComparison, isSetOperator, type Binary, type Call, type Expr, type ValueType } from "./ast.ts";
import { METRIC_NAME, goQuote } from "./labels.ts";
import { parseError } from "./parse-error.ts";
import { functionSignatures } from "./signatures.ts";

const documented: Readonly<Record<ValueType, string>> = {
  scalar: "scalar",
  vector: "instant vector",
  matrix: "range vector",
  string: "string",
};

/** The type that `expr` evaluates to. */
export function typeOf(expr: Expr, version: 2 | 3 = 3): ValueType {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "vectorSelector":
    case "aggregation":
      return "vector";
    case "matrixSelector":
    case "subquery":
      return "matrix";
    case "call":
      return functionSignatures(version).get(expr.name)?.returns ?? "vector";
    case "binary":
      return typeOf(expr.left, version) === "scalar" && typeOf(expr.right, version) === "scalar"
        ? "scalar"
        : "vector";
    default:
      return typeOf(expr.expr, version);
  }
}

/** Throws the first type error of the tree, innermost first, in Prometheus' words. */
export function checkTypes(query: string, root: Expr, version: 2 | 3): void {
  const fail = (offset: number, message: string): never => {
    throw parseError(query, offset, message);
  };
  const expect = (expr: Expr, wanted: ValueType, context: string): void => {
    const found = check(expr);
    if (found !== wanted)
      fail(expr.span.start, `expected type ${documented[wanted]} in ${context}, got ${documented[found]}`);
  };

  const check = (expr: Expr): ValueType => {
    switch (expr.kind) {
      case "aggregation":
        expect(expr.expr, "vector", "aggregation expression");
        if (expr.param !== null)
          expect(expr.param, expr.operator === "count_values" ? "string" : "scalar", "aggregation parameter");
        break;
      case "binary":
        checkBinary(expr);
        break;
      case "call":
        checkCall(expr);
        break;
      case "paren":
        check(expr.expr);
        break;
      case "unary": {
        const type = check(expr.expr);
        if (type !== "scalar" && type !== "vector")
          fail(
            expr.span.start,
            `unary expression only allowed on expressions of type scalar or instant vector, got ${goQuote(documented[type])}`,
          );
        break;
      }
      case "subquery": {
        const type = check(expr.expr);
        if (type !== "vector")
          fail(expr.span.start, `subquery is only allowed on instant vector, got ${type} instead`);
        break;
      }
      case "matrixSelector":
        check(expr.selector);
        break;
      case "vectorSelector": {
        if (expr.name !== "") {
          const twice = expr.matchers.slice(0, -1).find((one) => one.name === METRIC_NAME);
          if (twice !== undefined)
            fail(
              expr.span.start,
              `metric name must not be set twice: ${goQuote(expr.name)} or ${goQuote(twice.value)}`,
            );
        } else if (expr.matchers.every((one) => one.matches("")))
          fail(expr.span.start, "vector selector must contain at least one non-empty matcher");
        break;
      }
      default:
    }
    return typeOf(expr, version);
  };

  const checkBinary = (expr: Binary): void => {
    const left = check(expr.left);
    const right = check(expr.right);
    const { start } = expr.span;
    const afterLeft = /^\s*/.exec(query.slice(expr.left.span.end))?.[0].length ?? 0;
    const operatorAt = expr.left.span.end + afterLeft;
    const scalars = left === "scalar" && right === "scalar";
    if (expr.bool && !isComparison(expr.operator))
      fail(operatorAt, "bool modifier can only be used on comparison operators");
    if (isComparison(expr.operator) && !expr.bool && scalars)
      fail(operatorAt, "comparisons between scalars must use BOOL modifier");
    const { matching } = expr;
    if (matching?.on === true) {
      const both = matching.labels.find((label) => matching.include.includes(label));
      if (both !== undefined)
        fail(operatorAt, `label ${goQuote(both)} must not occur in ON and GROUP clause at once`);
    }
    const message = "binary expression must contain only scalar and instant vector types";
    if (left !== "scalar" && left !== "vector") fail(expr.left.span.start, message);
    if (right !== "scalar" && right !== "vector") fail(expr.right.span.start, message);
    if (left !== "vector" || right !== "vector") {
      if (matching !== null && matching.labels.length > 0)
        fail(start, "vector matching only allowed between instant vectors");
    } else if (isSetOperator(expr.operator) && matching !== null && matching.cardinality !== "many-to-many")
      fail(start, `no grouping allowed for ${goQuote(expr.operator)} operation`);
    if ((left === "scalar" || right === "scalar") && isSetOperator(expr.operator))
      fail(start, `set operator ${goQuote(expr.operator)} not allowed in binary scalar expression`);
  };

  const checkCall = (expr: Call): void => {
    const signature = functionSignatures(version).get(expr.name);
    if (signature === undefined) return;
    const { args, variadic } = signature;
    const given = expr.args.length;
    const call = `call to ${goQuote(expr.name)}, got ${given}`;
    const { start } = expr.span;
    if (variadic === 0) {
      if (given !== args.length) fail(start, `expected ${args.length} argument(s) in ${call}`);
    } else {
      const least = args.length - 1;
      if (given < least) fail(start, `expected at least ${least} argument(s) in ${call}`);
      if (variadic > 0 && given > least + variadic)
        fail(start, `expected at most ${least + variadic} argument(s) in ${call}`);
    }
    for (const [i, arg] of expr.args.entries()) {
      const wanted = args[Math.min(i, args.length - 1)];
      if (wanted !== undefined) expect(arg, wanted, `call to function ${goQuote(expr.name)}`);
    }
  };

  check(root);
}
