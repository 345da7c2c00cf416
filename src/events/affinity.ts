/**
 * Says of each answered request how its owner compares with its tenant's last one, and why it moved if it did. A move is
 * a miss only where the set of ready pods was the same all the while: from the last answered request's start to this
 * one's end.
 */
import type { Affinity, Decision, EndpointsEvent } from "./types.ts";

/** Tenants whose last owner is remembered; the one heard of least recently is forgotten first. */
const MAX_TENANTS = 1_000_000;
/** Changes of a tier's ready pods that are remembered. */
const MAX_CHANGES = 1_024;

type ChangeCause = "scale-out" | "scale-in" | "pod-replaced";

/** The ready pods of a tier from `atUs` on, and what led there. */
type ReadySet = {
  readonly atUs: number;
  /** The first version with these pods. */
  readonly version: number;
  /** pod → address; a pod that comes back under another address is another pod. */
  readonly pods: ReadonlyMap<string, string>;
  readonly cause: ChangeCause;
};

type TierHistory = {
  service: string;
  sets: ReadySet[];
  specReplicas: number | null;
  direction: "scale-out" | "scale-in";
  /** Whether the ready pods have been as many as asked for since the last write: changes after that are not scaling. */
  settled: boolean;
};

/** Of a tenant's last answer: `version` null where the proxy does not name its endpoints. */
export type LastAnswer = { readonly pod: string; readonly sentAtUs: number; readonly version: number | null };

export type AnsweredRequest = {
  readonly tenant: string;
  readonly tier: string;
  readonly pod: string;
  readonly sentAtUs: number;
  readonly atUs: number;
  /** The version of the endpoints that the proxy chose from, where it says so: exact, where times can only be near. */
  readonly endpointsVersion?: number;
};

export type AffinityOptions = {
  /** Tier → its routing Service as `endpoints` events name it; else the first Service heard of for the tier counts. */
  readonly services?: Readonly<Record<string, string>>;
  /** How long a proxy may still have used the set before; for answers without `endpointsVersion`. */
  readonly slackUs?: number;
  readonly maxTenants?: number;
};

function samePods(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [pod, address] of a) if (b.get(pod) !== address) return false;
  return true;
}

export class AffinityClassifier {
  readonly #tiers = new Map<string, TierHistory>();
  readonly #last = new Map<string, LastAnswer>();
  readonly #services: Readonly<Record<string, string>>;
  readonly #slackUs: number;
  readonly #maxTenants: number;

  constructor(options: AffinityOptions = {}) {
    this.#services = options.services ?? {};
    this.#slackUs = options.slackUs ?? 0;
    this.#maxTenants = options.maxTenants ?? MAX_TENANTS;
  }

  /** Takes every `endpoints` event, in order. */
  endpoints(event: EndpointsEvent): void {
    if (event.tier === null) return;
    const service = this.#services[event.tier] ?? event.service;
    const tier = this.#tier(event.tier, service);
    if (tier.service !== event.service) return;
    const pods = new Map(event.ready.map(({ pod, address }) => [pod, address]));
    const before = tier.sets.at(-1);
    const cause = changeCause(tier, before?.pods, pods);
    if (before && samePods(before.pods, pods)) return;
    tier.sets.push({ atUs: event.atUs, version: event.version, pods, cause });
    if (tier.sets.length > MAX_CHANGES) tier.sets.shift();
    this.#settle(tier);
  }

  /** Takes every `decision` event, in order: tells scaling apart from pods that were lost. */
  decision(event: Decision): void {
    const service = this.#services[event.tier] ?? "";
    const tier = this.#tier(event.tier, service);
    if (event.wrote && event.to !== event.from) {
      tier.specReplicas = event.to;
      tier.direction = event.to > event.from ? "scale-out" : "scale-in";
      tier.settled = false;
      this.#settle(tier);
    } else {
      tier.specReplicas ??= event.to;
      this.#settle(tier);
    }
  }

  /** Judges one answered request; take them in the order of `atUs`. */
  answered(request: AnsweredRequest): Affinity {
    const key = `${request.tier}\0${request.tenant}`;
    const last = this.#last.get(key);
    this.#last.delete(key);
    const version = request.endpointsVersion ?? null;
    this.#last.set(key, { pod: request.pod, sentAtUs: request.sentAtUs, version });
    if (this.#last.size > this.#maxTenants) this.#last.delete(this.#last.keys().next().value!);
    return this.compare(last, request);
  }

  /** How the answer compares with the tenant's last one, for whoever remembers that one. */
  compare(last: LastAnswer | undefined, request: Omit<AnsweredRequest, "tenant">): Affinity {
    if (!last) return "first";
    const sets = this.#tiers.get(request.tier)?.sets ?? [];
    const from = indexInForce(sets, last.version, last.sentAtUs - this.#slackUs);
    const to = Math.max(from, indexInForce(sets, request.endpointsVersion ?? null, request.atUs));
    const span = sets.slice(from, to + 1);
    if (last.pod === request.pod && samePod(span, request.pod)) return "hit";
    return this.#moved(last, span);
  }

  #moved(last: LastAnswer, span: readonly ReadySet[]): Affinity {
    if (span.some(({ pods }) => pods.size === 0)) return "moved-over-zero";
    const causes = new Set(span.slice(1).map(({ cause }) => cause));
    if (causes.size === 0) return "miss";
    const stillThere = span.at(-1)!.pods.get(last.pod) === span[0]!.pods.get(last.pod);
    const likeliest: readonly ChangeCause[] = stillThere
      ? ["scale-out", "pod-replaced", "scale-in"]
      : ["scale-in", "pod-replaced", "scale-out"];
    return `moved-${likeliest.find((cause) => causes.has(cause))!}`;
  }

  #tier(name: string, service: string): TierHistory {
    let tier = this.#tiers.get(name);
    if (!tier) {
      tier = { service, sets: [], specReplicas: null, direction: "scale-out", settled: false };
      this.#tiers.set(name, tier);
    }
    if (tier.service === "") tier.service = service;
    return tier;
  }

  #settle(tier: TierHistory): void {
    const ready = tier.sets.at(-1)?.pods.size ?? 0;
    if (tier.specReplicas === null) return;
    if (tier.direction === "scale-out" ? ready >= tier.specReplicas : ready <= tier.specReplicas) {
      tier.settled = true;
    }
  }
}

/** Whether this name meant one pod all the while: a pod that comes back under another address is another one. */
function samePod(span: readonly ReadySet[], pod: string): boolean {
  let address: string | undefined;
  for (const { pods } of span) {
    const here = pods.get(pod);
    if (here !== undefined && address !== undefined && here !== address) return false;
    address ??= here;
  }
  return true;
}

/** Why the set of ready pods is now another. */
function changeCause(
  tier: TierHistory,
  before: ReadonlyMap<string, string> | undefined,
  now: ReadonlyMap<string, string>,
): ChangeCause {
  if (tier.settled) return "pod-replaced";
  if (tier.specReplicas !== null) return tier.direction;
  const gone = [...(before?.keys() ?? [])].some((pod) => now.get(pod) !== before!.get(pod));
  const come = [...now.keys()].some((pod) => before?.get(pod) !== now.get(pod));
  return gone ? (come ? "pod-replaced" : "scale-in") : "scale-out";
}

/** Index of the set with this version, else of the one in force at `atUs`; the oldest known where that is forgotten. */
function indexInForce(sets: readonly ReadySet[], version: number | null, atUs: number): number {
  const holds = (set: ReadySet): boolean => (version === null ? set.atUs <= atUs : set.version <= version);
  let index = sets.length - 1;
  while (index > 0 && !holds(sets[index]!)) index--;
  return Math.max(0, index);
}
