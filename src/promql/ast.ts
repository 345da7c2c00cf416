/** The typed tree of a query, after precedence and types were checked. */
import type { Matcher } from "./matchers.ts";

/** Offsets into the query's text: `start` ≤ i < `end`. */
export type Span = { readonly start: number; readonly end: number };

export type ValueType = "scalar" | "vector" | "matrix" | "string";

export type NumberLiteral = { readonly kind: "number"; readonly span: Span; readonly value: number };
export type StringLiteral = { readonly kind: "string"; readonly span: Span; readonly value: string };

/** `offset` and `@`, which selectors and subqueries take. */
export type TimeModifiers = {
  readonly offsetMs: number;
  /** Unix milliseconds, or the start or end of the query; null without `@`. */
  readonly at: number | "start" | "end" | null;
};

export type VectorSelector = TimeModifiers & {
  readonly kind: "vectorSelector";
  readonly span: Span;
  /** The name outside the braces, "" where there is none. */
  readonly name: string;
  /** All matchers, that of the name too. */
  readonly matchers: readonly Matcher[];
};

export type MatrixSelector = {
  readonly kind: "matrixSelector";
  readonly span: Span;
  readonly selector: VectorSelector;
  readonly rangeMs: number;
};

export type Subquery = TimeModifiers & {
  readonly kind: "subquery";
  readonly span: Span;
  readonly expr: Expr;
  readonly rangeMs: number;
  /** Null: the default evaluation interval. */
  readonly stepMs: number | null;
};

export type Call = {
  readonly kind: "call";
  readonly span: Span;
  readonly name: string;
  readonly args: readonly Expr[];
};

export type Aggregation = {
  readonly kind: "aggregation";
  readonly span: Span;
  readonly operator: AggregationOperator;
  readonly param: Expr | null;
  readonly expr: Expr;
  readonly grouping: readonly string[];
  readonly without: boolean;
};

export type AggregationOperator =
  | "avg"
  | "bottomk"
  | "count"
  | "count_values"
  | "group"
  | "limitk"
  | "limit_ratio"
  | "max"
  | "min"
  | "quantile"
  | "stddev"
  | "stdvar"
  | "sum"
  | "topk";

export type Arithmetic = "+" | "-" | "*" | "/" | "%" | "^" | "atan2";
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type SetOperator = "and" | "or" | "unless";
export type BinaryOperator = Arithmetic | Comparison | SetOperator;

export type VectorMatching = {
  readonly cardinality: "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";
  readonly on: boolean;
  readonly labels: readonly string[];
  /** Labels that `group_left`/`group_right` takes from the "one" side. */
  readonly include: readonly string[];
};

export type Binary = {
  readonly kind: "binary";
  readonly span: Span;
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
  readonly bool: boolean;
  /** Null unless both sides are vectors. */
  readonly matching: VectorMatching | null;
};

export type Unary = {
  readonly kind: "unary";
  readonly span: Span;
  readonly operator: "+" | "-";
  readonly expr: Expr;
};
export type Paren = { readonly kind: "paren"; readonly span: Span; readonly expr: Expr };

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | Binary
  | Unary
  | Paren;

export const isComparison = (operator: BinaryOperator): operator is Comparison =>
  operator === "==" ||
  operator === "!=" ||
  operator === "<" ||
  operator === "<=" ||
  operator === ">" ||
  operator === ">=";

export const isSetOperator = (operator: BinaryOperator): operator is SetOperator =>
  operator === "and" || operator === "or" || operator === "unless";
