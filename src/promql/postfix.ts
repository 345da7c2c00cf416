/** What may follow an expression: `[range]`, `[range:step]`, `offset`, `@`. */
import type { Expr, Subquery, VectorSelector } from "./ast.ts";
import type { Reader } from "./reader.ts";

export type AtTime = "start" | "end" | { readonly seconds: number };

type Target = VectorSelector | Subquery;

/** Applies `change` to what carries the time modifiers of `expr`; null where nothing does. */
function onTarget(expr: Expr, change: (target: Target) => Target, end: number): Expr | null {
  if (expr.kind === "matrixSelector") {
    const selector = change(expr.selector) as VectorSelector;
    return { ...expr, selector, span: { start: expr.span.start, end } };
  }
  if (expr.kind === "vectorSelector" || expr.kind === "subquery")
    return { ...change(expr), span: { start: expr.span.start, end } };
  return null;
}

const mustPrecede = (what: string): string =>
  `${what} must be preceded by an instant vector selector or range vector selector or a subquery`;

export function addOffset(reader: Reader, expr: Expr, offsetMs: number): Expr {
  const changed = onTarget(
    expr,
    (target) => {
      if (target.offsetMs !== 0) reader.fail(expr.span.start, "offset may not be set multiple times");
      return { ...target, offsetMs };
    },
    expr.span.end,
  );
  return changed ?? reader.fail(expr.span.start, mustPrecede("offset modifier"));
}

export function addAt(reader: Reader, expr: Expr, at: AtTime): Expr {
  if (typeof at !== "string" && !(Math.abs(at.seconds) < 2 ** 63))
    return reader.fail(
      expr.span.start,
      `timestamp out of bounds for @ modifier: ${goFloatWords(at.seconds)}`,
    );
  const changed = onTarget(
    expr,
    (target) => {
      if (target.at !== null) reader.fail(expr.span.start, "@ <timestamp> may not be set multiple times");
      return { ...target, at: typeof at === "string" ? at : Math.round(at.seconds * 1000) };
    },
    expr.span.end,
  );
  return changed ?? reader.fail(expr.span.start, mustPrecede("@ modifier"));
}

/** Go's `%f`. */
const goFloatWords = (value: number): string =>
  Number.isNaN(value) ? "NaN" : Number.isFinite(value) ? value.toFixed(6) : value > 0 ? "+Inf" : "-Inf";

export function addRange(reader: Reader, expr: Expr, rangeMs: number, bracketAt: number, end: number): Expr {
  if (expr.kind !== "vectorSelector")
    return reader.fail(bracketAt, "ranges only allowed for vector selectors");
  if (expr.offsetMs !== 0) return reader.fail(bracketAt, "no offset modifiers allowed before range");
  if (expr.at !== null) return reader.fail(bracketAt, "no @ modifiers allowed before range");
  return { kind: "matrixSelector", span: { start: expr.span.start, end }, selector: expr, rangeMs };
}

export const addSubquery = (expr: Expr, rangeMs: number, stepMs: number | null, end: number): Expr => ({
  kind: "subquery",
  span: { start: expr.span.start, end },
  expr,
  rangeMs,
  stepMs,
  offsetMs: 0,
  at: null,
});
