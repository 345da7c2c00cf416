/**
 * Which queries a real Prometheus answers the same at any speed of the run. It counts real seconds: five minutes in a
 * query would be 100 minutes of the topology at speed 20. What names no time means the same.
 */
import type { Expr } from "../../../promql/ast.ts";
import { PromqlError } from "../../../promql/errors.ts";
import { parse } from "../../../promql/parse.ts";

/** The first part of the query that is neither an instant selector nor an aggregation, in words; null for none. */
export function timeBoundPart(query: string): string | null {
  try {
    return found(parse(query));
  } catch (problem) {
    // What cannot be read is Prometheus' to refuse, in its own words.
    if (problem instanceof PromqlError) return null;
    throw problem;
  }
}

function found(expr: Expr): string | null {
  switch (expr.kind) {
    case "vectorSelector":
      if (expr.at !== null) return "@";
      return expr.offsetMs === 0 ? null : "offset";
    case "aggregation":
      return (expr.param === null || isLiteral(expr.param) ? null : found(expr.param)) ?? found(expr.expr);
    case "paren":
      return found(expr.expr);
    case "matrixSelector":
      return "a range";
    case "subquery":
      return "a subquery";
    case "call":
      return `${expr.name}()`;
    case "binary":
      return `the operator ${expr.operator}`;
    case "unary":
      return `the sign ${expr.operator}`;
    default:
      return "a constant";
  }
}

/** The number of topk(), the label of count_values(). */
const isLiteral = ({ kind }: Expr): boolean => kind === "number" || kind === "string";
