/** What one run cost and what its tenants got, folded from its events in one pass. Pure. */
import type { EndpointsEvent, PodEvent, RequestRow, RequestsWindow, RunEvent } from "../../events/types.ts";

/** Cold latencies are counted in steps of this: exact enough for a figure shown in tenths of a second. */
export const COLD_STEP_US = 10_000;

/** Sums over one run; plain values, so that a thread can answer with them. */
export type RunFigures = {
  /** Seconds of pods of all tiers, from the creation of each to its end. */
  readonly podSeconds: number;
  readonly offered: number;
  /** Without an answer, whatever the reason: what limits refuse is no answer either. */
  readonly lost: number;
  /** Requests that have a row of their own: all of them, or of a large population a sample. */
  readonly rows: number;
  /** Of those rows: requests that came while no pod of their tier was ready. */
  readonly cold: number;
  /** Their latencies: `[steps of COLD_STEP_US, how many]`; those without an answer are not among them. */
  readonly coldLatencies: readonly (readonly [step: number, count: number])[];
  readonly hits: number;
  readonly misses: number;
  /** Answers from another pod than the tenant's last one, because pods came or went; over zero not counted. */
  readonly moves: number;
  /** The least that had to: an even share for each pod that comes, the tenants of each that goes. */
  readonly leastMoves: number;
  /** Changes of a tier's ready pods, from some to others, while it had tenants. */
  readonly scaleSteps: number;
};

type ReadySet = { readonly fromUs: number; readonly pods: ReadonlySet<string> };
/** Tenants who were last answered under one set and then under another. */
type Crossing = { readonly before: ReadySet; readonly after: ReadySet; tenants: number; leavers: number };

/** One tier's ready pods over time, and what its tenants lived through. */
class TierCourse {
  readonly #sets: ReadySet[] = [];
  readonly #last = new Map<string, { readonly set: number; readonly pod: string }>();
  readonly #crossings = new Map<string, Crossing>();
  scaleSteps = 0;

  ready({ atUs, ready }: EndpointsEvent): void {
    const pods = new Set(ready.map(({ pod, address }) => `${pod} ${address}`));
    const before = this.#sets.at(-1);
    if (before && sameMembers(before.pods, pods)) return;
    if (before && before.pods.size > 0 && pods.size > 0 && this.#last.size > 0) this.scaleSteps++;
    this.#sets.push({ fromUs: atUs, pods });
    // Over zero nobody is promised anything.
    if (pods.size === 0) this.#last.clear();
  }

  isCold(atUs: number): boolean {
    return (this.#sets[this.#indexAt(atUs)]?.pods.size ?? 0) === 0;
  }

  answered(tenant: string, pod: string, atUs: number): void {
    const set = this.#indexAt(atUs);
    const last = this.#last.get(tenant);
    this.#last.set(tenant, { set, pod });
    if (!last || last.set >= set) return;
    const [before, after] = [this.#sets[last.set]!, this.#sets[set]!];
    if (this.#sets.slice(last.set, set + 1).some(({ pods }) => pods.size === 0)) return;
    const key = `${last.set} ${set}`;
    let crossing = this.#crossings.get(key);
    if (!crossing) this.#crossings.set(key, (crossing = { before, after, tenants: 0, leavers: 0 }));
    crossing.tenants++;
    if (![...after.pods].some((member) => member.startsWith(`${last.pod} `))) crossing.leavers++;
  }

  get leastMoves(): number {
    let least = 0;
    for (const { before, after, tenants, leavers } of this.#crossings.values()) {
      const added = [...after.pods].filter((member) => !before.pods.has(member)).length;
      least += Math.max(leavers, Math.floor((tenants * added) / after.pods.size));
    }
    return least;
  }

  #indexAt(atUs: number): number {
    let index = this.#sets.length - 1;
    while (index > 0 && this.#sets[index]!.fromUs > atUs) index--;
    return index;
  }
}

const sameMembers = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((member) => b.has(member));

/** Takes a run's events in order. */
export class FiguresFold {
  readonly #routes = new Map<string, string>();
  readonly #tiers = new Map<string, TierCourse>();
  /** uid → since when. */
  readonly #pods = new Map<string, number>();
  readonly #cold = new Map<number, number>();
  #sums = { podUs: 0, offered: 0, lost: 0, rows: 0, cold: 0, hits: 0, misses: 0, moves: 0 };
  #lastUs = 0;

  add(event: RunEvent): void {
    this.#lastUs = Math.max(this.#lastUs, event.atUs);
    if (event.type === "route" && event.tier !== null) this.#routes.set(event.tier, event.host);
    else if (event.type === "endpoints") this.#endpoints(event);
    else if (event.type === "pod") this.#pod(event);
    else if (event.type === "request") this.#request(event);
    else if (event.type === "requests.window") this.#window(event);
  }

  figures(): RunFigures {
    const { podUs, ...sums } = this.#sums;
    const standing = [...this.#pods.values()].reduce((sum, sinceUs) => sum + this.#lastUs - sinceUs, 0);
    const tiers = [...this.#tiers.values()];
    return {
      ...sums,
      podSeconds: (podUs + standing) / 1e6,
      coldLatencies: [...this.#cold].sort(([a], [b]) => a - b),
      leastMoves: tiers.reduce((sum, { leastMoves }) => sum + leastMoves, 0),
      scaleSteps: tiers.reduce((sum, { scaleSteps }) => sum + scaleSteps, 0),
    };
  }

  #endpoints(event: EndpointsEvent): void {
    if (event.tier === null || event.service !== this.#routes.get(event.tier)) return;
    this.#tier(event.tier).ready(event);
  }

  #tier(name: string): TierCourse {
    let tier = this.#tiers.get(name);
    if (!tier) this.#tiers.set(name, (tier = new TierCourse()));
    return tier;
  }

  #pod({ tier, uid, what, atUs }: PodEvent): void {
    if (tier === null) return;
    if (what === "created") this.#pods.set(uid, atUs);
    if (what !== "deleted") return;
    this.#sums.podUs += atUs - (this.#pods.get(uid) ?? atUs);
    this.#pods.delete(uid);
  }

  #request({ tier, tenant, pod, outcome, scheduledAtUs, atUs, latencyUs }: RequestRow): void {
    this.#sums.rows++;
    const course = this.#tier(tier);
    if (course.isCold(scheduledAtUs)) {
      this.#sums.cold++;
      const step = Math.floor(latencyUs / COLD_STEP_US);
      if (outcome === "answer") this.#cold.set(step, (this.#cold.get(step) ?? 0) + 1);
    }
    if (outcome === "answer" && pod !== null) course.answered(tenant, pod, atUs);
  }

  #window({ outcome, affinity, count }: RequestsWindow): void {
    this.#sums.offered += count;
    if (outcome !== "answer") this.#sums.lost += count;
    if (affinity === "hit") this.#sums.hits += count;
    else if (affinity === "miss") this.#sums.misses += count;
    else if (affinity?.startsWith("moved-") === true && affinity !== "moved-over-zero")
      this.#sums.moves += count;
  }
}
