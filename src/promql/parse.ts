import type { Expr } from "./ast.ts";
import { checkTypes } from "./check.ts";
import type { ParseOptions } from "./parse-options.ts";
import { readTree } from "./read-tree.ts";

/**
 * Reads a query. Throws a `PromqlError` (`bad_data`) in Prometheus' words: `1:5: parse error: …`.
 * Source: prometheus/prometheus promql/parser/parse.go, generated_parser.y.
 */
export function parse(query: string, options: ParseOptions = {}): Expr {
  const resolved: Required<ParseOptions> = {
    version: options.version ?? 3,
    experimentalFunctions: options.experimentalFunctions ?? false,
    times: options.times ?? { stepMs: 0, rangeMs: 0 },
  };
  const expr = readTree(query, resolved);
  checkTypes(query, expr, resolved.version);
  return expr;
}
