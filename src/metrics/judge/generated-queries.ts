/** Queries to compare answers on, made from a seed. */
import { stream, type Random } from "../../seed/seed.ts";

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)] as T;

const vectorSelectors = [
  "active_tenants",
  "requests_total",
  "temperature",
  "limit",
  "info",
  "up",
  'active_tenants{tier="small"}',
  'requests_total{job=~"api|batch"}',
  'temperature{pod!="2"}',
  'active_tenants{job="gateway",tier!~"la.*"}',
  "large",
  "cancelling",
  "twin_one",
];
const overTime = [
  "rate increase irate delta idelta deriv changes resets avg_over_time min_over_time max_over_time sum_over_time",
  "count_over_time stddev_over_time stdvar_over_time last_over_time present_over_time absent_over_time",
]
  .join(" ")
  .split(" ");
// Those whose last digit depends on the library are compared by hand-written queries only: what is built on them may
// enlarge it.
const onVector = "abs ceil floor sqrt sgn round minute day_of_week sort absent deg".split(" ");
const aggregations = "sum avg min max count group stddev stdvar".split(" ");
const labelLists = ["", "tier", "job", "job, tier", "pod", "tier, missing", "instance, pod"];
const durations = ["20s", "1m", "90s", "3m", "5m", "10m", "31s", "1500ms"];
const numbers = ["0", "1", "2", "3.5", "-1", "0.25", "100", "NaN", "Inf", "1e3"];

/** An instant vector. */
function vector(random: Random, depth: number): string {
  if (depth <= 0) return pick(random, vectorSelectors) + modifier(random);
  const next = (): string => vector(random, depth - 1);
  switch (random.below(14)) {
    case 0:
    case 1:
      return pick(random, vectorSelectors) + modifier(random);
    case 2:
    case 3:
      return `${pick(random, overTime)}(${range(random, depth)})`;
    case 4:
      return `quantile_over_time(${pick(random, ["0", "0.5", "0.9", "1", "2"])}, ${range(random, depth)})`;
    case 5:
      return `predict_linear(${range(random, depth)}, ${pick(random, numbers)})`;
    case 6:
      return `${pick(random, onVector)}(${next()})`;
    case 7:
    case 8: {
      const clause =
        random.below(3) === 0 ? "" : `${pick(random, ["by", "without"])} (${pick(random, labelLists)})`;
      return `${pick(random, aggregations)} ${clause} (${next()})`;
    }
    case 9: {
      const clause = random.below(2) === 0 ? "" : ` by (${pick(random, labelLists)})`;
      const operator = pick(random, [
        `quantile${clause}(${pick(random, numbers)},`,
        `count_values${clause}("v",`,
      ]);
      // A value that became a label must not differ by its last digit.
      return operator.startsWith("count")
        ? `${operator} round(clamp(${next()}, -1e6, 1e6), 0.5))`
        : `${operator} ${next()})`;
    }
    case 10:
    case 11: {
      const operator = pick(random, ["+", "-", "*", "/", "%", ">", "<", ">=", "!=", "== bool", "> bool"]);
      return random.below(2) === 0
        ? `(${next()} ${operator} ${scalar(random, depth - 1)})`
        : `(${scalar(random, depth - 1)} ${operator} ${next()})`;
    }
    case 12: {
      const operator = pick(random, ["+", "-", "*", "/", ">", "<= bool", "==", "and", "or", "unless"]);
      const set = /^(and|or|unless)$/.test(operator);
      const matching = pick(random, [
        "",
        "on(tier)",
        "on(tier, pod, job)",
        "ignoring(instance)",
        "ignoring(code, pod)",
      ]);
      const group =
        set || matching === ""
          ? ""
          : pick(random, ["", "group_left", "group_right", "group_left(code)", "group_right(job)"]);
      return `(${next()} ${operator} ${matching} ${group} ${next()})`;
    }
    default:
      return pick(random, [
        `clamp(${next()}, ${pick(random, numbers)}, ${pick(random, numbers)})`,
        `clamp_min(${next()}, ${scalar(random, depth - 1)})`,
        `label_replace(${next()}, "x", "$1", "pod", "(.)-?(.*)")`,
        `label_join(${next()}, "x", "-", "job", "pod")`,
        `round(${next()}, ${pick(random, ["0.5", "2", "10"])})`,
        `vector(${scalar(random, depth - 1)})`,
        `histogram_quantile(${pick(random, ["0.1", "0.5", "0.95"])}, sum by (le, tier) (rate(latency_seconds_bucket[${pick(random, durations)}])))`,
        `-${next()}`,
      ]);
  }
}

function scalar(random: Random, depth: number): string {
  const kind = random.below(6);
  if (kind === 0) return "time()";
  if (kind === 1 && depth > 0) return `scalar(${vector(random, depth - 1)})`;
  if (kind === 2 && depth > 0)
    return `(${scalar(random, depth - 1)} ${pick(random, ["+", "-", "*", "/"])} ${scalar(random, depth - 1)})`;
  return pick(random, numbers);
}

function range(random: Random, depth: number): string {
  if (random.below(5) === 0)
    return `(${vector(random, depth - 1)})[${pick(random, durations)}:${pick(random, ["", "7s", "30s", "1m"])}]${modifier(random)}`;
  return `${pick(random, vectorSelectors)}[${pick(random, durations)}]${modifier(random)}`;
}

function modifier(random: Random): string {
  switch (random.below(12)) {
    case 0:
      return ` offset ${pick(random, durations)}`;
    case 1:
      return ` offset -${pick(random, durations)}`;
    case 2:
      return ` @ ${1_700_000_000 + random.below(2400)}`;
    case 3:
      return pick(random, [" @ start()", " @ end()", ` @ 1700001000 offset ${pick(random, durations)}`]);
    default:
      return "";
  }
}

/** `count` queries, the same for the same seed. */
export function generateQueries(seed: number, count: number): string[] {
  const random = stream(seed, "queries");
  return Array.from({ length: count }, () =>
    random.below(12) === 0 ? scalar(random, 3) : vector(random, 1 + random.below(3)),
  );
}
