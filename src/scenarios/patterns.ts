/**
 * When each tenant of one load sends: its times one after another, as whole-number arithmetic on a few numbers a tenant.
 * An idle tenant costs these bytes and nothing else: no object, no timer.
 */
import { DrawCursor, drawKey } from "../seed/draws.ts";
import { exponential } from "../seed/exponential.ts";
import { zipfWeights } from "../seed/zipf.ts";
import type { PlannedLoad } from "./plan.ts";

const SECOND_US = 1e6;
const DAY_US = 86_400 * SECOND_US;

/**
 * Requests by hour of day beside the average of 1000: low before dawn, two humps, highest in the evening. The shape is an
 * assumption; only its mean of 1000 is relied on.
 */
const DAY_CURVE = [
  550, 420, 340, 300, 310, 380, 550, 800, 1060, 1250, 1330, 1340, 1290, 1280, 1290, 1280, 1270, 1290, 1360,
  1450, 1480, 1370, 1130, 880,
];
const DAY_PEAK = DAY_CURVE.reduce((a, b) => Math.max(a, b));

/** Requests at this time of day beside the average of 1000, straight between the hours. */
export function dayFactor(timeUs: number): number {
  const hours = ((timeUs % DAY_US) / DAY_US) * DAY_CURVE.length;
  const hour = Math.floor(hours);
  const here = DAY_CURVE[hour]!;
  return here + (DAY_CURVE[(hour + 1) % DAY_CURVE.length]! - here) * (hours - hour);
}

/** Numbers kept for each tenant, side by side: they are read together. */
const STRIDE = 4;
const TIME = 0;
const SESSION_END = 1;
const COUNT = 2;
const TURN = 3;

/** How the pattern's next time follows; `timeUs` is not yet whole, microseconds from the load's start. */
export class LoadTimes {
  readonly load: PlannedLoad;
  readonly #state: Float64Array;
  readonly #draws: DrawCursor;
  readonly #periodUs: number;
  /** Requests of each tenant; null = as many as the duration takes. */
  readonly #requests: number | null;
  /** Skew: how active each tenant is beside the average; null = all the same. */
  readonly #weights: Float64Array | null;
  /** Burst: each tenant's times in order, `requests` apiece. */
  readonly #bursts: Float64Array | null;

  /** @param name scenario and step: with the load's name what its chance is drawn by. */
  constructor(name: string, load: PlannedLoad, seed: number) {
    this.load = load;
    this.#state = new Float64Array(load.tenants * STRIDE);
    this.#draws = new DrawCursor(drawKey(seed, `traffic/${name}/${load.name}`));
    this.#periodUs = SECOND_US / load.rate;
    this.#requests = load.requests ?? (load.pattern === "burst" ? 1 : null);
    this.#weights = load.skew > 0 ? zipfWeights(load.tenants, load.skew) : null;
    this.#bursts = load.pattern === "burst" ? this.#drawBursts(this.#requests!) : null;
  }

  /** The tenant's first time, from the load's start; Infinity without any. */
  first(tenant: number): number {
    this.#draws.seek(tenant, 0);
    const at = tenant * STRIDE;
    this.#state[at + TIME] = this.#begin(at, tenant);
    return this.#told(at);
  }

  /** The time after the one told last; Infinity when there is no more. */
  next(tenant: number): number {
    const at = tenant * STRIDE;
    const state = this.#state;
    state[at + COUNT]! += 1;
    this.#draws.seek(tenant, state[at + TURN]!);
    state[at + TIME] = this.#follow(at, tenant);
    return this.#told(at);
  }

  /** The time told last, which was not Infinity. */
  due(tenant: number): number {
    return Math.floor(this.#state[tenant * STRIDE + TIME]!);
  }

  /**
   * {@link due} of many: each tenant's numbers are far from the last one's, and a loop of nothing else lets the processor
   * wait for many of them at once.
   */
  allDue(tenants: Int32Array, count: number, into: Float64Array): void {
    const state = this.#state;
    for (let i = 0; i < count; i++) into[i] = Math.floor(state[tenants[i]! * STRIDE + TIME]!);
  }

  #told(at: number): number {
    this.#state[at + TURN] = this.#draws.turn;
    const timeUs = Math.floor(this.#state[at + TIME]!);
    const more =
      this.#requests === null ? timeUs < this.load.durationUs : this.#state[at + COUNT]! < this.#requests;
    return more ? timeUs : Infinity;
  }

  #period(tenant: number): number {
    return this.#weights === null ? this.#periodUs : this.#periodUs / this.#weights[tenant]!;
  }

  #begin(at: number, tenant: number): number {
    const { pattern } = this.load;
    if (pattern === "poisson" || pattern === "diurnal") return this.#follow(at, tenant);
    if (pattern === "burst") return this.#bursts![tenant * this.#requests!]!;
    if (pattern === "sessions") return this.#firstSession(at, tenant);
    // The share of a period that passes before the first request: the tenant's own, kept for all that follow.
    this.#state[at + SESSION_END] = this.#draws.float();
    return this.#evenly(at, tenant);
  }

  #follow(at: number, tenant: number): number {
    const { pattern } = this.load;
    if (pattern === "poisson")
      return this.#state[at + TIME]! + exponential(this.#draws) * this.#period(tenant);
    if (pattern === "diurnal") return this.#byDay(at, tenant);
    if (pattern === "sessions") return this.#inSession(at, tenant);
    if (pattern === "burst")
      return this.#bursts![tenant * this.#requests! + this.#state[at + COUNT]!] ?? Infinity;
    return this.#evenly(at, tenant);
  }

  /** constant, onOff, ramp: the k-th request stands fixed once the phase does. */
  #evenly(at: number, tenant: number): number {
    const { pattern, onUs, offUs, durationUs } = this.load;
    const periodUs = this.#period(tenant);
    const requests = this.#state[at + SESSION_END]! + this.#state[at + COUNT]!;
    // The rate grows evenly from 0, so that many requests have come after the root of twice that area.
    if (pattern === "ramp") return Math.sqrt(2 * durationUs * requests * periodUs);
    const timeUs = requests * periodUs;
    // Time counts only while on; each full stretch of it is followed by a pause.
    return pattern === "onOff" ? timeUs + Math.floor(timeUs / onUs) * offUs : timeUs;
  }

  /** Candidates at the peak's rate, of which each is kept with the hour's share of the peak. */
  #byDay(at: number, tenant: number): number {
    const gapUs = (this.#period(tenant) * 1000) / DAY_PEAK;
    let timeUs = this.#state[at + TIME]!;
    do timeUs += exponential(this.#draws) * gapUs;
    while (timeUs < this.load.durationUs && this.#draws.float() * DAY_PEAK >= dayFactor(timeUs));
    return timeUs;
  }

  /** On or off at first as often as on the whole: lengths are memoryless, so what is left of one is like a new one. */
  #firstSession(at: number, tenant: number): number {
    const { onUs } = this.load;
    const pauseUs = this.#pause(tenant);
    const on = this.#draws.float() * (onUs + pauseUs) < onUs;
    if (!on) return this.#newSession(at, tenant, 0);
    this.#state[at + SESSION_END] = exponential(this.#draws) * onUs;
    const timeUs = this.#draws.float() * this.#periodUs;
    return timeUs < this.#state[at + SESSION_END]!
      ? timeUs
      : this.#newSession(at, tenant, this.#state[at + SESSION_END]!);
  }

  #inSession(at: number, tenant: number): number {
    const timeUs = this.#state[at + TIME]! + this.#periodUs;
    const endUs = this.#state[at + SESSION_END]!;
    return timeUs < endUs ? timeUs : this.#newSession(at, tenant, endUs);
  }

  /** A session begins with a request. */
  #newSession(at: number, tenant: number, endUs: number): number {
    const beginUs = endUs + exponential(this.#draws) * this.#pause(tenant);
    this.#state[at + SESSION_END] = beginUs + exponential(this.#draws) * this.load.onUs;
    return beginUs;
  }

  /** Who is more active than others has shorter pauses, not busier sessions. */
  #pause(tenant: number): number {
    return this.#weights === null ? this.load.offUs : this.load.offUs / this.#weights[tenant]!;
  }

  #drawBursts(requests: number): Float64Array {
    const times = new Float64Array(this.load.tenants * requests);
    for (let tenant = 0; tenant < this.load.tenants; tenant++) {
      this.#draws.seek(tenant, 0);
      const own = times.subarray(tenant * requests, (tenant + 1) * requests);
      for (let k = 0; k < requests; k++) own[k] = this.#draws.float() * this.load.durationUs;
      own.sort();
    }
    return times;
  }
}
