/**
 * Why something did not come about, read from the log: decisions, conditions, readings, routes, pods. Each cause is what
 * the log says, with the place in the manifests and what to do.
 */
import { usToSeconds } from "../clock/clock.ts";
import type { Decision, MetricReading } from "../events/types.ts";
import type { Evidence, Interval } from "./evidence.ts";
import { counted } from "./words.ts";

export type Cause = { readonly reason: string; readonly remedy?: string };

export const readingWords = ({ query, value }: MetricReading): string => `${query.trim()} = ${value}`;

const inside = ({ fromUs, toUs }: Interval, atUs: number): boolean => atUs >= fromUs && atUs <= toUs;

/** The reading of the metric that counts tenants: the declared one, else the first. */
export function tenantReading(decision: Decision, metric: string | null): MetricReading | null {
  const asked = metric === null ? undefined : decision.metrics.find(({ query }) => query.includes(metric));
  return asked ?? decision.metrics[0] ?? null;
}

function notReady(evidence: Evidence, tier: string, last: Decision): Cause | null {
  const ready = last.conditions["Ready"];
  const checkFailed =
    last.reason === "ScaledObjectCheckFailed" || ready?.reason === "ScaledObjectCheckFailed";
  if (!checkFailed && ready?.status !== "False") return null;
  const object = `ScaledObject ${last.object} is not Ready:`;
  const scaled = evidence.scaledObject(tier);
  if (!checkFailed || !scaled) {
    const message = ready?.message ?? last.message ?? "";
    return {
      reason: `${object} ${ready?.reason ?? last.reason}: ${message}`.trimEnd(),
      ...(scaled
        ? { remedy: `${scaled.file}:${scaled.metadataLine} correct it; KEDA acts on nothing of it` }
        : {}),
    };
  }
  if (scaled.workloadKind === scaled.targetKind && scaled.workloadName === scaled.targetName) {
    return {
      reason: `${object} ScaledObjectCheckFailed: ${ready?.message ?? last.message ?? ""}`,
      remedy:
        ready?.message?.startsWith("no matches") === true
          ? `${scaled.file}:${scaled.line} set apiVersion: apps/v1`
          : `${scaled.queryFile}:${scaled.queryLine} correct the trigger`,
    };
  }
  const lines = [
    `${object} ScaledObjectCheckFailed: no ${scaled.targetKind} ${scaled.targetName} in namespace ${scaled.namespace}.`,
  ];
  const sameName = scaled.workloadName === scaled.targetName && scaled.workloadKind !== scaled.targetKind;
  if (sameName) {
    const article = /^[AEIOU]/.test(scaled.workloadKind) ? "An" : "A";
    lines.push(
      `${article} ${scaled.workloadKind} of that name exists.${scaled.kindGiven ? "" : ` scaleTargetRef.kind defaults to ${scaled.targetKind}.`}`,
    );
  }
  const place = `${scaled.file}:${scaled.line}`;
  const remedy = sameName
    ? `${place} ${scaled.kindGiven ? "set" : "add"} kind: ${scaled.workloadKind}`
    : `${place} name the workload: ${scaled.workloadKind} ${scaled.workloadName}`;
  return { reason: lines.join(" "), remedy };
}

/** A paused object has no loop, and no HPA. */
function paused(evidence: Evidence, tier: string, last: Decision): Cause | null {
  if (last.conditions["Paused"]?.status !== "True") return null;
  const scaled = evidence.scaledObject(tier);
  const place = scaled ? `${scaled.file}:${scaled.metadataLine} ` : "";
  return {
    reason: `ScaledObject ${last.object} is paused by its annotation: KEDA neither polls nor scales`,
    remedy: `${place}take the annotation autoscaling.keda.sh/paused… away`,
  };
}

/** Where no pod of the entry, which counts the tenants, gives Prometheus its metrics. */
function notScraped(evidence: Evidence, query: string): Cause | null {
  const entry = evidence.of("topology")[0]?.entryPods;
  const targets = evidence.of("target");
  // Without any target nothing is known: another may be scraping.
  if (!entry || targets.length === 0) return null;
  const addresses = evidence
    .of("pod")
    .flatMap(({ tier, workload, podIP }) => (tier === null && workload === entry.name ? [podIP] : []));
  const own = targets.filter(({ instance }) => addresses.includes(instance.split(":")[0]!));
  if (own.some(({ up }) => up)) return null;
  const down = own.at(-1);
  const seen = down
    ? `Prometheus cannot scrape ${entry.name} at ${down.instance}: ${down.error ?? "no answer"}`
    : `no pod of ${entry.name} is scraped`;
  return {
    reason: `KEDA's query matched nothing, and ${seen}: ${query.trim()}`,
    remedy: `${entry.file}:${entry.line} annotate its pods prometheus.io/scrape: "true" and prometheus.io/port with the port of their /metrics`,
  };
}

/** KEDA's readings in the interval: what the trigger's query gave. */
function badReadings(evidence: Evidence, tier: string, polls: readonly Decision[]): Cause | null {
  const scaled = evidence.scaledObject(tier);
  const readings = polls.flatMap((poll) => poll.metrics);
  const first = readings[0];
  if (!first) return null;
  const place = scaled ? `${scaled.queryFile}:${scaled.queryLine} ` : "";
  const of = (kind: "empty" | "error" | 0): MetricReading[] => readings.filter(({ value }) => value === kind);
  const empty = of("empty");
  if (empty.length * 2 > readings.length) {
    const blind = notScraped(evidence, empty[0]!.query);
    if (blind) return blind;
    return {
      reason: `KEDA's query matched nothing in ${empty.length} of ${counted(readings.length, "reading")}: ${empty[0]!.query.trim()}`,
      remedy: `${place}compare the query's metric name and labels with what the scrape target exports (/metrics)`,
    };
  }
  const errors = of("error");
  if (errors.length * 2 > readings.length) {
    return {
      reason: `KEDA's query failed in ${errors.length} of ${counted(readings.length, "reading")}: ${errors.at(-1)!.error ?? "no reason given"} (${errors[0]!.query.trim()})`,
      remedy: `${place}check the trigger's serverAddress and query`,
    };
  }
  const positive = readings.filter(({ value }) => typeof value === "number" && value > 0);
  if (positive.length * 2 > readings.length && polls.every(({ active }) => active === false)) {
    return {
      reason: `KEDA read ${readingWords(positive.at(-1)!)} and found the tier inactive in each of ${counted(polls.length, "poll")}: not above the trigger's activationThreshold`,
      remedy: `${place}lower activationThreshold; 0 wakes for any value above 0`,
    };
  }
  if (of(0).length === readings.length) {
    return {
      reason: `KEDA's query gave 0 in each of ${counted(readings.length, "reading")} although tenants were active: ${first.query.trim()}`,
      remedy: `${place}the query must count the tenants of this tier`,
    };
  }
  return null;
}

/** Whether a fallback value, not the metric, decided; the decision that shows it. */
export function fallbackCause(decision: Decision): Cause | null {
  if (decision.fallback !== true) return null;
  const reading = decision.metrics[0];
  const why = reading?.error ?? (reading ? `its query gave ${reading.value}` : "no reading");
  return {
    reason: `the fallback decided, not the metric (${decision.by === "keda" ? "KEDA" : "HPA"} ${decision.from} → ${decision.to}): ${why}${reading ? `: ${reading.query.trim()}` : ""}`,
  };
}

/** Pods that were made and did not become ready. */
function unreadyPods(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const last = new Map<string, { readonly pod: string; readonly what: string }>();
  const leaving = new Set<string>();
  for (const { tier: of, uid, pod, what, reason, atUs } of evidence.of("pod")) {
    if (of !== tier || atUs > interval.toUs) continue;
    if (what === "terminating") leaving.add(uid);
    // Without a readinessProbe a pod is ready before its program listens.
    if (what === "listening" && last.get(uid)?.what === "ready") continue;
    last.set(uid, { pod, what: `${what}${reason === undefined ? "" : ` (${reason})`}` });
  }
  const stuck = [...last]
    .filter(
      ([uid, { what }]) => !leaving.has(uid) && /^(created|listening|notReady|exited|restarting)/.test(what),
    )
    .map(([, seen]) => seen);
  if (stuck.length === 0) return null;
  const words = stuck.map(({ pod, what }) => `${pod}: last seen ${what}`).slice(0, 5);
  return { reason: `${counted(stuck.length, "pod")} made and not ready: ${words.join("; ")}` };
}

/** Pods that were called ready for most of the interval while their program did not listen yet. */
function readyTooSoon(evidence: Evidence, tier: string, { fromUs, toUs }: Interval): Cause | null {
  const readyUs = new Map<string, number>();
  for (const { tier: of, uid, pod, what, atUs } of evidence.of("pod")) {
    if (of !== tier) continue;
    const sinceUs = readyUs.get(uid);
    if (what === "ready") readyUs.set(uid, atUs);
    else readyUs.delete(uid);
    if (what !== "listening" || sinceUs === undefined) continue;
    if (2 * (Math.min(atUs, toUs) - Math.max(sinceUs, fromUs)) < toUs - fromUs) continue;
    return {
      reason: `${pod} was ready ${usToSeconds(atUs - sinceUs).toFixed(1)} s before it listened: no probe asks its program`,
      remedy: "give its container a readinessProbe",
    };
  }
  return null;
}

/** What keeps the tier from the pods that its tenants ask for; null where the log shows no fault of its scaling. */
function scalingFault(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const decisions = evidence.decisions(tier).filter(({ atUs }) => atUs <= interval.toUs);
  const polls = decisions.filter(({ by, atUs }) => by === "keda" && atUs >= interval.fromUs);
  const last = polls.at(-1) ?? decisions.findLast(({ by }) => by === "keda");
  if (!last) {
    const scaled = evidence.scaledObject(tier);
    if (scaled)
      return { reason: `KEDA never looked at ScaledObject ${scaled.name}: the log has no decision of it` };
    return { reason: `nothing scales tier ${tier}: no ScaledObject targets it` };
  }
  const stopped = paused(evidence, tier, last);
  if (stopped) return stopped;
  const failed = notReady(evidence, tier, last);
  if (
    failed &&
    (last.reason === "ScaledObjectCheckFailed" || polls.every(({ metrics }) => metrics.length === 0))
  )
    return failed;
  const readings = badReadings(evidence, tier, polls);
  if (readings) return readings;
  if (failed) return failed;
  const wrote = decisions.filter((decision) => decision.wrote && inside(interval, decision.atUs));
  return (
    wrote.map(fallbackCause).find((cause) => cause !== null) ??
    unreadyPods(evidence, tier, interval) ??
    readyTooSoon(evidence, tier, interval)
  );
}

/** The HPA's last words in the interval. */
function hpaWords(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const hpa = evidence.decisions(tier, "hpa").findLast(({ atUs }) => inside(interval, atUs));
  if (!hpa) return null;
  const readings = hpa.metrics.map(readingWords).join(", ");
  return {
    reason: `the HPA's last decision at ${usToSeconds(hpa.atUs).toFixed(1)} s: ${hpa.from} → ${hpa.to}, ${hpa.reason}${hpa.message === undefined ? "" : ` (${hpa.message})`}${readings === "" ? "" : `; ${readings}`}`,
  };
}

/** Pods that are ready and that no request comes to: the Service between is wrong, or the pods' ports are. */
function unreached(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const ready = new Set<string>();
  for (const { tier: of, uid, what, atUs } of evidence.of("pod")) {
    if (of !== tier || atUs > interval.toUs) continue;
    if (what === "ready") ready.add(uid);
    else ready.delete(uid);
  }
  const route = evidence.route(tier);
  if (ready.size === 0 || !route) return null;
  const finding = evidence.of("topology")[0]?.findings.find(({ about }) => about === "call");
  if (finding)
    return { reason: finding.message, remedy: `${finding.file}:${finding.line} ${finding.remedy}` };
  const place = `${route.file}:${route.line}`;
  const sets = evidence.readySets(tier).filter(({ atUs }) => atUs <= interval.toUs);
  const last = sets.findLast((event) => event.ready.length > 0);
  const pods = counted(ready.size, "pod");
  if (!last) {
    return {
      reason: `${pods} ready, and Service ${route.service} lists none: its targetPort is no port of theirs`,
      remedy: `${place} compare the Service's selector and targetPort with the pods' labels and ports`,
    };
  }
  return {
    reason: `${pods} ready, and no request to one of them (${last.ready[0]!.address}) was answered`,
    remedy: `${place} compare targetPort with the port that the container listens on`,
  };
}

/** Why the tier has not the pods that its tenants ask for; null where the log gives no reason. */
export const scalingCause = (evidence: Evidence, tier: string, interval: Interval): Cause | null =>
  scalingFault(evidence, tier, interval) ?? hpaWords(evidence, tier, interval);

/** Why nobody was answered; null where the log gives no reason. */
export const unansweredCause = (evidence: Evidence, tier: string, interval: Interval): Cause | null =>
  scalingFault(evidence, tier, interval) ??
  unreached(evidence, tier, interval) ??
  hpaWords(evidence, tier, interval);

/** Why the tier does not come to rest; null where the log gives no reason. */
export function restCause(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const polls = evidence.decisions(tier, "keda").filter(({ atUs }) => atUs <= interval.toUs);
  const last = polls.at(-1);
  if (!last) return scalingCause(evidence, tier, interval);
  const stopped = paused(evidence, tier, last);
  if (stopped) return stopped;
  const failed = notReady(evidence, tier, last);
  if (failed && last.reason === "ScaledObjectCheckFailed") return failed;
  const reading = last.metrics[0];
  if (reading && typeof reading.value !== "number") {
    const recent = polls.filter(({ atUs }) => atUs >= interval.fromUs);
    const bad = badReadings(evidence, tier, recent.length > 0 ? recent : [last]);
    if (bad) return bad;
  }
  // KEDA's own words for triggers that do not work say less than the query that gave nothing.
  if (failed) return failed;
  if (last.fallback === true) return fallbackCause(last);
  if (last.active === true && reading) {
    return {
      reason: `KEDA still finds it active: ${readingWords(reading)} (${last.reason})`,
    };
  }
  return null;
}
