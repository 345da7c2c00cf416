/** The PromQL of Prometheus triggers, parsed once: what it selects, and how many series it can answer. */
import type { Expr } from "../promql/ast.ts";
import { typeOf } from "../promql/check.ts";
import { PromqlError } from "../promql/errors.ts";
import { parse } from "../promql/parse.ts";
import { allOf, metricOf, selectorsIn } from "../promql/selectors.ts";
import type { ScaledObject, Trigger } from "../topology/types.ts";
import type { Facts } from "./facts.ts";
import type { Path } from "./hash-rules.ts";

export type Query = {
  readonly scaledObject: ScaledObject;
  readonly trigger: Trigger;
  readonly text: string;
  readonly path: Path;
  /** Null where it cannot be parsed; then `error` says why. */
  readonly expr: Expr | null;
  readonly error: string | null;
};

const known = new WeakMap<Facts, readonly Query[]>();

export function queriesOf(facts: Facts): readonly Query[] {
  const before = known.get(facts);
  if (before !== undefined) return before;
  const found = facts.scaledObjects.flatMap((scaledObject) =>
    scaledObject.triggers.flatMap((trigger, i): Query[] => {
      const text = trigger.metadata.query;
      if (trigger.type !== "prometheus" || text === undefined) return [];
      const path = ["spec", "triggers", i, "metadata", "query"];
      return [{ scaledObject, trigger, text: text.trim(), path, ...parsed(text.trim()) }];
    }),
  );
  known.set(facts, found);
  return found;
}

function parsed(text: string): Pick<Query, "expr" | "error"> {
  try {
    return { expr: parse(text), error: null };
  } catch (error) {
    if (error instanceof PromqlError) return { expr: null, error: error.message };
    throw error;
  }
}

export { allOf, metricOf, selectorsIn };

export const unwrapped = (expr: Expr): Expr =>
  expr.kind === "paren" || expr.kind === "unary" ? unwrapped(expr.expr) : expr;

export const isScalar = (expr: Expr): boolean => typeOf(expr) === "scalar";

/** Labels that every selector below pins to one value. */
const pinned = (expr: Expr): ReadonlySet<string> => {
  const [first, ...rest] = selectorsIn(expr).map(
    ({ matchers }) => new Set(matchers.filter(({ operator }) => operator === "=").map(({ name }) => name)),
  );
  return new Set([...(first ?? [])].filter((name) => rest.every((other) => other.has(name))));
};

/** Labels of an answer of at most one series; null where there can be several, or it cannot be told. */
export function singleSeries(expr: Expr): readonly string[] | null {
  const one = unwrapped(expr);
  switch (one.kind) {
    case "aggregation": {
      if (["topk", "bottomk", "limitk", "limit_ratio", "count_values"].includes(one.operator) || one.without)
        return null;
      const fixed = pinned(one.expr);
      return one.grouping.every((label) => fixed.has(label)) ? one.grouping : null;
    }
    case "call": {
      if (one.name === "vector") return [];
      if (one.name === "absent" || one.name === "absent_over_time") return [];
      if (one.name === "histogram_quantile") {
        const inner = one.args[1] === undefined ? null : unwrapped(one.args[1]);
        if (inner?.kind !== "aggregation" || inner.without) return null;
        const fixed = pinned(inner.expr);
        const labels = inner.grouping.filter((label) => label !== "le");
        return labels.every((label) => fixed.has(label)) ? labels : null;
      }
      const vector = one.args.find((argument) => typeOf(argument) === "vector");
      return vector === undefined ? null : singleSeries(vector);
    }
    case "binary": {
      const sides = [one.left, one.right].filter((side) => !isScalar(side)).map(singleSeries);
      const [left, right] = sides;
      if (sides.length === 1) return left ?? null;
      if (one.operator === "or")
        return left && right && [...left].sort().join() === [...right].sort().join() ? left : null;
      return left ?? right ?? null;
    }
    default:
      return null;
  }
}
