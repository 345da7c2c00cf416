/** Whether a tier gets as many pods as its tenants ask for, moved by the metric, and other tiers stay as they are. */
import type { Decision, MetricReading } from "../../events/types.ts";
import { fallbackCause, readingWords, scalingCause, tenantReading } from "../causes.ts";
import { counted, seconds } from "../words.ts";
import { defineCheck, failed, passed, undecided, type CheckInput } from "./check.ts";

function shortfallWords(input: CheckInput<"pods" | "wanted">, hpa: Decision | undefined): string {
  const { pods, wanted } = input.numbers;
  if (wanted <= pods) return "";
  const limited = hpa?.conditions["ScalingLimited"];
  const why = limited?.status === "True" ? ` (ScalingLimited: ${limited.reason})` : "";
  return `shortfall ${wanted - pods}: the tenants ask for ${wanted}, maxReplicaCount is ${pods}${why}`;
}

export const podsReached = defineCheck({
  kind: "podsReached",
  title: "pods",
  about:
    "How many pods the tier has at the end of the load: exactly so many asked for, never more, all ready.",
  numbers: {
    pods: { about: "Pods." },
    wanted: { about: "What the tenants ask for, where that is more: the shortfall is shown.", default: 0 },
  },
  measure(input) {
    const { evidence, tier, numbers, interval } = input;
    const facts = { limit: String(numbers.pods), unit: "pods", samples: 0, interval };
    if (!interval) return undecided({ ...facts, measured: null }, "its load was never offered");
    const until = interval.toUs;
    const writes = evidence
      .decisions(tier)
      .filter(({ wrote, atUs }) => wrote && atUs > interval.fromUs && atUs <= until);
    const asked = evidence.decisions(tier).filter(({ atUs }) => atUs > interval.fromUs && atUs <= until);
    const most = Math.max(0, ...asked.map(({ to }) => to));
    const ready = evidence.readyAt(tier, until);
    const measured = most > numbers.pods ? most : ready;
    const found = { ...facts, measured, samples: asked.length };
    const fallback = writes.map(fallbackCause).find((cause) => cause !== null);
    if (fallback) return failed(found, "", fallback);
    if (measured !== numbers.pods) {
      const highest = writes.find(({ to }) => to > numbers.pods);
      const seen = highest
        ? `${highest.by === "keda" ? "KEDA" : "the HPA"} wrote ${highest.from} → ${highest.to} at ${seconds(highest.atUs - interval.fromUs)} s: ${highest.reason}${highest.message === undefined ? "" : `, ${highest.message}`}; its readings: ${highest.metrics.map(readingWords).join(", ")}`
        : `${ready} of ${numbers.pods} ready ${seconds(until - interval.fromUs)} s after the load began`;
      return failed(found, seen, highest ? null : scalingCause(evidence, tier, interval));
    }
    const reached = evidence
      .readySets(tier)
      .find(({ atUs, ready: pods }) => atUs > interval.fromUs && pods.length >= numbers.pods);
    const hpa = asked.findLast(({ by }) => by === "hpa");
    const when = reached ? `ready after ${seconds(reached.atUs - interval.fromUs)} s` : "";
    return passed(found, [when, shortfallWords(input, hpa)].filter((text) => text !== "").join("; "));
  },
});

export const activeTenantsSeen = defineCheck({
  kind: "activeTenantsSeen",
  title: "active tenants that KEDA saw",
  about:
    "KEDA's reading at each poll once every tenant has begun and been scraped: the number of active tenants.",
  numbers: {
    value: { about: "Active tenants." },
    afterSeconds: {
      about: "Seconds after the load's begin from which readings must be so.",
      default: "1 / rate + gaugeInterval + scrape + 2",
    },
  },
  measure({ evidence, tier, numbers, interval }) {
    const facts = { limit: String(numbers.value), unit: "tenants", interval };
    const scaled = evidence.scaledObject(tier);
    const metric = scaled?.activeTenantsMetric ?? null;
    const standIns = evidence.of("topology")[0]?.standIns ?? [];
    if (metric === null && standIns.length > 0) {
      return undecided(
        { ...facts, measured: null, samples: 0 },
        "limpet.yaml declares no metric that counts active tenants (activeTenants), so the stand-in's numbers prove nothing about it",
      );
    }
    if (!interval) return undecided({ ...facts, measured: null, samples: 0 }, "its load was never offered");
    const fromUs = interval.fromUs + numbers.afterSeconds * 1e6;
    const readBy = (by: Decision["by"]): MetricReading["value"][] =>
      evidence
        .decisions(tier, by)
        .filter(({ atUs }) => atUs >= fromUs && atUs <= interval.toUs)
        .flatMap((decision) => tenantReading(decision, metric)?.value ?? []);
    const polled = readBy("keda");
    // A tier that never goes to zero is not polled while its HPA works: KEDA reads when the HPA asks it.
    const [values, what] = polled.length > 0 ? [polled, "poll"] : [readBy("hpa"), "HPA sync"];
    const samples = values.length;
    if (samples === 0) {
      const cause = scalingCause(evidence, tier, interval);
      if (cause) return failed({ ...facts, measured: null, samples }, "KEDA read nothing", cause);
      return undecided(
        { ...facts, measured: null, samples },
        "too few samples: no poll while all tenants were active",
      );
    }
    const distinct = [...new Set(values)];
    const measured = distinct.length === 1 ? distinct[0]! : distinct.join(", ");
    if (distinct.length === 1 && measured === numbers.value)
      return passed({ ...facts, measured, samples }, counted(samples, what));
    const bad = distinct.some((value) => typeof value !== "number" || value === 0);
    return failed(
      { ...facts, measured, samples },
      `KEDA read ${distinct.join(", ")} in ${counted(samples, what)}, ${numbers.value} tenants were active`,
      bad ? scalingCause(evidence, tier, { fromUs, toUs: interval.toUs }) : null,
    );
  },
});

export const otherTiersStay = defineCheck({
  kind: "otherTiersStay",
  title: "writes to other tiers",
  about: "How often another tier's replicas were written while the load lasted.",
  numbers: {},
  measure({ evidence, plan, tier, interval }) {
    const others = plan.tiers.filter((bounds) => bounds.tier !== tier);
    const seen = others.flatMap((bounds) =>
      evidence
        .decisions(bounds.tier)
        .filter(({ atUs }) => interval && atUs > interval.fromUs && atUs <= interval.toUs),
    );
    const writes = seen.filter(({ wrote }) => wrote);
    const facts = { measured: writes.length, limit: "0", unit: "writes", samples: seen.length, interval };
    if (writes.length > 0) {
      const named = writes.map((write) => {
        const readings = write.metrics.map(readingWords).join(", ");
        return `${write.by === "keda" ? "KEDA" : "the HPA"} wrote ${write.object} ${write.from} → ${write.to}: ${write.reason}; ${readings}`;
      });
      return failed(facts, named.slice(0, 3).join("\n"));
    }
    const silent = others.filter((bounds) => !seen.some((decision) => decision.tier === bounds.tier));
    if (silent.length > 0) {
      return undecided(
        facts,
        `too few samples: no decision on ${silent.map((bounds) => bounds.tier).join(", ")} in that time`,
      );
    }
    return passed(facts, counted(seen.length, "decision"));
  },
});
