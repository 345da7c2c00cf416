/** Who owned which tenant under which set of pods, and who moved from one set to the next. */
import type { EndpointsEvent } from "../../events/types.ts";

/**
 * A proxy may still choose from the set before for a moment after a new one was handed out, on a busy machine a real half
 * second. So an answer belongs to a set that was in force so long before it was sent, and until it came.
 */
const SETTLED_US = 5e6;
const SETTLED_REAL_US = 0.5e6;

type SetInForce = { readonly fromUs: number; readonly key: string };
type LastOwner = { readonly key: string; readonly pod: string };

/** The addresses decide, whatever the order: they are what is hashed. */
const keyOf = (event: EndpointsEvent): string =>
  event.ready
    .map(({ pod, address }) => `${pod}=${address}`)
    .sort()
    .join(" ");

const cell = <T>(table: Map<string, T>, key: string, make: () => T): T => {
  let found = table.get(key);
  if (found === undefined) table.set(key, (found = make()));
  return found;
};

export class HostSets {
  /** Tier and set of pods → tenant → its owners there, in words: one pod, wherever the tenant is what is hashed. */
  readonly owners = new Map<string, Map<string, ReadonlySet<string>>>();
  /** Tier, set before and set after → tenant → whether its owner changed. */
  readonly steps = new Map<string, Map<string, boolean>>();
  readonly #inForce = new Map<string, SetInForce[]>();
  readonly #last = new Map<string, LastOwner>();
  readonly #settledUs: number;

  /** @param speed seconds of topology time in a real one. */
  constructor(speed: number) {
    this.#settledUs = Math.max(SETTLED_US, SETTLED_REAL_US * speed);
  }

  ready(tier: string, event: EndpointsEvent): void {
    const sets = cell(this.#inForce, tier, () => []);
    const key = keyOf(event);
    if (sets.at(-1)?.key === key) return;
    sets.push({ fromUs: event.atUs, key });
    if (key === "") this.#forget(tier);
  }

  /** The tiers were brought to a rest between two steps: what comes now is no step of scaling. */
  rest(): void {
    this.#last.clear();
  }

  anyReady(tier: string, atUs: number): boolean {
    const set = this.#inForce.get(tier)?.findLast(({ fromUs }) => fromUs <= atUs);
    return set !== undefined && set.key !== "";
  }

  /** Takes answers in about the order of their ends. */
  answered(tier: string, tenant: string, pod: string, sentAtUs: number, atUs: number): void {
    const key = this.#setOver(tier, sentAtUs - this.#settledUs, atUs);
    if (key === null) return;
    const owners = cell(this.owners, `${tier} ${key}`, () => new Map<string, ReadonlySet<string>>());
    const known = owners.get(tenant);
    if (known?.has(pod) !== true) owners.set(tenant, new Set([...(known ?? []), pod]));
    const last = this.#last.get(`${tier}\0${tenant}`);
    if (last && last.key !== key) {
      const step = cell(this.steps, `${tier} ${last.key} → ${key}`, () => new Map<string, boolean>());
      step.set(tenant, last.pod !== pod);
    }
    this.#last.set(`${tier}\0${tenant}`, { key, pod });
  }

  /** The one set of pods that was there; null where there were two. None at all is no set to choose from. */
  #setOver(tier: string, sinceUs: number, atUs: number): string | null {
    const sets = this.#inForce.get(tier) ?? [];
    let key: string | null = null;
    for (let at = sets.length - 1; at >= 0; at--) {
      const { fromUs, key: here } = sets[at]!;
      if (fromUs > atUs) continue;
      if (here !== "") {
        if (key !== null) return null;
        key = here;
      }
      if (fromUs <= sinceUs) break;
    }
    return key;
  }

  #forget(tier: string): void {
    for (const key of this.#last.keys()) if (key.startsWith(`${tier}\0`)) this.#last.delete(key);
  }
}
