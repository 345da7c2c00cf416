import type { Span } from "./ast.ts";
import { rfc3339Of } from "./dates.ts";
import { positionOf } from "./parse-error.ts";

/** Collects what a query's author should know, each thing once, as Prometheus words it. */
export class Annotations {
  private readonly query: string;
  // Of the same words at several places, Prometheus tells the last place only.
  private readonly warnings = new Map<string, Span>();
  private readonly infos = new Map<string, Span>();
  private monotonicity: Monotonicity | null = null;

  constructor(query: string) {
    this.query = query;
  }

  private at(message: string, span: Span): string {
    return `${message} (${positionOf(this.query, span.start)})`;
  }

  warning(message: string, span: Span): void {
    this.warnings.set(`PromQL warning: ${message}`, span);
  }

  info(message: string, span: Span): void {
    this.infos.set(`PromQL info: ${message}`, span);
  }

  /** Buckets that did not grow: told once, at the first place, over all samples. */
  forcedMonotonicity(
    span: Span,
    found: Omit<Monotonicity, "span" | "count" | "maxMs" | "minMs">,
    tMs: number,
  ): void {
    const known = this.monotonicity;
    this.monotonicity =
      known === null
        ? { ...found, span, minMs: tMs, maxMs: tMs, count: 1 }
        : {
            span: known.span,
            minMs: Math.min(known.minMs, tMs),
            maxMs: Math.max(known.maxMs, tMs),
            minBucket: Math.min(known.minBucket, found.minBucket),
            maxBucket: Math.max(known.maxBucket, found.maxBucket),
            maxDiff: Math.max(known.maxDiff, found.maxDiff),
            count: known.count + 1,
          };
  }

  result(): { readonly warnings: readonly string[]; readonly infos: readonly string[] } {
    const placed = (notes: ReadonlyMap<string, Span>): string[] =>
      [...notes].map(([message, span]) => this.at(message, span));
    const infos = placed(this.infos);
    const found = this.monotonicity;
    if (found !== null)
      infos.push(
        this.at(
          "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see " +
            "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)" +
            `, from buckets ${shortest(found.minBucket)} to ${shortest(found.maxBucket)}, with a max diff of ` +
            `${Number(found.maxDiff.toPrecision(2))}, over ${found.count} samples from ${rfc3339(found.minMs)} to ${rfc3339(found.maxMs)}`,
          found.span,
        ),
      );
    return { warnings: atMost(placed(this.warnings), 10, "warning"), infos: atMost(infos, 10, "info") };
  }
}

type Monotonicity = {
  readonly span: Span;
  readonly minMs: number;
  readonly maxMs: number;
  readonly minBucket: number;
  readonly maxBucket: number;
  readonly maxDiff: number;
  readonly count: number;
};

/** Go's `%g`. */
export function shortest(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 21) return String(value);
  const [mantissa, power] = value.toExponential().split("e");
  const sign = power?.startsWith("-") === true ? "-" : "+";
  return `${mantissa}e${sign}${(power ?? "").replace(/^[+-]/, "").padStart(2, "0")}`;
}

const rfc3339 = (tMs: number): string => rfc3339Of(Math.floor(tMs / 1000) * 1000);

function atMost(all: Iterable<string>, limit: number, what: string): string[] {
  const list = [...all];
  if (list.length <= limit) return list;
  return [...list.slice(0, limit), `${list.length - limit} more ${what} annotations omitted`];
}
