/** Whether tenants stay on their pod while the set of pods is the same, and how many moved when it changed. */
import type { RequestRow } from "../../events/types.ts";
import type { Cause } from "../causes.ts";
import { unansweredCause } from "../causes.ts";
import type { Evidence } from "../evidence.ts";
import type { PlannedLoad } from "../plan.ts";
import { counted, percent, rounded } from "../words.ts";
import { routingCause } from "../routing-causes.ts";
import { defineCheck, failed, nothingAnswered, passed, reported, undecided } from "./check.ts";

/** Owners that change although nothing changed: the route's fault, or the proxy does not do what its route says. */
export function ownersChanged(evidence: Evidence, tier: string, seen: string): Cause {
  const route = evidence.route(tier);
  const known = routingCause(evidence, tier);
  if (known) return known;
  return {
    reason: `${seen} while the set of ready pods stayed the same, although the route says ${route?.lbPolicy} on ${route?.hashPolicies.join(", ")}: the proxy chooses at random, by something else than the tenant, or repeats a failed try on another pod`,
  };
}

export const hitRate = defineCheck({
  kind: "hitRate",
  title: "hit rate between scale steps",
  about:
    "Of the answers to tenants whose set of ready pods had not changed since their last one: how many came from the same pod.",
  numbers: {
    above: { about: "Percent; the rate must be more." },
    atLeastSamples: { about: "Fewer answers than this prove nothing.", default: 20 },
  },
  measure({ evidence, loads, tier, numbers, interval }) {
    const { hits, misses, answers, offered } = evidence.requests(loads);
    const known = hits + misses;
    const facts = { limit: `> ${numbers.above} %`, unit: "%", samples: known, interval };
    if (answers === 0) {
      const cause = interval && unansweredCause(evidence, tier, interval);
      return nothingAnswered({ ...facts, measured: null }, offered, cause);
    }
    if (known < numbers.atLeastSamples) {
      const seen = `too few samples: ${known} answers to a tenant known before, ${numbers.atLeastSamples} needed`;
      return undecided({ ...facts, measured: known === 0 ? null : percent(hits, known) }, seen);
    }
    const measured = percent(hits, known);
    if ((hits / known) * 100 > numbers.above) return passed({ ...facts, measured });
    const ready = interval ? evidence.readyAt(tier, interval.toUs) : 0;
    const chance = ready > 1 ? `; random choice among ${ready} pods gives ${rounded(100 / ready, 0)} %` : "";
    const seen = `owners changed ${counted(misses, "time")}`;
    return failed({ ...facts, measured }, `${seen}${chance}`, ownersChanged(evidence, tier, seen));
  },
});

/** Each tenant's answers in order. */
export function byTenant(rows: readonly RequestRow[]): Map<string, RequestRow[]> {
  const tenants = new Map<string, RequestRow[]>();
  for (const row of [...rows].sort((a, b) => a.atUs - b.atUs)) {
    if (row.outcome !== "answer" || row.pod === null) continue;
    const known = tenants.get(row.tenant);
    if (known) known.push(row);
    else tenants.set(row.tenant, [row]);
  }
  return tenants;
}

/**
 * How many of `tenants` must move at the tier's scale steps even with the best of hashes: to give each new pod an even
 * share, and from the pods that went (all their tenants, taken as an even share).
 */
function leastMoves(evidence: Evidence, tier: string, tenants: number, fromUs: number, toUs: number): number {
  let moves = 0;
  let before = evidence.readyAt(tier, fromUs);
  for (const { atUs, ready } of evidence.readySets(tier)) {
    if (atUs <= fromUs || atUs > toUs) continue;
    const now = ready.length;
    if (before > 0 && now > 0) moves += (tenants * Math.abs(now - before)) / Math.max(now, before);
    before = now;
  }
  return Math.floor(moves);
}

export const movesByScaling = defineCheck({
  kind: "movesByScaling",
  title: "moved by scale steps",
  about:
    "Tenants whose owner changed because pods came or went, beside the least that an even share of the pods needs.",
  numbers: {},
  measure({ evidence, loads, tier, interval }) {
    const tenants = Math.max(...loads.map((load) => load.tenants));
    const sums = evidence.requests(loads);
    const moves = Object.values(sums.moves).reduce((a, b) => a + b, 0);
    const rows = evidence.rows(loads);
    const moved = rows
      ? new Set(rows.filter(({ affinity }) => affinity?.startsWith("moved-")).map(({ tenant }) => tenant))
          .size
      : null;
    const least = interval ? leastMoves(evidence, tier, tenants, interval.fromUs, interval.toUs) : 0;
    const causes = Object.entries(sums.moves).map(
      ([cause, count]) => `${cause.slice("moved-".length)} ×${count}`,
    );
    const facts = {
      measured: moved ?? moves,
      of: tenants,
      unit: moved === null ? "moves" : "tenants",
      samples: sums.answers,
      interval,
    };
    return reported(facts, [`even hashing moves ${least}`, ...causes].join("; "));
  },
});

/** The pod that most of a tenant's answers came from, and how many. */
export function mainPod(rows: readonly RequestRow[]): { readonly pod: string; readonly count: number } {
  const counts = new Map<string, number>();
  for (const { pod } of rows) counts.set(pod!, (counts.get(pod!) ?? 0) + 1);
  const [pod, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
  return { pod, count };
}

/** The longest stretch of the load's span over which no pod became ready or unready. */
export function steadyStretch(
  evidence: Evidence,
  load: PlannedLoad,
): { fromUs: number; toUs: number } | null {
  const span = evidence.span(load);
  if (!span) return null;
  const changes = evidence
    .readySets(load.tier)
    .map(({ atUs }) => atUs)
    .filter((atUs) => atUs > span.fromUs && atUs < span.toUs);
  // The last answers come after the last request; nothing that changed the pods may have come before them.
  const ends = [span.fromUs, ...changes, evidence.requests([load]).lastAnswerUs ?? span.toUs];
  let best = { fromUs: ends[0]!, toUs: ends[0]! };
  for (let i = 1; i < ends.length; i++) {
    if (ends[i]! - ends[i - 1]! > best.toUs - best.fromUs) best = { fromUs: ends[i - 1]!, toUs: ends[i]! };
  }
  return best;
}
