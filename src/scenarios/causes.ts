/**
 * Why something did not come about, read from the log: decisions, conditions, readings, routes, pods. Each cause is what
 * the log says, with the place in the manifests and what to do.
 */
import { usToSeconds } from "../clock/clock.ts";
import type { Decision, MetricReading } from "../events/types.ts";
import type { Evidence, Interval } from "./evidence.ts";
import { counted } from "./words.ts";

export type Cause = { readonly reason: string; readonly remedy?: string };

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
    return { reason: `${object} ${ready?.reason ?? last.reason}: ${message}`.trimEnd() };
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
    return {
      reason: `KEDA's query matched nothing in ${empty.length} of ${counted(readings.length, "reading")}: ${empty[0]!.query}`,
      remedy: `${place}compare the query's metric name and labels with what the scrape target exports (/metrics)`,
    };
  }
  const errors = of("error");
  if (errors.length * 2 > readings.length) {
    return {
      reason: `KEDA's query failed in ${errors.length} of ${counted(readings.length, "reading")}: ${errors.at(-1)!.error ?? "no reason given"} (${errors[0]!.query})`,
      remedy: `${place}check the trigger's serverAddress and query`,
    };
  }
  if (of(0).length === readings.length) {
    return {
      reason: `KEDA's query gave 0 in each of ${counted(readings.length, "reading")} although tenants were active: ${first.query}`,
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
    reason: `the fallback decided, not the metric (${decision.by === "keda" ? "KEDA" : "HPA"} ${decision.from} → ${decision.to}): ${why}${reading ? `: ${reading.query}` : ""}`,
  };
}

/** Pods that were made and did not become ready. */
function unreadyPods(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const last = new Map<string, { readonly pod: string; readonly what: string }>();
  const leaving = new Set<string>();
  for (const { tier: of, uid, pod, what, reason, atUs } of evidence.of("pod")) {
    if (of !== tier || atUs > interval.toUs) continue;
    if (what === "terminating") leaving.add(uid);
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

/** Why the tier has not the pods that its tenants ask for; null where the log gives no reason. */
export function scalingCause(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const decisions = evidence.decisions(tier).filter(({ atUs }) => atUs <= interval.toUs);
  const polls = decisions.filter(({ by, atUs }) => by === "keda" && atUs >= interval.fromUs);
  const last = polls.at(-1) ?? decisions.findLast(({ by }) => by === "keda");
  if (!last) {
    const scaled = evidence.scaledObject(tier);
    if (scaled)
      return { reason: `KEDA never looked at ScaledObject ${scaled.name}: the log has no decision of it` };
    return { reason: `nothing scales tier ${tier}: no ScaledObject targets it` };
  }
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
  const fallback = wrote.map(fallbackCause).find((cause) => cause !== null);
  if (fallback) return fallback;
  const unready = unreadyPods(evidence, tier, interval);
  if (unready) return unready;
  const hpa = decisions.findLast(({ by, atUs }) => by === "hpa" && inside(interval, atUs));
  if (hpa) {
    const readingsOf = hpa.metrics.map(({ query, value }) => `${query} = ${value}`).join(", ");
    return {
      reason: `the HPA's last decision at ${usToSeconds(hpa.atUs).toFixed(1)} s: ${hpa.from} → ${hpa.to}, ${hpa.reason}${hpa.message === undefined ? "" : ` (${hpa.message})`}${readingsOf === "" ? "" : `; ${readingsOf}`}`,
    };
  }
  return null;
}

/** Why the tier does not come to rest; null where the log gives no reason. */
export function restCause(evidence: Evidence, tier: string, interval: Interval): Cause | null {
  const polls = evidence.decisions(tier, "keda").filter(({ atUs }) => atUs <= interval.toUs);
  const last = polls.at(-1);
  if (!last) return scalingCause(evidence, tier, interval);
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
      reason: `KEDA still finds it active: ${reading.query} = ${reading.value} (${last.reason})`,
    };
  }
  return null;
}

/** Why requests are not hashed to one pod; null where the route says that they are. */
export function routingCause(evidence: Evidence, tier: string): Cause | null {
  const route = evidence.route(tier);
  if (!route) return { reason: `the client's proxy has no route for tier ${tier}` };
  if (route.clusterType === "ORIGINAL_DST") {
    const service = route.host.split(".")[0]!;
    return {
      reason: `cluster ${route.cluster} is ORIGINAL_DST: Service ${service} is headless (clusterIP: None), so the proxy connects to the address that the client resolved and nothing hashes`,
      remedy: `${route.file}:${route.line} take clusterIP: None away from ${service}; keep a second, headless Service for serviceName`,
    };
  }
  if (route.override !== undefined) {
    return {
      reason: `hashing was replaced by ${route.override} in this run; the manifests say ${route.lbPolicy} on ${route.hashPolicies.join(", ") || "nothing"}`,
      remedy: "run without the override",
    };
  }
  if (route.lbPolicy === "RING_HASH" || route.lbPolicy === "MAGLEV") {
    if (route.hashPolicies.length > 0) return null;
    return { reason: `${route.host} is balanced by ${route.lbPolicy}, but its route hashes nothing` };
  }
  const balanced = `requests to ${route.host} are balanced by ${route.lbPolicy}, not by hashing`;
  const unused = route.unusedDestinationRules[0];
  if (!unused) {
    return { reason: balanced, remedy: `give ${route.host} a DestinationRule with consistentHash` };
  }
  return {
    reason: `${balanced}: DestinationRule ${unused.name} is for host ${unused.host}, which nobody calls`,
    remedy: `${unused.file}:${unused.line} host: ${route.host}`,
  };
}
