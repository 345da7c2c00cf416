/** The topology as real processes on this machine: real HTTP, real scrapes, time compressible. */
import { realMs } from "../../clock/real-time.ts";
import { startWallClock } from "../../clock/wall-clock.ts";
import { ControlPlane } from "../../controlplane/control-plane.ts";
import type { PodIdentity } from "../../controlplane/substrate.ts";
import type { RunEvent } from "../../events/types.ts";
import { topologyEvents } from "../../events/topology-events.ts";
import { EnvironmentError, InputError } from "../../errors.ts";
import { pssBytes } from "../../exec/memory.ts";
import { Supervisor } from "../../exec/supervisor.ts";
import type { Workload } from "../../topology/types.ts";
import type { Arrival, Engine, EngineRun, Fault, RunOptions } from "../engine.ts";
import { type Addresses, claimAddresses } from "./addresses.ts";
import { BenchClient } from "./bench-client.ts";
import { BuiltInMetrics } from "./built-in-metrics.ts";
import { Faults } from "./faults.ts";
import { type Forwarder, forwardTcp } from "./forwarder.ts";
import { LocalSubstrate } from "./local-substrate.ts";
import type { Metrics } from "./metrics.ts";
import { OwnerNotes } from "./owner-notes.ts";
import { programFor, unreachableNames } from "./programs.ts";
import { requestShape } from "../../topology/request-shape.ts";
import { answerDeadlineSecondsOf } from "../container-role.ts";
import { CLIENT_TIMEOUT_SECONDS } from "../request-book.ts";
import { RealPrometheus } from "./prometheus/real-prometheus.ts";
import { RequestLedger } from "./request-ledger.ts";
import { BuiltInSidecars } from "./built-in-sidecars.ts";
import { EnvoySidecars } from "./envoy/envoy-sidecars.ts";
import type { Sidecars, SidecarsOptions } from "./sidecars.ts";

const WINDOW_SECONDS = 5;
const MEMORY_PERIOD_MS = 2_000;
/** Envoy has taken a new endpoint file after 2 to 9 ms; on a busy machine it waits for its turn. */
const ENVOY_LAG_REAL_US = 100_000;
const ENTRY_START_LIMIT_SECONDS = 120;
const ENTRY_START_MIN_REAL_MS = 20_000;

export const localEngine: Engine = {
  name: "local",
  start: (options) => LocalRun.start(options),
};

class LocalRun implements EngineRun {
  readonly clock;
  readonly #options: RunOptions;
  readonly #supervisor: Supervisor;
  readonly #addresses: Addresses;
  readonly #sidecars: Sidecars;
  readonly #substrate: LocalSubstrate;
  readonly #plane: ControlPlane;
  readonly #client: BenchClient;
  readonly #metrics: Metrics;
  readonly #ledger: RequestLedger;
  readonly #faults: Faults;
  readonly #startedMs = realMs();
  #forwarder: Forwarder | null = null;
  #memoryTimer: NodeJS.Timeout | undefined;
  #windowTimer: NodeJS.Timeout | undefined;
  #pssPeak = 0;
  #stopping: Promise<void> | null = null;

  static async start(options: RunOptions): Promise<EngineRun> {
    randomInstead(options);
    const addresses = await claimAddresses(options.hostEnv);
    const run = new LocalRun(options, addresses);
    try {
      await run.#bringUp();
      return run;
    } catch (error) {
      await run.stop();
      throw error;
    }
  }

  private constructor(options: RunOptions, addresses: Addresses) {
    const { topology, seed, speed, hostEnv } = options;
    this.#options = options;
    this.#addresses = addresses;
    this.clock = startWallClock(speed);
    const { clock } = this;
    this.#supervisor = new Supervisor(hostEnv);
    const emit = (event: RunEvent): void => this.#emit(event);
    const onLog = (level: "info" | "warn" | "error", message: string): void =>
      emit({ type: "log", atUs: clock.nowUs(), level, message });
    const { envoy, prometheus } = options.realParts ?? {};
    this.#ledger = new RequestLedger({
      topology,
      emit,
      endpointsSlackUs: envoy === undefined ? 0 : ENVOY_LAG_REAL_US * speed,
    });
    const notes = new OwnerNotes((message) => onLog("info", message));
    const sidecars: SidecarsOptions = {
      topology,
      clock,
      seed,
      supervisor: this.#supervisor,
      addresses,
      ...randomInstead(options),
      onAccess: (_pod, entry) => {
        this.#ledger.access(entry);
        notes.access(entry);
      },
      onLog,
      onContainer: (pod, what, reason) => emit(sidecarEvent(pod, clock.nowUs(), what, reason)),
    };
    this.#sidecars =
      envoy === undefined ? new BuiltInSidecars(sidecars) : new EnvoySidecars({ ...sidecars, envoy });
    this.#substrate = new LocalSubstrate({
      topology,
      clock,
      seed,
      supervisor: this.#supervisor,
      addresses,
      sidecars: this.#sidecars,
      hostEnv,
      onLog,
    });
    this.#metrics =
      prometheus === undefined
        ? new BuiltInMetrics(clock, topology.config.versions.prometheus ?? 3)
        : new RealPrometheus({
            topology,
            clock,
            prometheus,
            supervisor: this.#supervisor,
            scrapeAddressOf: (pod, at) => this.#substrate.scrapeAddressOf(pod, at),
            emit,
            onLog,
          });
    this.#plane = new ControlPlane({
      topology,
      clock,
      seed,
      substrate: this.#substrate,
      emit,
      querySource: (tsdb) => this.#metrics.querySource(tsdb),
      ...(this.#metrics.discovery ? { discovery: this.#metrics.discovery } : {}),
    });
    this.#faults = new Faults({
      topology,
      clock,
      plane: this.#plane,
      substrate: this.#substrate,
      sidecars: this.#sidecars,
      metrics: this.#metrics,
      ownerOf: (tier, tenant) => this.#ledger.ownerOf(tier, tenant),
      until: (holds, limitMs) => this.#until(holds, limitMs),
    });
    const { path, tenantHeader, tierHeader, podField } = requestShape(topology);
    this.#client = new BenchClient({
      clock,
      shape: {
        path,
        tenantHeader,
        tierHeader: tierHeader ?? "x-tenant-tier",
        podField,
      },
      gateway: (index) => this.#gatewayAddress(index),
      timeoutSeconds: CLIENT_TIMEOUT_SECONDS,
      answerDeadlineSeconds: answerDeadlineSecondsOf(topology.entry.container),
      onLate: (loop, lateUs) => {
        if (lateUs > 100_000) emit({ type: "lateness", atUs: clock.nowUs(), loop, lateUs });
      },
    });
  }

  get gatewayUrl(): string {
    return this.#forwarder?.url ?? "";
  }

  get prometheusUrl(): string {
    return this.#metrics.url;
  }

  tierState(tier: string) {
    return this.#plane.tierState(tier);
  }

  async scaleEntry(pods: number): Promise<void> {
    const { workload } = this.#options.topology.entry;
    this.#plane.scale(workload, pods);
    const limitMs = Math.max(ENTRY_START_MIN_REAL_MS, (ENTRY_START_LIMIT_SECONDS * 1000) / this.clock.speed);
    const ready = (): string[] => this.#plane.readyPods(workload);
    const up = await this.#until(() => ready().length === pods && this.#allAccept(ready()), limitMs);
    if (up) return this.#metrics.found(this.#plane.kubelet.podsOf(workload).map(({ identity }) => identity));
    const found = `${pods} ready pods wanted, ${ready().length} after ${limitMs / 1000} s`;
    throw new EnvironmentError(
      `${workload.kind} ${workload.name}: ${found}. ${this.#ledger.lastTrouble ?? ""}`,
    );
  }

  /** Without a readiness probe a pod is called ready before it listens; the bench's own client waits for both. */
  async #allAccept(names: readonly string[]): Promise<boolean> {
    const pods = names.flatMap((name) => this.#plane.kubelet.find(name)?.identity ?? []);
    const accepted = await Promise.all(pods.map((pod) => this.#substrate.accepts(pod)));
    return accepted.every(Boolean);
  }

  async offer(scenario: string, arrivals: Iterable<Arrival>, signal?: AbortSignal): Promise<void> {
    const joined: Promise<void>[] = [];
    await this.#client.offer(
      arrivals,
      (exchange) => {
        const settled = this.#ledger.done(scenario, exchange);
        joined.push(settled);
      },
      signal,
    );
    await Promise.all(joined);
    this.#ledger.flush();
  }

  inject(fault: Fault): Promise<{ target: string; effective: boolean; detail: string }> {
    return this.#faults.bringAbout(fault);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#tearDown();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #bringUp(): Promise<void> {
    const { topology, gatewayPort, prometheusPort, overrideLbPolicy } = this.#options;
    const standIns = this.#standIns();
    const override = overrideLbPolicy === undefined ? {} : { overrideLbPolicy };
    for (const event of topologyEvents(topology, { standIns, ...override })) this.#emit(event);
    await this.#metrics.start(this.#plane, prometheusPort);
    this.#forwarder = await forwardTcp(gatewayPort, () => this.#gatewayAddress(0));
    this.#plane.start();
    this.#watch();
    this.#noteUnreachable();
    await this.scaleEntry(topology.entry.workload.replicas ?? 1);
  }

  #standIns(): string[] {
    const { topology } = this.#options;
    return this.#workloads()
      .filter((workload) => programFor(topology, workload, workload.container).standIn)
      .map(({ name }) => name);
  }

  #workloads(): Workload[] {
    const { topology } = this.#options;
    return [topology.entry.workload, ...topology.tiers.map((tier) => tier.workload)];
  }

  /** Names in environment values that belong to no Service of the topology. */
  #noteUnreachable(): void {
    const { topology } = this.#options;
    const names = new Set(
      this.#workloads().flatMap((workload) => unreachableNames(topology, workload.container)),
    );
    if (names.size === 0) return;
    const message = `not reachable from here: ${[...names].join(", ")}`;
    this.#emit({ type: "log", atUs: this.clock.nowUs(), level: "info", message });
  }

  #watch(): void {
    const measure = async (): Promise<void> => {
      const bytes = await pssBytes(this.#supervisor.pids());
      if (bytes !== null) this.#pssPeak = Math.max(this.#pssPeak, bytes);
      if (!this.#stopping) this.#memoryTimer = setTimeout(() => void measure(), MEMORY_PERIOD_MS);
    };
    void measure();
    const periodMs = Math.max(20, (WINDOW_SECONDS * 1000) / this.clock.speed);
    this.#windowTimer = setInterval(() => this.#ledger.advance(this.clock.nowUs()), periodMs);
  }

  async #tearDown(): Promise<void> {
    clearTimeout(this.#memoryTimer);
    clearInterval(this.#windowTimer);
    this.#plane.stop();
    this.#sidecars.stop();
    this.#ledger.flush();
    this.#emit({
      type: "resources",
      atUs: this.clock.nowUs(),
      pssBytesPeak: this.#pssPeak,
      realSeconds: (realMs() - this.#startedMs) / 1000,
    });
    await Promise.all([
      this.#client.close(),
      this.#forwarder?.close(),
      this.#metrics.close(),
      this.#substrate.stop(),
    ]);
    await this.#supervisor.stop();
    this.#addresses.close();
  }

  #emit(event: RunEvent): void {
    this.#ledger?.observe(event);
    this.#options.onEvent(event);
  }

  #gatewayAddress(index: number) {
    const { workload } = this.#options.topology.entry;
    const name =
      this.#plane.readyPods(workload)[index] ?? this.#plane.kubelet.podsOf(workload)[index]?.identity.name;
    const pod = name === undefined ? undefined : this.#plane.kubelet.find(name);
    return pod ? this.#substrate.bindAddressOf(pod.identity) : null;
  }

  async #until(holds: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
    const untilMs = realMs() + limitMs;
    while (!(await holds())) {
      if (realMs() > untilMs || this.#stopping) return false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return true;
  }
}

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
  reason: reason.startsWith("istio-proxy") ? reason : `istio-proxy ${reason}`,
});

/** Real proxies choose at random or as Envoy does; strategies that are none of Envoy's live in virtual time only. */
function randomInstead({ overrideLbPolicy }: RunOptions): { readonly overrideLbPolicy?: "RANDOM" } {
  if (overrideLbPolicy === undefined) return {};
  if (overrideLbPolicy === "RANDOM") return { overrideLbPolicy };
  throw new InputError([
    `${overrideLbPolicy} in the place of hashing: the local engine has only RANDOM; strategies are compared by limpet sweep`,
  ]);
}
