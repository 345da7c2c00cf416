import type { Expr } from "./ast.ts";
import { checkTypes } from "./check.ts";
import { readTree } from "./read-tree.ts";

export type ParseOptions = {
  /** Default 3. */
  readonly version?: 2 | 3;
  /** As `--enable-feature=promql-experimental-functions`. Default false. */
  readonly experimentalFunctions?: boolean;
  /** What `step()` and `range()` mean in durations; an instant query has neither. */
  readonly times?: { readonly stepMs: number; readonly rangeMs: number };
};

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
