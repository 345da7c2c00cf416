/** Queries to compare answers on: written by hand, and made from a seed. */
import { stream, type Random } from "../../seed/seed.ts";

export const handWritten: readonly string[] = [
  // Selectors.
  "active_tenants",
  'active_tenants{tier="small"}',
  'active_tenants{tier!="small",job=~"api|gate.*"}',
  'active_tenants{tier!~"small|large",missing=""}',
  '{__name__="active_tenants",tier="small"}',
  '{"active_tenants",tier="small"}',
  '{__name__=~"active.*",pod="api-1"}',
  'active_tenants{pod=~".+-[0-3]"}',
  "active_tenants offset 3m",
  "active_tenants offset -90s",
  "active_tenants @ 1700000900",
  "active_tenants @ 1700000900.5 offset 1m",
  "active_tenants offset 1m @ start()",
  "rate(requests_total[5m] @ end())",
  "active_tenants[1m]",
  "active_tenants[1m] offset 2m",
  "nothing_there",
  // Precedence.
  "1 + 2 * 3 ^ 2 ^ 0.5 % 4 - -2",
  "-1 ^ 2",
  "-active_tenants ^ 2",
  "2 ^ -1 ^ 2",
  "active_tenants + active_tenants offset 5m * 2",
  "sum(active_tenants) + sum(active_tenants offset 5m)",
  "active_tenants > 3 and active_tenants < 10 or active_tenants == 12 unless active_tenants != 12",
  "1 == bool 1 != bool 2",
  "-active_tenants",
  "+active_tenants",
  "2 - -active_tenants",
  "0x1F + 1e3 + .5 + 017 + Inf - NaN",
  "5m + 1h30m",
  '"text"',
  "'it''s'",
  '"a\\n\\u00e9\\x41"',
  "`raw \\n`",
  // Aggregations.
  "sum(active_tenants)",
  "sum by (tier) (active_tenants)",
  "sum without (pod, instance) (active_tenants)",
  "avg by (job, tier) (temperature)",
  "min by (tier) (temperature)",
  "max(temperature) by (tier)",
  "count by (code) (requests_total)",
  "group by (job) (active_tenants)",
  "stddev by (tier) (active_tenants)",
  "stdvar(temperature)",
  "topk(3, active_tenants)",
  "bottomk(2, active_tenants) by (tier)",
  "topk(0, active_tenants)",
  "topk(NaN, active_tenants)",
  "quantile(0.9, active_tenants)",
  "quantile by (tier) (0.37, active_tenants)",
  "quantile(1.5, active_tenants)",
  "quantile(NaN, active_tenants)",
  'count_values("value", active_tenants)',
  'count_values by (tier) ("value", round(active_tenants, 5))',
  'count_values("", active_tenants)',
  "sum(cancelling)",
  "avg(cancelling)",
  "avg(large)",
  "sum by (nothing) (active_tenants)",
  'topk(scalar(limit{tier="small"}), active_tenants)',
  // Rates.
  "rate(requests_total[5m])",
  "rate(requests_total[1m])",
  "rate(requests_total[40m])",
  "rate(requests_total[4s])",
  "irate(requests_total[2m])",
  "increase(requests_total[7m])",
  "delta(active_tenants[5m])",
  "idelta(active_tenants[5m])",
  "deriv(active_tenants[5m])",
  "predict_linear(active_tenants[10m], 600)",
  "predict_linear(active_tenants[10m] offset 3m, 600)",
  "changes(up[20m])",
  "resets(requests_total[20m])",
  "rate(active_tenants[5m])",
  "sum by (tier) (rate(requests_total[5m]))",
  'sum(rate(requests_total{code="500"}[5m])) / sum(rate(requests_total[5m]))',
  'rate({__name__=~"twin.*"}[5m])',
  "rate((requests_total[5m]))",
  // Over time.
  ...["absent", "avg", "count", "first", "last", "max", "min", "present", "stddev", "stdvar", "sum"].flatMap(
    (name) => [`${name}_over_time(temperature[5m])`, `${name}_over_time(large[2m])`],
  ),
  "quantile_over_time(0.3, active_tenants[5m])",
  "quantile_over_time(-1, active_tenants[5m])",
  'absent_over_time(nothing{a="b",c=~"d",e="f",e="g"}[5m])',
  "max_over_time(sum(active_tenants)[10m:1m])",
  "avg_over_time(rate(requests_total[1m])[5m:30s])",
  "sum_over_time(active_tenants[3m:20s] offset 1m)",
  "last_over_time(active_tenants[5m:])",
  "active_tenants[2m:30s]",
  "sum(active_tenants)[2m:30s] @ 1700001000 offset 30s",
  "max_over_time(rate(requests_total[1m])[5m:1m] @ 1700001500)",
  "max_over_time(min_over_time(active_tenants[2m:10s])[4m:1m])",
  // Histograms.
  "histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))",
  "histogram_quantile(0.5, sum by (le, tier) (rate(latency_seconds_bucket[5m])))",
  "histogram_quantile(0.99, latency_seconds_bucket)",
  "histogram_quantile(0, latency_seconds_bucket)",
  "histogram_quantile(1, latency_seconds_bucket)",
  "histogram_quantile(2, latency_seconds_bucket)",
  "histogram_quantile(0.5, active_tenants)",
  'histogram_quantile(0.5, latency_seconds_bucket{le!="+Inf"})',
  "histogram_fraction(0.1, 0.7, latency_seconds_bucket)",
  // Vector functions.
  ...[
    "abs ceil floor exp sqrt ln log2 log10 sgn deg rad sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh",
  ]
    .flatMap((names) => names.split(" "))
    .map((name) => `${name}(temperature)`),
  "round(temperature)",
  "round(temperature, 0.25)",
  "round(active_tenants, -3)",
  "clamp(active_tenants, 3, 8)",
  "clamp(active_tenants, 8, 3)",
  "clamp_min(temperature, 0)",
  "clamp_max(temperature, -Inf)",
  "absent(active_tenants)",
  'absent(nothing{a="b",c="",d!="e"})',
  "absent(sum(nothing))",
  "scalar(sum(active_tenants))",
  "scalar(active_tenants)",
  "vector(1)",
  "vector(time())",
  "time()",
  "pi()",
  "timestamp(active_tenants)",
  "timestamp(active_tenants + 0)",
  "timestamp(timestamp(active_tenants))",
  "timestamp(active_tenants @ 1700000900)",
  "sort(active_tenants)",
  "sort_desc(temperature)",
  'label_replace(active_tenants, "short", "$1-${2}$$", "pod", "(.).*-(.*)")',
  'label_replace(active_tenants, "named", "$job/$1", "pod", "(?P<job>[a-z]+)-(?:\\\\d)")',
  'label_replace(active_tenants, "pod", "", "pod", ".*")',
  'label_replace(active_tenants, "x", "y", "pod", "nomatch")',
  'label_replace(active_tenants, "x", "y", "pod", "(")',
  'label_replace(active_tenants, "instance", "", "instance", ".*")',
  'label_join(active_tenants, "all", "/", "job", "tier", "missing")',
  'label_join(active_tenants, "all", "/")',
  "hour()",
  "minute(vector(1700000000))",
  ...[
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
  ].flatMap((name) => [
    `${name}(vector(951782400))`,
    `${name}(vector(-1))`,
    `${name}(vector(1709210096.7))`,
    `${name}(timestamp(active_tenants))`,
  ]),
  // Binary operators.
  "active_tenants / ignoring(pod) group_left limit",
  "active_tenants / on(tier) group_left limit",
  "limit - on(tier) group_right active_tenants",
  "active_tenants * on(tier) group_left(version) info",
  "active_tenants * on(tier) group_left(job) info",
  "active_tenants * on(tier) info",
  "info * on(tier) active_tenants",
  "info + on(tier) group_left limit",
  "info + ignoring(version) limit",
  "twin_one + twin_two",
  "twin_one == twin_two",
  "twin_one == bool twin_two",
  "twin_one > on(x) twin_two",
  "twin_one < bool on(x) twin_two",
  "twin_one or twin_two",
  "twin_one and twin_two",
  "twin_one unless twin_two",
  "active_tenants and on(tier) limit > 5",
  "active_tenants unless on(pod, tier) requests_total",
  "active_tenants or on() vector(0)",
  "sum(nothing) or vector(0)",
  "active_tenants % 3",
  "active_tenants atan2 2",
  "2 ^ active_tenants",
  "10 > active_tenants",
  "10 > bool active_tenants",
  "active_tenants == active_tenants",
  "active_tenants != bool active_tenants",
  "temperature == NaN",
  "1 / 0",
  '{__name__=~"twin.*"} * 2',
  '-{__name__=~"twin.*"}',
  'abs({__name__=~"twin.*"})',
  '{__name__=~"twin.*"} > 0',
  '{__name__=~"twin.*"} > bool 0',
  'label_replace({__name__=~"twin.*"}, "__name__", "same", "x", ".*")',
  'label_replace({__name__=~"twin.*"}, "__name__", "$1", "__name__", "twin_(.*)")',
  "active_tenants[5m] offset 1m @ 1700001000",
  "sum(active_tenants) by (tier) > 5",
  'limit{tier="small"} > bool on() group_right() active_tenants',
  "SUM BY (tier) (active_tenants)",
  "active_tenants AND active_tenants",
  "sum(active_tenants) # a comment\n + 1",
  "rate(requests_total[5m:])",
  "rate(requests_total[2m+30s])",
  "active_tenants offset (1m + 30s)",
  "sum",
  "sum_over_time",
];

/** Each is an error, by every version. */
export const broken: readonly string[] = [
  "",
  "  ",
  "# only a comment",
  "foo bar",
  "active_tenants{",
  "active_tenants{tier",
  "active_tenants{tier=",
  "active_tenants{tier=small}",
  'active_tenants{tier="small"',
  'active_tenants{tier="small" job="api"}',
  'active_tenants{tier=~"("}',
  'active_tenants{tier=~"a(?=b)"}',
  'active_tenants{tier=~"a**"}',
  'active_tenants{tier=="small"}',
  "active_tenants[5m",
  "active_tenants[5x]",
  "active_tenants[]",
  "active_tenants[0s]",
  "active_tenants[5m][5m]",
  "active_tenants offset",
  "active_tenants offset 5m offset 5m",
  "active_tenants offset 5m[5m]",
  "active_tenants @ 5 [5m]",
  "active_tenants @",
  "active_tenants @ 1 @ 2",
  "sum(active_tenants) offset 5m",
  "sum(active_tenants)[5m]",
  "(active_tenants + 1)[5m]",
  "5 offset 5m",
  "rate(active_tenants)",
  "rate(active_tenants[5m], 1)",
  "rate()",
  "rate(sum(active_tenants))",
  "rate(5)",
  "abs(active_tenants[5m])",
  "abs(1)",
  "clamp(active_tenants, 1)",
  "round(active_tenants, 1, 2)",
  "label_replace(active_tenants)",
  "label_join(active_tenants)",
  'vector("x")',
  "unknown_function(active_tenants)",
  "sum(active_tenants",
  "sum()",
  "sum(1)",
  "sum(active_tenants, active_tenants)",
  "sum by (tier (active_tenants)",
  "sum by tier (active_tenants)",
  "sum by (1) (active_tenants)",
  "topk(active_tenants)",
  "topk(active_tenants, 1)",
  'topk("x", active_tenants)',
  "count_values(1, active_tenants)",
  "1 == 1",
  "1 and 1",
  "active_tenants and 1",
  "active_tenants + bool active_tenants",
  "1 + bool 1",
  "active_tenants + on(a) 1",
  "active_tenants and on(a) group_left(b) active_tenants",
  "active_tenants + on(a) group_left(a) active_tenants",
  'active_tenants + "x"',
  '"x" + 1',
  '-"x"',
  "-active_tenants[5m]",
  "active_tenants[5m] + 1",
  "{}",
  '{tier=""}',
  '{tier=~".*"}',
  'active_tenants{__name__="x"}',
  '{"active_tenants",__name__="x"',
  "active_tenants)",
  "(active_tenants",
  "active_tenants +",
  "* active_tenants",
  "active_tenants ++",
  "active_tenants = 1",
  "active_tenants ! 1",
  "active_tenants & 1",
  '"unterminated',
  "`unterminated",
  '"bad \\q escape"',
  "1.2.3",
  "1e",
  "0xZZ",
  "5m3h",
  "bool",
  "on",
  "group_left",
  "rate(active_tenants[5m:1m:1m])",
  "1[5m:1m]",
  "time(1)",
  'active_tenants{tier="small",,}',
  "sum(,)",
  "sum(active_tenants,)",
  "mad_over_time(active_tenants[5m])",
  'sort_by_label(active_tenants, "tier")',
  "limitk(1, active_tenants)",
  "active_tenants + fill(1) limit",
  "max_of(1, 2)",
  "integral(active_tenants[5m])",
  "step()",
  "info(active_tenants)",
];

/** For a Prometheus 3 with `--enable-feature=promql-experimental-functions`. */
export const experimental: readonly string[] = [
  "mad_over_time(active_tenants[5m])",
  "mad_over_time(temperature[5m])",
  "double_exponential_smoothing(active_tenants[5m], 0.3, 0.7)",
  "double_exponential_smoothing(active_tenants[5m], 1.5, 0.7)",
  "double_exponential_smoothing(active_tenants[5m], 0.5, 0)",
  'sort_by_label(active_tenants, "tier", "pod")',
  'sort_by_label_desc(up, "instance")',
  ...["first", "last", "max", "min"].map((which) => `ts_of_${which}_over_time(active_tenants[5m])`),
  "count(limitk(3, active_tenants))",
  "count by (tier) (limitk by (tier) (2, active_tenants))",
  "limitk(0, active_tenants)",
];

/** For a Prometheus 2 only. */
export const onlyIn2: readonly string[] = [
  "holt_winters(active_tenants[5m], 0.3, 0.7)",
  "holt_winters(active_tenants[5m], 0, 0.7)",
];

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
