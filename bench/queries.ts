import { Tsdb } from "../src/metrics/tsdb.ts";
import { instantQuery } from "../src/promql/query.ts";
import type { Case } from "./harness.ts";

const SERIES = 300;
const SAMPLES = 240;
const STEP_MS = 5000;
const NOW_MS = SAMPLES * STEP_MS;
const WINDOW_MS = 300_000;

type Plain = { readonly tier: string; readonly times: Float64Array; readonly values: Float64Array };

/** Counters of 300 pods in three tiers, scraped every 5 s for 20 minutes: as a store, and as bare arrays. */
function world(): { tsdb: Tsdb; plain: Plain[] } {
  const tsdb = new Tsdb();
  const plain: Plain[] = [];
  for (let pod = 0; pod < SERIES; pod++) {
    const tier = ["small", "medium", "large"][pod % 3]!;
    const times = Float64Array.from({ length: SAMPLES }, (_, index) => (index + 1) * STEP_MS);
    const values = times.map((_, index) => index * (1 + (pod % 7)));
    const series = tsdb.series({ __name__: "requests_total", tier, pod: `api-${pod}` })!;
    for (let index = 0; index < SAMPLES; index++) tsdb.appendTo(series, times[index]!, values[index]!);
    plain.push({ tier, times, values });
  }
  return { tsdb, plain };
}

export function queryCases(): Case[] {
  const { tsdb, plain } = world();
  const ask = (query: string): (() => number) => {
    return () => {
      const result = instantQuery(tsdb, query, NOW_MS);
      return result.resultType === "vector" ? result.samples.length : 0;
    };
  };
  const lastOf = ({ times, values }: Plain): number => {
    for (let index = times.length - 1; index >= 0; index--)
      if (times[index]! <= NOW_MS) return values[index]!;
    return 0;
  };
  const lastsOf = (tier: string | null) => (): number => {
    let total = 0;
    for (const series of plain) if (tier === null || series.tier === tier) total += lastOf(series);
    return total | 0;
  };
  const increases = (): number => {
    let total = 0;
    for (const { times, values } of plain) {
      for (let index = 1; index < times.length; index++)
        if (times[index - 1]! > NOW_MS - WINDOW_MS) total += values[index]! - values[index - 1]!;
    }
    return total | 0;
  };
  const query = { unit: "query", operations: 1 };
  return [
    {
      ...query,
      name: `sum(m{tier="small"}) of ${SERIES} series`,
      work: ask('sum(requests_total{tier="small"})'),
      bare: lastsOf("small"),
      against: "a loop over the last samples",
    },
    {
      ...query,
      name: `sum by (tier) (m) of ${SERIES} series`,
      work: ask("sum by (tier) (requests_total)"),
      bare: lastsOf(null),
      against: "a loop over the last samples",
    },
    {
      ...query,
      name: `sum(rate(m[5m])) of ${SERIES} series, 60 samples each`,
      work: ask("sum(rate(requests_total[5m]))"),
      bare: increases,
      against: "a loop over the samples",
    },
  ];
}
