/** The topology in virtual time: the same controllers as everywhere, over pods that take the times drawn for them. */
import { ControlPlane } from "../../controlplane/control-plane.ts";
import type { PodIdentity } from "../../controlplane/substrate.ts";
import { topologyEvents } from "../../events/topology-events.ts";
import type { RunEvent } from "../../events/types.ts";
import { EnvironmentError } from "../../errors.ts";
import { queryTsdb } from "../../metrics/query-client.ts";
import { drawAt, type DrawKey, drawKey } from "../../seed/draws.ts";
import { containerRole } from "../container-role.ts";
import type { Arrival, Engine, EngineRun, Fault, PopulationTraffic, RunOptions } from "../engine.ts";
import { BENCH_ID, type Exchange, RequestBook } from "../request-book.ts";
import { FoldedTraffic } from "./folded-traffic.ts";
import type { GatewayAnswer } from "./forwarding.ts";
import type { Passage } from "./gateway.ts";
import { RequestTimes } from "./request-times.ts";
import { SimulatedSubstrate } from "./simulated-substrate.ts";
import { configuredTimings, DEFAULT_TIMINGS, type SimulatedTimings } from "./timings.ts";
import { VirtualTime } from "./virtual-time.ts";

const WINDOW_US = 5_000_000;
const LOOK_US = 50_000;
const ENTRY_START_LIMIT_US = 120e6;
const FAULT_LIMIT_US = 30e6;

type Injected = { readonly target: string; readonly effective: boolean; readonly detail: string };

/** @param folds false: each request of a population goes the whole way, however steady the stretch; slow, and no different. */
export const createSimulatedEngine = (timings: Partial<SimulatedTimings> = {}, folds = true): Engine => ({
  name: "simulated",
  start: (options) => {
    const configured = configuredTimings(options.topology.config);
    return SimulatedRun.start(options, { ...DEFAULT_TIMINGS, ...configured, ...timings }, folds);
  },
});

export const simulatedEngine: Engine = createSimulatedEngine();

class SimulatedRun implements EngineRun {
  readonly gatewayUrl = "";
  readonly prometheusUrl = "";
  readonly #time = new VirtualTime();
  readonly #options: RunOptions;
  readonly #folds: boolean;
  readonly #substrate: SimulatedSubstrate;
  readonly #plane: ControlPlane;
  readonly #book: RequestBook;
  readonly #times: RequestTimes;
  /** Which requests have a row, where only some have. */
  readonly #rows: DrawKey;
  #folded: FoldedTraffic | null = null;
  /** The gateways by number, as long as no pod changes. */
  readonly #gatewayPods = new Map<number, PodIdentity>();
  #prometheusAway = false;
  #sent = 0;
  #stopped = false;

  static async start(options: RunOptions, timings: SimulatedTimings, folds: boolean): Promise<EngineRun> {
    const run = new SimulatedRun(options, timings, folds);
    try {
      await run.#bringUp();
      return run;
    } catch (error) {
      await run.stop();
      throw error;
    }
  }

  private constructor(options: RunOptions, timings: SimulatedTimings, folds: boolean) {
    const { topology, seed, overrideLbPolicy } = options;
    this.#options = options;
    this.#folds = folds;
    const clock = this.#time.inner;
    const emit = (event: RunEvent): void => this.#emit(event);
    this.#book = new RequestBook(topology, emit);
    this.#times = new RequestTimes(seed, timings);
    this.#rows = drawKey(seed, "simulated/rows");
    this.#substrate = new SimulatedSubstrate({
      topology,
      clock,
      seed,
      timings,
      times: this.#times,
      population: this.#book.population,
      before: (what) => (what === "look" ? this.#folded?.sync() : this.#folded?.changing()),
      onSettled: () => this.#time.wantTurn(),
      onSidecar: (pod, what, reason) => emit(sidecarEvent(pod, clock.nowUs(), what, reason)),
      ...(overrideLbPolicy ? { overrideLbPolicy } : {}),
    });
    this.#plane = new ControlPlane({
      topology,
      clock,
      seed,
      substrate: this.#substrate,
      emit,
      querySource: (tsdb) => ({
        query: (query, timeUnixSeconds) =>
          this.#prometheusAway
            ? CONNECTION_REFUSED
            : queryTsdb(tsdb, {
                query,
                timeUnixSeconds,
                options: { version: topology.config.versions.prometheus ?? 3 },
              }),
      }),
    });
  }

  get clock() {
    return this.#time.outer;
  }

  tierState(tier: string) {
    return this.#plane.tierState(tier);
  }

  async scaleEntry(pods: number): Promise<void> {
    const { workload } = this.#options.topology.entry;
    this.#plane.scale(workload, pods);
    const ready = (): string[] => this.#plane.readyPods(workload);
    const up = await this.#until(
      () => ready().length === pods && ready().every((name) => this.#accepts(name)),
      ENTRY_START_LIMIT_US,
    );
    if (up || this.#stopped) return;
    throw new EnvironmentError(
      `${workload.kind} ${workload.name}: ${pods} ready pods wanted, ${ready().length} after ${ENTRY_START_LIMIT_US / 1e6} s`,
    );
  }

  /** Without a readiness probe a pod is called ready before it listens; the bench waits for both. */
  #accepts(name: string): boolean {
    const pod = this.#plane.kubelet.find(name);
    return pod !== undefined && this.#substrate.gatewayIn(pod.identity) !== null;
  }

  async offer(scenario: string, arrivals: Iterable<Arrival>, signal?: AbortSignal): Promise<void> {
    const clock = this.#time.inner;
    const plan = arrivals[Symbol.iterator]();
    await this.#time.wait<void>((done) => {
      let open = 0;
      let exhausted = false;
      const finish = (): void => void (exhausted && open === 0 && done());
      const step = (): void => {
        for (;;) {
          const next = signal?.aborted ? { done: true as const, value: undefined } : plan.next();
          if (next.done) {
            exhausted = true;
            return finish();
          }
          const arrival = next.value;
          const send = (): void => {
            open++;
            this.#send(scenario, arrival, ++this.#sent, undefined, () => {
              open--;
              finish();
            });
          };
          if (arrival.atUs > clock.nowUs()) {
            clock.at(arrival.atUs, () => {
              send();
              step();
            });
            return;
          }
          send();
        }
      };
      step();
    });
    this.#book.flush();
  }

  async offerPopulation(
    scenario: string,
    { traffic, populations, rowsOneIn, windowUs, faultsAtUs }: PopulationTraffic,
    signal?: AbortSignal,
  ): Promise<void> {
    const { population } = this.#book;
    for (const group of populations) population.register(group);
    const firstNumbers = traffic.loads.map((load) => population.register(load));
    const rowWanted = (request: number): boolean => drawAt(this.#rows, request, 0) % rowsOneIn === 0;
    this.#book.sample(windowUs, (id) => rowWanted(Number(id.slice(BENCH_ID.length))));
    await this.#time.wait<void>((done) => {
      let open = 0;
      let exhausted = false;
      const finish = (): void => void (exhausted && open === 0 && done());
      const folded = new FoldedTraffic({
        clock: this.#time.inner,
        times: this.#times,
        book: this.#book,
        scenario,
        traffic,
        windowUs,
        firstNumbers,
        sentBefore: this.#sent,
        passageOf: (tier, gateway) => this.#passageOf(tier, gateway),
        send: (source, atUs, request, tenant) => {
          open++;
          this.#send(scenario, traffic.arrival(source, atUs, request), request, tenant, () => {
            open--;
            finish();
          });
        },
        rowWanted,
        exchangeOf: (source, atUs, request, doneAtUs, pod) => ({
          arrival: traffic.arrival(source, atUs, request),
          id: `${BENCH_ID}${request}`,
          sentAtUs: atUs,
          doneAtUs,
          status: 200,
          podInAnswer: pod,
          cause: null,
        }),
        faultsAtUs,
        onEnd: () => {
          exhausted = true;
          finish();
        },
        signal,
      });
      this.#folded = folded;
      folded.start();
    });
    this.#sent = this.#folded?.sent ?? this.#sent;
    this.#folded = null;
    this.#book.sample(WINDOW_US, () => true);
  }

  /** What requests of the tier meet through this gateway, as long as nothing changes. */
  #passageOf(tier: string, gateway: number): Passage | null {
    if (!this.#folds) return null;
    const pod = this.#gatewayPod(gateway);
    return (pod && this.#substrate.gatewayIn(pod)?.passage(tier)) ?? null;
  }

  inject(fault: Fault): Promise<Injected> {
    if (fault.kind === "stopPrometheus") return Promise.resolve(this.#stopPrometheus(fault.forSeconds));
    const pod = this.#victim(fault);
    if (!pod) return Promise.resolve({ target: "none", effective: false, detail: "there was no such pod" });
    if (fault.kind === "deletePod") return this.#deletePod(pod);
    const killed =
      fault.kind === "killSidecar" ? this.#substrate.killSidecar(pod) : this.#substrate.kill(pod);
    const detail = killed ? "killed" : "its container was not running";
    return Promise.resolve({ target: pod.name, effective: killed, detail });
  }

  stop(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#stopped = true;
    this.#plane.stop();
    this.#substrate.stop();
    this.#book.flush();
    this.#time.stop();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #bringUp(): Promise<void> {
    const { topology, overrideLbPolicy } = this.#options;
    const standIns = [topology.entry.workload, ...topology.tiers.map((tier) => tier.workload)]
      .filter((workload) => containerRole(topology, workload, workload.container).standIn)
      .map(({ name }) => name);
    const override = overrideLbPolicy === undefined ? {} : { overrideLbPolicy };
    for (const event of topologyEvents(topology, { standIns, ...override })) this.#emit(event);
    this.#plane.start();
    this.#everyWindow(WINDOW_US);
    await this.scaleEntry(topology.entry.workload.replicas ?? 1);
  }

  #everyWindow(atUs: number): void {
    this.#time.inner.at(atUs, () => {
      this.#folded?.sync();
      this.#book.advance(atUs);
      this.#everyWindow(atUs + WINDOW_US);
    });
  }

  #emit(event: RunEvent): void {
    // Requests that were over before it come before it.
    if (event.type !== "request" && event.type !== "requests.window") this.#folded?.sync();
    if (event.type === "pod") this.#gatewayPods.clear();
    this.#book.observe(event);
    this.#options.onEvent(event);
  }

  #send(
    scenario: string,
    arrival: Arrival,
    number: number,
    tenantNumber: number | undefined,
    done: () => void,
  ): void {
    const clock = this.#time.inner;
    const id = `${BENCH_ID}${number}`;
    const sentAtUs = clock.nowUs();
    const roundTripUs = this.#times.roundTripUs(number);
    const settle = (answer: GatewayAnswer): void => {
      // The way there is added to the way back: the gateway sees a request when it is due.
      clock.at(clock.nowUs() + roundTripUs, () => {
        const { status, pod, cause, owner, endpointsVersion } = answer;
        const doneAtUs = clock.nowUs();
        const answered = { arrival, id, sentAtUs, doneAtUs, status, podInAnswer: pod, cause };
        const exchange: Exchange = { ...answered, tenantNumber };
        // In the order in which requests are over, whichever way they went.
        this.#folded?.sync();
        this.#book.write(scenario, exchange, pod === null ? null : (owner ?? pod), endpointsVersion);
        done();
      });
    };
    const broken = (cause: string): void => settle({ status: null, pod: null, cause, owner: null });
    const pod = this.#gatewayPod(arrival.gateway);
    if (!pod) return broken("no gateway pod");
    const gateway = this.#substrate.gatewayIn(pod);
    if (!gateway) return broken("ECONNREFUSED");
    const { tenant, tier, method, idempotencyKey } = arrival;
    gateway.request({ id, number, tenant, tenantNumber, tier, method, idempotencyKey }, settle);
  }

  #gatewayPod(index: number): PodIdentity | undefined {
    const found = this.#gatewayPods.get(index);
    if (found) return found;
    const { workload } = this.#options.topology.entry;
    const name =
      this.#plane.readyPods(workload)[index] ?? this.#plane.kubelet.podsOf(workload)[index]?.identity.name;
    const pod = name === undefined ? undefined : this.#plane.kubelet.find(name)?.identity;
    if (pod) this.#gatewayPods.set(index, pod);
    return pod;
  }

  #victim(fault: Exclude<Fault, { kind: "stopPrometheus" }>): PodIdentity | undefined {
    const { kubelet } = this.#plane;
    const { topology } = this.#options;
    if (fault.kind === "killSidecar" || fault.kind === "killGateway") {
      const name = this.#plane.readyPods(topology.entry.workload)[fault.gateway];
      return name === undefined ? undefined : kubelet.find(name)?.identity;
    }
    const workload = topology.tiers.find(({ name }) => name === fault.tier)?.workload;
    const owner = fault.tenant === undefined ? undefined : this.#book.ownerOf(fault.tier, fault.tenant);
    const name = owner ?? (workload ? this.#plane.readyPods(workload).at(-1) : undefined);
    return name === undefined ? undefined : kubelet.find(name)?.identity;
  }

  async #deletePod(pod: PodIdentity): Promise<Injected> {
    const { kubelet } = this.#plane;
    kubelet.delete(pod.name);
    const gone = await this.#until(() => kubelet.find(pod.name)?.identity.uid !== pod.uid, FAULT_LIMIT_US);
    return { target: pod.name, effective: gone, detail: gone ? "deleted" : "still there" };
  }

  #stopPrometheus(forSeconds: number): Injected {
    const clock = this.#time.inner;
    this.#prometheusAway = true;
    this.#plane.scraper?.setDown(true);
    clock.at(clock.nowUs() + forSeconds * 1e6, () => {
      this.#prometheusAway = false;
      this.#plane.scraper?.setDown(false);
    });
    return { target: "prometheus", effective: true, detail: `away for ${forSeconds} s` };
  }

  #until(holds: () => boolean, limitUs: number): Promise<boolean> {
    const clock = this.#time.inner;
    const untilUs = clock.nowUs() + limitUs;
    return this.#time.wait((done) => {
      const look = (): void => {
        if (holds()) return done(true);
        if (clock.nowUs() >= untilUs || this.#stopped) return done(false);
        clock.at(clock.nowUs() + LOOK_US, look);
      };
      look();
    });
  }
}

const CONNECTION_REFUSED = {
  httpStatus: null,
  status: null,
  resultType: null,
  result: null,
  errorType: null,
  error: "connection refused",
  warnings: [],
};

const sidecarEvent = (
  pod: PodIdentity,
  atUs: number,
  what: "exited" | "restarting" | "listening",
  reason: string,
): RunEvent => ({
  type: "pod",
  atUs,
  tier: pod.tier,
  workload: pod.workload.name,
  pod: pod.name,
  uid: pod.uid,
  podIP: pod.podIP,
  what,
  reason: reason === "" ? "istio-proxy" : `istio-proxy: ${reason}`,
});
