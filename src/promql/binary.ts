import { isComparison, type Binary, type BinaryOperator, type VectorMatching } from "./ast.ts";
import { executionError } from "./errors.ts";
import { pow } from "./go-math.ts";
import { METADATA_LABELS, type Labels } from "./labels.ts";
import type { VectorSample } from "./value.ts";

/** The value of arithmetic, or for a comparison the left value and whether it holds. */
function apply(operator: BinaryOperator, left: number, right: number): { value: number; keep: boolean } {
  switch (operator) {
    case "+":
      return { value: left + right, keep: true };
    case "-":
      return { value: left - right, keep: true };
    case "*":
      return { value: left * right, keep: true };
    case "/":
      return { value: left / right, keep: true };
    case "%":
      return { value: left % right, keep: true };
    case "^":
      return { value: pow(left, right), keep: true };
    case "atan2":
      return { value: Math.atan2(left, right), keep: true };
    case "==":
      return { value: left, keep: left === right };
    case "!=":
      return { value: left, keep: left !== right };
    case "<":
      return { value: left, keep: left < right };
    case "<=":
      return { value: left, keep: left <= right };
    case ">":
      return { value: left, keep: left > right };
    case ">=":
      return { value: left, keep: left >= right };
    default:
      throw executionError(`operator "${operator}" not allowed for Scalar operations`);
  }
}

const asNumber = (holds: boolean): number => (holds ? 1 : 0);

export function scalarBinary(operator: BinaryOperator, left: number, right: number): number {
  const { value, keep } = apply(operator, left, right);
  return isComparison(operator) ? asNumber(keep) : value;
}

/** Whether the result is something else than its left side was. Version 2 forgot `atan2`. */
const dropsName = ({ operator, bool }: Binary, version: 2 | 3): boolean =>
  bool || !(isComparison(operator) || (operator === "atan2" && version === 2));

/** A vector with a number on one side; `swapped` where the number stands on the left. */
export function vectorScalarBinary(
  expr: Binary,
  samples: readonly VectorSample[],
  scalar: number,
  swapped: boolean,
  version: 2 | 3,
): VectorSample[] {
  const { operator, bool } = expr;
  const comparison = isComparison(operator);
  const out: VectorSample[] = [];
  for (const sample of samples) {
    const { value, keep } = swapped
      ? apply(operator, scalar, sample.value)
      : apply(operator, sample.value, scalar);
    if (bool) out.push({ labels: sample.labels.withoutName(), value: asNumber(keep) });
    else if (comparison) {
      if (keep) out.push(sample);
    } else
      out.push({ labels: dropsName(expr, version) ? sample.labels.withoutName() : sample.labels, value });
  }
  return out;
}

/** What two series must share to match. */
function signature(matching: VectorMatching): (labels: Labels) => string {
  const { on, labels: names } = matching;
  if (on) return (labels) => labels.keeping(names).key;
  if (names.length === 0) return (labels) => labels.withoutName().key;
  const dropped = [...METADATA_LABELS, ...names];
  return (labels) => labels.dropping(dropped).key;
}

export function setOperation(
  operator: "and" | "or" | "unless",
  matching: VectorMatching,
  left: readonly VectorSample[],
  right: readonly VectorSample[],
): readonly VectorSample[] {
  const keyOf = signature(matching);
  if (operator === "or") {
    if (left.length === 0) return right;
    const present = new Set(left.map((sample) => keyOf(sample.labels)));
    return [...left, ...right.filter((sample) => !present.has(keyOf(sample.labels)))];
  }
  if (left.length === 0) return [];
  const present = new Set(right.map((sample) => keyOf(sample.labels)));
  return left.filter((sample) => present.has(keyOf(sample.labels)) === (operator === "and"));
}

function duplicates(matching: VectorMatching, found: Labels, before: Labels): Error {
  const group = matching.on
    ? found.keeping(matching.labels)
    : found.dropping([...METADATA_LABELS, ...matching.labels]);
  const side = matching.cardinality === "one-to-many" ? "left" : "right";
  const both = [found.toString(), before.toString()].sort();
  return executionError(
    `found duplicate series for the match group ${group.toString()} on the ${side} hand-side of the operation: ` +
      `[${both.join(", ")}];many-to-many matching not allowed: matching labels must be unique on one side`,
  );
}

/** Arithmetic or comparison between two vectors (prometheus/prometheus promql/engine.go, VectorBinop). */
export function vectorBinary(
  expr: Binary,
  matching: VectorMatching,
  leftSide: readonly VectorSample[],
  rightSide: readonly VectorSample[],
  version: 2 | 3,
): VectorSample[] {
  if (leftSide.length === 0 || rightSide.length === 0) return [];
  const { operator, bool } = expr;
  const keyOf = signature(matching);
  const swapped = matching.cardinality === "one-to-many";
  const [many, one] = swapped ? [rightSide, leftSide] : [leftSide, rightSide];

  const ones = new Map<string, VectorSample>();
  for (const sample of one) {
    const key = keyOf(sample.labels);
    const before = ones.get(key);
    if (before !== undefined) throw duplicates(matching, sample.labels, before.labels);
    ones.set(key, sample);
  }

  const matched = new Map<string, Set<string>>();
  const out: VectorSample[] = [];
  for (const sample of many) {
    const key = keyOf(sample.labels);
    const other = ones.get(key);
    if (other === undefined) continue;
    const { value, keep } = swapped
      ? apply(operator, other.value, sample.value)
      : apply(operator, sample.value, other.value);
    // Version 2 counted only those matches that the comparison kept.
    if (version === 2 && !keep && !bool) continue;
    const labels = resultLabels(expr, matching, sample.labels, other.labels, version);
    const before = matched.get(key);
    if (matching.cardinality === "one-to-one") {
      if (before !== undefined)
        throw executionError(
          "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        );
      matched.set(key, new Set());
    } else if (before === undefined) matched.set(key, new Set([labels.key]));
    else if (before.has(labels.key))
      throw executionError("multiple matches for labels: grouping labels must ensure unique matches");
    else before.add(labels.key);
    if (bool) out.push({ labels, value: asNumber(keep) });
    else if (keep) out.push({ labels, value });
  }
  return out;
}

function resultLabels(
  expr: Binary,
  matching: VectorMatching,
  many: Labels,
  one: Labels,
  version: 2 | 3,
): Labels {
  let labels = dropsName(expr, version) ? many.withoutName() : many;
  if (matching.cardinality === "one-to-one") {
    if (matching.on) labels = labels.keeping(matching.labels);
    else if (matching.labels.length > 0) labels = labels.dropping(matching.labels);
  }
  for (const name of matching.include) labels = labels.with(name, one.get(name));
  return labels;
}
