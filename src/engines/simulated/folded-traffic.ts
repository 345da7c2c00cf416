/**
 * A population's traffic, a stretch at a time. Between two changes of the control plane requests of a tier do not meet:
 * where a tenant goes is a look-up, its times are draws by its number, and all of them together are sums. So a stretch
 * that is steady is folded in a few tight loops; any other is sent request by request, all the way through gateway, proxy
 * and pod. Both give the same answers at the same microseconds (`folded-traffic.test.ts`).
 *
 * What is folded lies ahead of time until somebody looks: {@link FoldedTraffic.sync} brings it up to now.
 */
import type { Clock, Timer } from "../../clock/clock.ts";
import type { ArrivalBatch, Traffic } from "../engine.ts";
import { OWNER, RECORD } from "../population.ts";
import type { Exchange, RequestBook } from "../request-book.ts";
import type { Passage } from "./gateway.ts";
import { Columns } from "./request-columns.ts";
import type { RequestTimes } from "./request-times.ts";
import { affinityNumber, affinityOf, HIT, WindowSums } from "./window-sums.ts";

export type FoldedTrafficOptions = {
  readonly clock: Clock;
  readonly times: RequestTimes;
  readonly book: RequestBook;
  readonly scenario: string;
  readonly traffic: Traffic;
  readonly windowUs: number;
  /** Of each load, the number of its first tenant. */
  readonly firstNumbers: readonly number[];
  /** Requests sent before; numbers go on from there. */
  readonly sentBefore: number;
  readonly passageOf: (tier: string, gateway: number) => Passage | null;
  readonly send: (source: number, atUs: number, request: number, tenant: number) => void;
  readonly rowWanted: (request: number) => boolean;
  readonly exchangeOf: (
    source: number,
    atUs: number,
    request: number,
    doneAtUs: number,
    pod: string,
  ) => Exchange;
  /** When the scenario will break something: around these times each request goes the whole way. */
  readonly faultsAtUs: readonly number[];
  readonly onEnd: () => void;
  readonly signal?: AbortSignal | undefined;
};

/** Requests of one tier through one gateway. */
type Lane = { readonly tier: string; readonly gateway: number; passage: Passage | null; pods: Int32Array };

/** A tenant's owner stands in its record beside the set of hosts that it holds for. */
const HOST_BITS = 12;
const HOSTS = 2 ** HOST_BITS;
const HOST_MASK = HOSTS - 1;
/** Before a fault nothing that it could break may be decided already. */
const FAULT_MARGIN_US = 15e6;

export class FoldedTraffic {
  readonly #options: FoldedTrafficOptions;
  readonly #batches: Iterator<ArrivalBatch>;
  readonly #lanes: Lane[] = [];
  readonly #laneOf: readonly Lane[];
  readonly #sums: WindowSums;
  #columns = new Columns();
  #spare = new Columns();
  /** How many of the columns, the last ones, are of the batch. */
  #inBatch = 0;
  /** Of the batch: requests that go the whole way. */
  #whole = new Uint8Array(0);
  #firstNumber: number;
  /** Of the batch: those before it are sent, or folded. */
  #sent = 0;
  #sending: Timer | null = null;
  /** Of the columns: those before it have arrived. */
  #arrived = 0;
  /** Of the order of completion: those before it are over. */
  #over = 0;

  constructor(options: FoldedTrafficOptions) {
    this.#options = options;
    this.#batches = options.traffic.batches()[Symbol.iterator]();
    this.#firstNumber = options.sentBefore + 1;
    this.#laneOf = options.traffic.loads.map(({ tier, gateway }) => this.#lane(tier, gateway));
    this.#sums = new WindowSums({
      scenario: options.scenario,
      loads: options.traffic.loads,
      windowUs: options.windowUs,
      podNames: options.book.population.podNames,
      emit: (window) => options.book.merge(window),
    });
  }

  /** Requests begun so far. */
  get sent(): number {
    return this.#firstNumber - 1 + this.#inBatch;
  }

  start(): void {
    this.#next();
  }

  /** Folds whatever has happened by now: before anybody looks at the tenants or the sums. */
  sync(): void {
    const nowUs = this.#options.clock.nowUs();
    const columns = this.#columns;
    const { count, atUs, load, pod, tenant, answeredUs } = columns;
    let arrived = this.#arrived;
    while (arrived < count && atUs[arrived]! <= nowUs) {
      const lane = this.#laneOf[load[arrived]!]!;
      const folded = pod[arrived]! >= 0;
      // As many as go the same way.
      const from = arrived++;
      while (
        arrived < count &&
        atUs[arrived]! <= nowUs &&
        pod[arrived]! >= 0 === folded &&
        this.#laneOf[load[arrived]!] === lane
      )
        arrived++;
      if (folded) lane.passage!.activity.answeredAll(tenant, answeredUs, from, arrived);
    }
    this.#arrived = arrived;
    for (; this.#over < columns.ordered; this.#over++) {
      const index = columns.order(this.#over);
      if (columns.pod[index]! < 0) continue;
      if (columns.doneUs[index]! > nowUs) break;
      this.#complete(index);
    }
    this.#sums.advance(nowUs);
  }

  /** Something that requests depend on is about to change: what has not yet arrived goes the whole way. */
  changing(): void {
    this.sync();
    const { count, pod } = this.#columns;
    const carried = count - this.#inBatch;
    for (let index = this.#arrived; index < count; index++) {
      if (pod[index]! < 0) continue;
      pod[index] = -1;
      this.#whole[index - carried] = 1;
    }
    this.#sendNext();
  }

  #lane(tier: string, gateway: number): Lane {
    const found = this.#lanes.find((lane) => lane.tier === tier && lane.gateway === gateway);
    if (found) return found;
    const lane = { tier, gateway, passage: null, pods: new Int32Array(0) };
    this.#lanes.push(lane);
    return lane;
  }

  #next(): void {
    const { clock, signal } = this.#options;
    const next = signal?.aborted ? { done: true as const, value: undefined } : this.#batches.next();
    if (next.done) return this.#end();
    const batch = next.value;
    clock.at(batch.fromUs, () => {
      this.#begin(batch);
      this.#next();
    });
  }

  #end(): void {
    const { clock, onEnd } = this.#options;
    const columns = this.#columns;
    const lastSent = columns.count === 0 ? 0 : columns.atUs[columns.count - 1]!;
    const lastOver = columns.ordered === 0 ? 0 : columns.doneUs[columns.order(columns.ordered - 1)]!;
    const end = (): void => {
      // Whoever is due at this very moment goes first.
      if (this.#sending !== null) return void clock.at(clock.nowUs(), end);
      this.sync();
      this.#sums.flush();
      onEnd();
    };
    clock.at(Math.max(clock.nowUs(), lastSent, lastOver), end);
  }

  #begin(batch: ArrivalBatch): void {
    this.sync();
    this.#carry();
    this.#firstNumber += this.#inBatch;
    this.#inBatch = batch.count;
    this.#sent = 0;
    if (this.#whole.length < batch.count) this.#whole = new Uint8Array(2 * batch.count);
    this.#columns.reserve(batch.count);
    for (const lane of this.#lanes) this.#look(lane, batch);
    this.#assign(batch);
    for (const lane of this.#lanes)
      if (lane.passage !== null && this.#crowded(lane, lane.passage, batch)) lane.passage = null;
    this.#time(batch);
    this.#sendNext();
  }

  /** What is not over yet comes along, to the front of the other columns. */
  #carry(): void {
    const from = this.#columns;
    const to = this.#spare;
    to.count = 0;
    for (let at = this.#over; at < from.ordered; at++) {
      const index = from.order(at);
      if (from.pod[index]! >= 0) to.take(from, index);
    }
    this.#columns = to;
    this.#spare = from;
    this.#arrived = to.count;
    this.#over = 0;
    to.sort();
  }

  #look(lane: Lane, batch: ArrivalBatch): void {
    const { passageOf, times, faultsAtUs, book } = this.#options;
    const nearFault = faultsAtUs.some(
      (atUs) => atUs > batch.fromUs - FAULT_MARGIN_US && atUs < batch.toUs + FAULT_MARGIN_US,
    );
    const passage = nearFault ? null : passageOf(lane.tier, lane.gateway);
    const bounded = passage?.pods.every(({ workUs, drainDelayUs }) => {
      const longestUs = workUs + times.maxUs;
      return longestUs <= drainDelayUs && longestUs < passage.timeoutUs;
    });
    lane.passage = passage !== null && bounded && passage.pods.length < HOSTS ? passage : null;
    if (lane.passage)
      lane.pods = Int32Array.from(lane.passage.pods, ({ name }) => book.population.podNumber(name));
  }

  /** Each request's tenant and, in a lane that is steady, the pod that it goes to. */
  #assign(batch: ArrivalBatch): void {
    const { traffic, firstNumbers, book } = this.#options;
    const { records } = book.population;
    const columns = this.#columns;
    const { load, source, tenant, atUs, request, host } = columns;
    const { loads } = traffic;
    const carried = columns.count;
    for (let i = 0; i < batch.count; i++) {
      const from = batch.source[i]!;
      const ofLoad = loads.length === 1 ? 0 : traffic.loadOf(from);
      const index = carried + i;
      load[index] = ofLoad;
      source[index] = from;
      tenant[index] = firstNumbers[ofLoad]! + from - loads[ofLoad]!.firstSource;
      atUs[index] = batch.atUs[i]!;
      request[index] = this.#firstNumber + i;
    }
    // Each record is far from the last: a loop of nothing else lets the processor wait for many of them at once.
    const count = carried + batch.count;
    for (let index = carried; index < count; index++) host[index] = records[tenant[index]! * RECORD + OWNER]!;
    for (let index = carried; index < count; index++) {
      const { passage } = this.#laneOf[load[index]!]!;
      const known = host[index]!;
      if (passage === null) host[index] = -1;
      else if (known >>> HOST_BITS === passage.hostSet) host[index] = known & HOST_MASK;
      else host[index] = this.#ownerOf(passage, tenant[index]!, source[index]!, load[index]!);
    }
  }

  #ownerOf(passage: Passage, tenant: number, source: number, load: number): number {
    const { traffic, book } = this.#options;
    const { prefix, firstSource } = traffic.loads[load]!;
    const owner = passage.ownerOf(`${prefix}-${source - firstSource + 1}`);
    book.population.records[tenant * RECORD + OWNER] = (passage.hostSet << HOST_BITS) | owner;
    return owner;
  }

  /** Whether requests might have to wait for each other. */
  #crowded(lane: Lane, passage: Passage, batch: ArrivalBatch): boolean {
    const { times } = this.#options;
    const columns = this.#columns;
    const hosts = passage.pods.length;
    const before = new Int32Array(hosts);
    let allBefore = passage.inFlight;
    for (let index = 0; index < columns.count; index++) {
      if (this.#laneOf[columns.load[index]!] !== lane) continue;
      allBefore++;
      const host = lane.pods.indexOf(columns.pod[index]!);
      if (host >= 0) before[host]! += 1;
    }
    for (const [host, { inProgress }] of passage.pods.entries()) before[host]! += inProgress;
    // No request is in a pod for longer than a slot, so no more are there at once than two slots bring.
    const slotUs = passage.pods.reduce((longest, { workUs }) => Math.max(longest, workUs), 0) + times.maxUs;
    const counts = new Int32Array(hosts + 1);
    const last = new Int32Array(hosts + 1);
    const slots = new Int32Array(hosts + 1).fill(-1);
    const tooMany = (place: number, slot: number, earlier: number, limit: number): boolean => {
      if (slots[place] !== slot) {
        last[place] = slots[place] === slot - 1 ? counts[place]! : 0;
        counts[place] = 0;
        slots[place] = slot;
      }
      counts[place]! += 1;
      return counts[place]! + last[place]! + (slot <= 1 ? earlier : 0) > limit;
    };
    for (let i = 0; i < batch.count; i++) {
      const index = columns.count + i;
      if (this.#laneOf[columns.load[index]!] !== lane) continue;
      const slot = Math.floor((batch.atUs[i]! - batch.fromUs) / slotUs);
      const host = columns.host[index]!;
      const full = tooMany(host, slot, before[host]!, passage.pods[host]!.atOnce);
      if (full || tooMany(hosts, slot, allBefore, passage.atOnce)) return true;
    }
    return false;
  }

  /** When each folded request is answered and over, and in which order. */
  #time(batch: ArrivalBatch): void {
    const { times } = this.#options;
    const columns = this.#columns;
    const carried = columns.count;
    for (let i = 0; i < batch.count; i++) {
      const index = carried + i;
      const lane = this.#laneOf[columns.load[index]!]!;
      const { passage } = lane;
      if (passage === null) {
        columns.pod[index] = -1;
        this.#whole[i] = 1;
        continue;
      }
      this.#whole[i] = 0;
      const host = columns.host[index]!;
      const request = this.#firstNumber + i;
      const answeredUs = batch.atUs[i]! + passage.pods[host]!.workUs + times.wayUs(request);
      columns.pod[index] = lane.pods[host]!;
      columns.version[index] = passage.version;
      columns.answeredUs[index] = answeredUs;
      columns.doneUs[index] = answeredUs + times.roundTripUs(request);
    }
    columns.count += batch.count;
    columns.sort();
  }

  #complete(index: number): void {
    const { book, rowWanted, exchangeOf } = this.#options;
    const { population } = book;
    const columns = this.#columns;
    const tenant = columns.tenant[index]!;
    const pod = columns.pod[index]!;
    const sentAtUs = columns.atUs[index]!;
    const atUs = columns.doneUs[index]!;
    const load = columns.load[index]!;
    const version = columns.version[index]!;
    let affinity = HIT;
    // The same pod by the same endpoints is a hit; all else is the classifier's to say.
    if (!population.answeredAgain(tenant, pod, atUs, version)) {
      const { tier } = this.#laneOf[load]!;
      affinity = affinityNumber(
        book.compare(tenant, pod, { tier, sentAtUs, atUs, endpointsVersion: version }),
      );
    }
    this.#sums.add(load, pod, affinity, sentAtUs, atUs);
    const request = columns.request[index]!;
    if (!rowWanted(request)) return;
    const name = population.podNames[pod]!;
    book.row(
      this.#options.scenario,
      exchangeOf(columns.source[index]!, sentAtUs, request, atUs, name),
      name,
      affinityOf(affinity),
    );
  }

  /** Arms the timer of the next request of the batch that goes the whole way. */
  #sendNext(): void {
    this.#sending?.cancel();
    this.#sending = null;
    let next = this.#sent;
    while (next < this.#inBatch && this.#whole[next] === 0) next++;
    if (next === this.#inBatch) return;
    const { clock, send } = this.#options;
    const columns = this.#columns;
    const index = columns.count - this.#inBatch + next;
    this.#sending = clock.at(columns.atUs[index]!, () => {
      this.#sending = null;
      this.#sent = next + 1;
      send(columns.source[index]!, columns.atUs[index]!, this.#firstNumber + next, columns.tenant[index]!);
      this.#sendNext();
    });
  }
}
