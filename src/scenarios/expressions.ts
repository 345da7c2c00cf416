/** Small sums over the numbers of a topology, as scenario files write them: `ceil(active / threshold)`. */
import jsep from "jsep";
import { nearest } from "../topology/suggest.ts";

export class ExpressionError extends Error {}

type Node = jsep.Expression;

const FUNCTIONS: Readonly<
  Record<string, { readonly arity: number | null; readonly of: (...of: number[]) => number }>
> = {
  ceil: { arity: 1, of: (n) => Math.ceil(n) },
  floor: { arity: 1, of: (n) => Math.floor(n) },
  round: { arity: 1, of: (n) => Math.round(n) },
  min: { arity: null, of: (...numbers) => Math.min(...numbers) },
  max: { arity: null, of: (...numbers) => Math.max(...numbers) },
};

const OPERATORS: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

export type Scope = Readonly<Record<string, number>>;

function evaluateNode(node: Node, scope: Scope): number {
  switch (node.type) {
    case "Literal": {
      const { value, raw } = node as jsep.Literal;
      if (typeof value !== "number") throw new ExpressionError(`${raw} is not a number`);
      return value;
    }
    case "Identifier": {
      const { name } = node as jsep.Identifier;
      if (Object.hasOwn(scope, name)) return scope[name]!;
      const meant = nearest(name, Object.keys(scope));
      const hint = meant === null ? "" : `; did you mean "${meant}"?`;
      throw new ExpressionError(`unknown name "${name}"${hint} Names here: ${Object.keys(scope).join(", ")}`);
    }
    case "UnaryExpression": {
      const { operator, argument } = node as jsep.UnaryExpression;
      if (operator !== "-" && operator !== "+") break;
      const value = evaluateNode(argument, scope);
      return operator === "-" ? -value : value;
    }
    case "BinaryExpression": {
      const { operator, left, right } = node as jsep.BinaryExpression;
      const combine = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
      if (!combine) throw new ExpressionError(`"${operator}" is not one of + - * /`);
      return combine(evaluateNode(left, scope), evaluateNode(right, scope));
    }
    case "CallExpression": {
      const { callee, arguments: given } = node as jsep.CallExpression;
      const name = callee.type === "Identifier" ? (callee as jsep.Identifier).name : "";
      const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
      if (!known) {
        throw new ExpressionError(
          `unknown function "${name}"; there are ${Object.keys(FUNCTIONS).join(", ")}`,
        );
      }
      if (given.length === 0 || (known.arity !== null && given.length !== known.arity)) {
        throw new ExpressionError(
          `${name}() takes ${known.arity ?? "one or more"} number(s), found ${given.length}`,
        );
      }
      return known.of(...given.map((argument) => evaluateNode(argument, scope)));
    }
    default:
  }
  throw new ExpressionError(
    "only numbers, names, + - * /, parentheses and ceil floor round min max are understood",
  );
}

/**
 * The value of `expression` (a number stands for itself).
 *
 * @throws {ExpressionError} for what cannot be read, a name that is not in `scope`, or no finite result.
 */
export function evaluate(expression: number | string, scope: Scope): number {
  if (typeof expression === "number") return expression;
  let node: Node;
  try {
    node = jsep(expression);
  } catch (error) {
    throw new ExpressionError(error instanceof Error ? error.message : String(error));
  }
  const value = evaluateNode(node, scope);
  if (!Number.isFinite(value)) throw new ExpressionError(`has no finite value (${value})`);
  return value;
}
