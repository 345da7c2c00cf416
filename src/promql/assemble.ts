import { isSetOperator, type Binary, type BinaryOperator, type Expr, type VectorMatching } from "./ast.ts";

/** What stands between an operator and its right side. */
export type Modifiers = {
  readonly bool: boolean;
  readonly on: boolean;
  /** Null without `on` or `ignoring`. */
  readonly labels: readonly string[] | null;
  readonly group: "left" | "right" | null;
  readonly include: readonly string[];
};

export type Item =
  | { readonly kind: "operand"; readonly expr: Expr }
  | { readonly kind: "sign"; readonly sign: "+" | "-"; readonly at: number }
  | {
      readonly kind: "operator";
      readonly operator: string;
      readonly at: number;
      readonly modifiers: Modifiers;
    };

const strength: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  "==": 3,
  "!=": 3,
  "<": 3,
  "<=": 3,
  ">": 3,
  ">=": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": 6,
};
/** A sign binds as strongly as `*`, so `-1 ^ 2` is `-(1 ^ 2)`. */
const SIGN = 5;

/** Groups operands and operators by Prometheus' precedence: `^` to the right, all others to the left. */
export function assemble(items: readonly Item[]): Expr {
  let next = 0;

  const operand = (): Expr => {
    const item = items[next++];
    if (item?.kind === "sign") {
      const expr = climb(SIGN + 1, operand());
      const span = { start: item.at, end: expr.span.end };
      if (expr.kind === "number")
        return { ...expr, span, value: item.sign === "-" ? -expr.value : expr.value };
      return { kind: "unary", span, operator: item.sign, expr };
    }
    // The grammar only yields an operand here.
    if (item?.kind !== "operand") throw new RangeError("an operand was expected");
    return item.expr;
  };

  const climb = (least: number, first: Expr): Expr => {
    let left = first;
    for (;;) {
      const item = items[next];
      if (item?.kind !== "operator") return left;
      const power = strength[item.operator] ?? 0;
      if (power < least) return left;
      next++;
      const right = climb(item.operator === "^" ? power : power + 1, operand());
      left = binary(item.operator as BinaryOperator, item.modifiers, left, right);
    }
  };

  return climb(0, operand());
}

function binary(operator: BinaryOperator, modifiers: Modifiers, left: Expr, right: Expr): Binary {
  const cardinality: VectorMatching["cardinality"] =
    modifiers.group === "left"
      ? "many-to-one"
      : modifiers.group === "right"
        ? "one-to-many"
        : isSetOperator(operator)
          ? "many-to-many"
          : "one-to-one";
  const matching: VectorMatching = {
    cardinality,
    on: modifiers.on,
    labels: modifiers.labels ?? [],
    include: modifiers.include,
  };
  const span = { start: left.span.start, end: right.span.end };
  return { kind: "binary", span, operator, left, right, bool: modifiers.bool, matching };
}
