/**
 * Scenario and seed in, arrivals out: open loop, in order of time, whole microseconds. The same for every engine, so that
 * runs on two engines can be compared request by request.
 */
import type { Arrival, ArrivalBatch, Traffic, TrafficLoad } from "../engines/engine.ts";
import { Calendar } from "./calendar.ts";
import { LoadTimes } from "./patterns.ts";
import { expectedRequests, loadEndUs, type PlannedLoad } from "./plan.ts";

/** Requests that a batch is meant to hold. */
const BATCH_REQUESTS = 1024;
const MAX_BATCHES = 2 ** 17;
const MIN_BATCH_US = 2 ** 14;
/** However little there is to send, whoever takes batches may want to change its ways now and then. */
const LONG_BATCH_US = 2 ** 23;
/** A source's number and its time in the batch fit into one exact double, by which a batch is sorted. */
const SOURCE_BITS = 2 ** 23;
const MAX_BATCH_US = 2 ** 29;

export const tenantName = (load: Pick<PlannedLoad, "prefix">, index: number): string =>
  `${load.prefix}-${index + 1}`;

/** How long a batch is: a power of two, so that not too many requests nor too many batches come together. */
function batchUs(loads: readonly PlannedLoad[], endUs: number): number {
  const requests = loads.reduce((sum, load) => sum + expectedRequests(load), 1);
  const wanted = Math.min((endUs * BATCH_REQUESTS) / requests, LONG_BATCH_US);
  let width = MIN_BATCH_US;
  while (width < MAX_BATCH_US && (width < wanted || width < endUs / MAX_BATCHES)) width *= 2;
  return width;
}

class StepTraffic implements Traffic {
  readonly loads: readonly TrafficLoad[];
  readonly #name: string;
  readonly #planned: readonly PlannedLoad[];
  readonly #seed: number;
  readonly #baseUs: number;
  /** Tenants of the loads before each. */
  readonly #before: readonly number[];
  readonly #sources: number;

  constructor(name: string, planned: readonly PlannedLoad[], seed: number, baseUs: number) {
    this.#name = name;
    this.#planned = planned;
    this.#seed = seed;
    this.#baseUs = baseUs;
    let sources = 0;
    this.#before = planned.map(({ tenants }) => (sources += tenants) - tenants);
    this.#sources = sources;
    this.loads = planned.map((load, index) => ({
      name: load.name,
      tier: load.tier,
      prefix: load.prefix,
      tenants: load.tenants,
      gateway: load.gateway,
      firstSource: this.#before[index]!,
    }));
  }

  loadOf(source: number): number {
    let load = this.#before.length - 1;
    while (this.#before[load]! > source) load--;
    return load;
  }

  arrival(source: number, atUs: number, nth: number): Arrival {
    const index = this.loadOf(source);
    const load = this.#planned[index]!;
    const tenant = tenantName(load, source - this.#before[index]!);
    return {
      atUs,
      tenant,
      tier: load.tier,
      gateway: load.gateway,
      method: load.method,
      ...(load.idempotent && load.method === "POST"
        ? { idempotencyKey: `${this.#name}/${load.name}/${tenant}/${nth}`.replaceAll(" ", "-") }
        : {}),
      load: load.name,
    };
  }

  *[Symbol.iterator](): Generator<Arrival> {
    const sent = new Uint32Array(this.#sources);
    for (const { atUs, source, count } of this.batches())
      for (let i = 0; i < count; i++) yield this.arrival(source[i]!, atUs[i]!, ++sent[source[i]!]!);
  }

  /**
   * Tenants stand in the list of the batch in which they send next (a calendar queue): a request costs the same
   * whether there are ten tenants or a million.
   */
  *batches(): Generator<ArrivalBatch> {
    const endUs = this.#planned.reduce((end, load) => Math.max(end, loadEndUs(load)), 0);
    const width = batchUs(this.#planned, endUs);
    const times = this.#planned.map((load) => new LoadTimes(this.#name, load, this.#seed));
    const stretches = Math.ceil(endUs / width) + 1;
    const calendar = new Calendar(stretches);
    let originUs = 0;
    // A load with a fixed number of requests may send beyond its time: those wait for another round of the calendar.
    let late: number[] = [];
    const enqueue = (source: number, atUs: number): void => {
      const stretch = Math.floor((atUs - originUs) / width);
      if (stretch < stretches) calendar.add(stretch, source);
      else late.push(source);
    };
    const starts = Float64Array.from(this.#planned, ({ startUs }) => startUs);
    for (const [index, load] of this.#planned.entries()) {
      for (let tenant = 0; tenant < load.tenants; tenant++) {
        const atUs = times[index]!.first(tenant);
        if (atUs !== Infinity) enqueue(this.#before[index]! + tenant, load.startUs + atUs);
      }
    }
    let keys = new Float64Array(2 * BATCH_REQUESTS);
    let at = new Float64Array(keys.length);
    let sources = new Int32Array(keys.length);
    let due = new Int32Array(BATCH_REQUESTS);
    let dueUs = new Float64Array(BATCH_REQUESTS);
    const oneLoad = this.#planned.length === 1;
    for (let stretch = 0; stretch < stretches || late.length > 0; stretch++) {
      if (stretch === stretches) {
        stretch = 0;
        originUs += stretches * width;
        const again = late;
        late = [];
        for (const source of again) {
          const index = this.loadOf(source);
          enqueue(source, starts[index]! + times[index]!.due(source - this.#before[index]!));
        }
      }
      const fromUs = originUs + stretch * width;
      const toUs = fromUs + width;
      const drained = calendar.drain(stretch, due);
      due = drained.entries as Int32Array<ArrayBuffer>;
      let count = 0;
      if (dueUs.length < drained.count) dueUs = new Float64Array(due.length);
      if (oneLoad) times[0]!.allDue(due, drained.count, dueUs);
      for (let i = 0; i < drained.count; i++) {
        const source = due[i]!;
        const index = oneLoad ? 0 : this.loadOf(source);
        const load = times[index]!;
        const tenant = source - this.#before[index]!;
        let atUs = starts[index]! + (oneLoad ? dueUs[i]! : load.due(tenant));
        while (atUs < toUs) {
          if (count === keys.length) {
            const longer = new Float64Array(2 * count);
            longer.set(keys);
            keys = longer;
          }
          keys[count++] = (atUs - fromUs) * SOURCE_BITS + source;
          atUs = starts[index]! + load.next(tenant);
        }
        if (atUs !== Infinity) enqueue(source, atUs);
      }
      if (count === 0) continue;
      keys.subarray(0, count).sort();
      if (at.length < count) {
        at = new Float64Array(keys.length);
        sources = new Int32Array(keys.length);
      }
      const baseUs = this.#baseUs + fromUs;
      for (let i = 0; i < count; i++) {
        const key = keys[i]!;
        const offsetUs = Math.floor(key / SOURCE_BITS);
        at[i] = baseUs + offsetUs;
        sources[i] = key - offsetUs * SOURCE_BITS;
      }
      yield { fromUs: baseUs, toUs: baseUs + width, atUs: at, source: sources, count };
    }
  }
}

/**
 * All traffic of a step that begins at `baseUs`: memory is a few numbers a tenant, however long it lasts.
 *
 * @param name the scenario and step: streams of chance are named by it, the load and the tenant.
 */
export const traffic = (name: string, loads: readonly PlannedLoad[], seed: number, baseUs: number): Traffic =>
  new StepTraffic(name, loads, seed, baseUs);

/** The arrivals one by one. */
export const arrivals = (
  name: string,
  loads: readonly PlannedLoad[],
  seed: number,
  baseUs: number,
): Iterable<Arrival> => traffic(name, loads, seed, baseUs);
