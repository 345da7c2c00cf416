import type { Expr } from "./ast.ts";

/** Functions that look at the time of the evaluation, whatever their arguments. */
const timely: ReadonlySet<string> = new Set([
  "days_in_month",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "hour",
  "minute",
  "month",
  "year",
  "predict_linear",
  "time",
  "timestamp",
]);

/**
 * Whether `expr` comes to the same at every instant of a query, because `@` fixes all that it looks at.
 * Source: prometheus/prometheus promql/engine.go (preprocessExprHelper).
 */
export function isStepInvariant(expr: Expr): boolean {
  switch (expr.kind) {
    case "number":
    case "string":
      return true;
    case "vectorSelector":
    case "subquery":
      return expr.at !== null;
    case "matrixSelector":
      return expr.selector.at !== null;
    case "binary":
      return isStepInvariant(expr.left) && isStepInvariant(expr.right);
    case "call":
      if (expr.name === "timestamp")
        return expr.args.every((arg) => arg.kind === "vectorSelector" && arg.at !== null);
      return !timely.has(expr.name) && expr.args.every(isStepInvariant);
    default:
      return isStepInvariant(expr.expr);
  }
}
