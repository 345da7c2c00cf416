/** What a query selects. */
import type { Expr, VectorSelector } from "./ast.ts";

const parts = (expr: Expr): readonly Expr[] => {
  switch (expr.kind) {
    case "matrixSelector":
      return [expr.selector];
    case "subquery":
    case "unary":
    case "paren":
      return [expr.expr];
    case "aggregation":
      return expr.param === null ? [expr.expr] : [expr.param, expr.expr];
    case "call":
      return expr.args;
    case "binary":
      return [expr.left, expr.right];
    default:
      return [];
  }
};

/** An expression and everything in it. */
export const allOf = (expr: Expr): readonly Expr[] => [expr, ...parts(expr).flatMap(allOf)];

export const selectorsIn = (expr: Expr): readonly VectorSelector[] =>
  allOf(expr).filter((one) => one.kind === "vectorSelector");

export const metricOf = (selector: VectorSelector): string =>
  selector.name ||
  (selector.matchers.find(({ name, operator }) => name === "__name__" && operator === "=")?.value ?? "");
