/**
 * Which tenants are active, and which pod answered each of them last. A tenant is active while a request of it is held or
 * in flight, and for the idle window after its last answer. The map is an observation (the mesh routes, not the gateway);
 * it outlives the idle window by `keepUs`, so that a tenant that was away for a while is still compared with its pod.
 */
export type Affinity =
  | { readonly kind: "first" }
  | { readonly kind: "hit" }
  /** Another pod answered than the tenant's last one, at `lastAnswerUs`. */
  | { readonly kind: "other"; readonly from: string; readonly lastAnswerUs: number };

type Entry = {
  busy: number;
  /** When its last request ended, however. */
  lastSeenUs: number;
  lastAnswerUs: number | null;
  pod: string | null;
};

export type ActivityOptions = {
  readonly idleUs: number;
  readonly keepUs: number;
  /** Tenants kept in mind, over all tiers. */
  readonly maxTenants: number;
};

export class Activity {
  readonly #options: ActivityOptions;
  readonly #tiers = new Map<string, Map<string, Entry>>();
  #size = 0;

  constructor(tiers: readonly string[], options: ActivityOptions) {
    this.#options = options;
    for (const tier of tiers) this.#tiers.set(tier, new Map());
  }

  /** A request of the tenant arrived. False where too many tenants are kept already and none can be forgotten. */
  begin(tier: string, tenant: string, nowUs: number): boolean {
    const tenants = this.#of(tier);
    const entry = tenants.get(tenant);
    if (entry) {
      entry.busy++;
      return true;
    }
    if (this.#size >= this.#options.maxTenants) this.sweep(nowUs);
    if (this.#size >= this.#options.maxTenants) return false;
    tenants.set(tenant, { busy: 1, lastSeenUs: nowUs, lastAnswerUs: null, pod: null });
    this.#size++;
    return true;
  }

  /** The request is over, answered or not. */
  end(tier: string, tenant: string, nowUs: number): void {
    const entry = this.#of(tier).get(tenant);
    if (!entry) return;
    entry.busy--;
    entry.lastSeenUs = nowUs;
  }

  /** An answer that names its pod: the only thing that changes the map. */
  answered(tier: string, tenant: string, pod: string, nowUs: number): Affinity {
    const entry = this.#of(tier).get(tenant);
    if (!entry) return { kind: "first" };
    const { pod: from, lastAnswerUs } = entry;
    entry.pod = pod;
    entry.lastAnswerUs = nowUs;
    if (from === null || lastAnswerUs === null) return { kind: "first" };
    return from === pod ? { kind: "hit" } : { kind: "other", from, lastAnswerUs };
  }

  /** What a pod told after a restart of the gateway; of several pods, the latest answer holds. */
  restore(tier: string, tenant: string, pod: string | null, lastAnswerUs: number): void {
    const tenants = this.#of(tier);
    const entry = tenants.get(tenant);
    if (entry) {
      if (entry.lastAnswerUs !== null && entry.lastAnswerUs >= lastAnswerUs) return;
      entry.lastAnswerUs = lastAnswerUs;
      entry.pod = pod;
      return;
    }
    if (this.#size >= this.#options.maxTenants) return;
    tenants.set(tenant, { busy: 0, lastSeenUs: lastAnswerUs, lastAnswerUs, pod });
    this.#size++;
  }

  active(tier: string, nowUs: number): number {
    let count = 0;
    for (const entry of this.#of(tier).values()) if (this.#isActive(entry, nowUs)) count++;
    return count;
  }

  /** Forgets whoever was quiet for the idle window and `keepUs` more; answers the tenants that are now in no tier. */
  sweep(nowUs: number): string[] {
    const gone = new Set<string>();
    const beforeUs = nowUs - this.#options.idleUs - this.#options.keepUs;
    for (const tenants of this.#tiers.values()) {
      for (const [tenant, entry] of tenants) {
        if (entry.busy > 0 || entry.lastSeenUs > beforeUs) continue;
        tenants.delete(tenant);
        this.#size--;
        gone.add(tenant);
      }
    }
    for (const tenants of this.#tiers.values())
      for (const tenant of gone) if (tenants.has(tenant)) gone.delete(tenant);
    return [...gone];
  }

  #isActive(entry: Entry, nowUs: number): boolean {
    if (entry.busy > 0) return true;
    return entry.lastAnswerUs !== null && nowUs - entry.lastAnswerUs < this.#options.idleUs;
  }

  #of(tier: string): Map<string, Entry> {
    const tenants = this.#tiers.get(tier);
    if (!tenants) throw new RangeError(`no tier "${tier}"`);
    return tenants;
  }
}
