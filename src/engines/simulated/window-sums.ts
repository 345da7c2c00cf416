/** Sums of answered requests over one window, in columns: one row for each combination that occurred ({@link RequestsWindow}). */
import { latencyBucket } from "../../events/aggregate.ts";
import type { Affinity, RequestsWindow } from "../../events/types.ts";

const AFFINITIES: readonly Affinity[] = [
  "first",
  "hit",
  "miss",
  "moved-scale-out",
  "moved-scale-in",
  "moved-pod-replaced",
  "moved-over-zero",
];
export const HIT = AFFINITIES.indexOf("hit");
export const affinityOf = (number: number): Affinity => AFFINITIES[number]!;
export const affinityNumber = (affinity: Affinity): number => AFFINITIES.indexOf(affinity);

/** Numbers kept for each combination. */
const STRIDE = 6;
const COUNT = 0;
const LATENCY_SUM = 1;
const LATENCY_MAX = 2;
const SCHEDULED_MIN = 3;
const FIRST = 4;
const LAST = 5;
/** Enough for the latency of a week. */
const BUCKETS = latencyBucket(7 * 86_400e6) + 1;

export type SummedLoad = { readonly name: string; readonly tier: string; readonly gateway: number };

export class WindowSums {
  readonly #scenario: string;
  readonly #loads: readonly SummedLoad[];
  readonly #windowUs: number;
  readonly #podNames: readonly string[];
  readonly #emit: (window: RequestsWindow) => void;
  /** Combination → its place in the columns, −1 for none. */
  #places = new Int32Array(0);
  #combinations: number[] = [];
  #sums = new Float64Array(0);
  #latency = new Uint32Array(0);
  #fromUs = 0;
  #endUs = 0;

  constructor(options: {
    readonly scenario: string;
    readonly loads: readonly SummedLoad[];
    readonly windowUs: number;
    /** Grows; pods are numbered by it. */
    readonly podNames: readonly string[];
    readonly emit: (window: RequestsWindow) => void;
  }) {
    this.#scenario = options.scenario;
    this.#loads = options.loads;
    this.#windowUs = options.windowUs;
    this.#podNames = options.podNames;
    this.#emit = options.emit;
  }

  /** Takes requests in the order in which they were over. */
  add(load: number, pod: number, affinity: number, scheduledUs: number, atUs: number): void {
    if (atUs >= this.#endUs) this.#open(atUs);
    const combination = (pod * this.#loads.length + load) * AFFINITIES.length + affinity;
    const known = combination < this.#places.length ? this.#places[combination]! : -1;
    const place = known < 0 ? this.#begin(combination) : known;
    const at = place * STRIDE;
    const sums = this.#sums;
    const latencyUs = atUs - scheduledUs;
    sums[at + COUNT]! += 1;
    sums[at + LATENCY_SUM]! += latencyUs;
    if (latencyUs > sums[at + LATENCY_MAX]!) sums[at + LATENCY_MAX] = latencyUs;
    if (scheduledUs < sums[at + SCHEDULED_MIN]!) sums[at + SCHEDULED_MIN] = scheduledUs;
    if (atUs < sums[at + FIRST]!) sums[at + FIRST] = atUs;
    sums[at + LAST] = atUs;
    this.#latency[place * BUCKETS + latencyBucket(latencyUs)]! += 1;
  }

  /** Hands out what there is of windows that ended by `nowUs`. */
  advance(nowUs: number): void {
    if (nowUs >= this.#endUs) this.flush();
  }

  flush(): void {
    for (const [place, combination] of this.#combinations.entries()) {
      this.#emit(this.#window(place, combination));
      this.#places[combination] = -1;
    }
    this.#combinations = [];
  }

  #open(atUs: number): void {
    this.flush();
    this.#fromUs = Math.floor(atUs / this.#windowUs) * this.#windowUs;
    this.#endUs = this.#fromUs + this.#windowUs;
  }

  #begin(combination: number): number {
    if (combination >= this.#places.length) {
      const longer = new Int32Array(2 * (combination + 1)).fill(-1);
      longer.set(this.#places);
      this.#places = longer;
    }
    const place = this.#combinations.push(combination) - 1;
    this.#places[combination] = place;
    if (this.#sums.length < (place + 1) * STRIDE) {
      const [sums, latency] = [this.#sums, this.#latency];
      this.#sums = new Float64Array(2 * (place + 1) * STRIDE);
      this.#latency = new Uint32Array(2 * (place + 1) * BUCKETS);
      this.#sums.set(sums);
      this.#latency.set(latency);
    }
    this.#sums.fill(0, place * STRIDE, (place + 1) * STRIDE);
    this.#sums[place * STRIDE + SCHEDULED_MIN] = Infinity;
    this.#sums[place * STRIDE + FIRST] = Infinity;
    this.#latency.fill(0, place * BUCKETS, (place + 1) * BUCKETS);
    return place;
  }

  #window(place: number, combination: number): RequestsWindow {
    const affinity = AFFINITIES[combination % AFFINITIES.length]!;
    const rest = Math.floor(combination / AFFINITIES.length);
    const load = this.#loads[rest % this.#loads.length]!;
    const sum = (what: number): number => this.#sums[place * STRIDE + what]!;
    const latency: Record<string, number> = {};
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = this.#latency[place * BUCKETS + bucket]!;
      if (count > 0) latency[bucket] = count;
    }
    return {
      type: "requests.window",
      fromUs: this.#fromUs,
      atUs: this.#endUs,
      scenario: this.#scenario,
      load: load.name,
      tier: load.tier,
      gateway: load.gateway,
      pod: this.#podNames[Math.floor(rest / this.#loads.length)]!,
      outcome: "answer",
      affinity,
      count: sum(COUNT),
      latency,
      latencyUsSum: sum(LATENCY_SUM),
      latencyUsMax: sum(LATENCY_MAX),
      scheduledAtUsMin: sum(SCHEDULED_MIN),
      firstAtUs: sum(FIRST),
      lastAtUs: sum(LAST),
    };
  }
}
