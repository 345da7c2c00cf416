/**
 * The cluster's side of a run: workload controllers, kubelet, endpoints, KEDA and HPA, Prometheus, on one clock, over
 * one substrate. The same code runs in real time, compressed time and virtual time.
 */
import { type Clock, secondsToUs } from "../clock/clock.ts";
import type { RunEvent } from "../events/types.ts";
import { Tsdb } from "../metrics/tsdb.ts";
import type { Versions } from "../scaling/types.ts";
import { stream } from "../seed/seed.ts";
import type { ScaledObject, Tier, Topology, Workload } from "../topology/types.ts";
import { Autoscaler } from "./autoscaler.ts";
import { EndpointsController } from "./endpoints-controller.ts";
import { Kubelet, viewOf } from "./kubelet.ts";
import type { QuerySource } from "./query-source.ts";
import { Scraper } from "./scraper.ts";
import type { PodIdentity, Substrate } from "./substrate.ts";
import type { TierState } from "./tier-state.ts";
import { WorkloadController } from "./workload-controller.ts";

export type ControlPlaneOptions = {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number;
  readonly substrate: Substrate;
  readonly emit: (event: RunEvent) => void;
  readonly querySource: (tsdb: Tsdb) => QuerySource;
  /** Who scrapes in the built-in scraper's place: told of the pods there are whenever these change. */
  readonly discovery?: (pods: readonly PodIdentity[]) => void;
  readonly versions?: Versions;
};

/** Timers later than this (topology time) are worth a line in the log. */
const LOGGED_LATENESS_US = 100_000;

export class ControlPlane {
  readonly kubelet: Kubelet;
  /** Null where another scrapes. */
  readonly scraper: Scraper | null;
  readonly tsdb: Tsdb;
  readonly #options: ControlPlaneOptions;
  readonly #controllers: WorkloadController[];
  readonly #autoscalers: Autoscaler[];
  readonly #endpoints: EndpointsController;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    const { topology, clock, seed, substrate, emit } = options;
    const onLate = (loop: string, lateUs: number): void => {
      if (lateUs >= LOGGED_LATENESS_US)
        emit({ type: "lateness", atUs: clock.nowUs(), loop, lateUs: Math.round(lateUs) });
    };
    const tierOf = (workload: Workload): string | null =>
      topology.tiers.find((tier) => tier.workload === workload)?.name ?? null;
    this.tsdb = new Tsdb();
    this.kubelet = new Kubelet({
      clock,
      seed,
      substrate,
      tierOf,
      emit,
      onLate,
      onChange: () => this.#changed(),
    });
    this.#controllers = this.#startedWorkloads().map(
      (workload) => new WorkloadController(workload, { clock, kubelet: this.kubelet, seed }),
    );
    this.#endpoints = new EndpointsController({
      clock,
      kubelet: this.kubelet,
      substrate,
      services: topology.services,
      tierOf: (service) => topology.tiers.find((tier) => tier.services.includes(service))?.name ?? null,
      emit,
    });
    this.scraper =
      options.discovery === undefined
        ? new Scraper({
            clock,
            seed,
            topology,
            kubelet: this.kubelet,
            substrate,
            tsdb: this.tsdb,
            emit,
            onLate,
          })
        : null;
    const metrics = options.querySource(this.tsdb);
    this.#autoscalers = topology.scaledObjects.map(
      (scaledObject, index) =>
        new Autoscaler({
          clock,
          scaledObject,
          // The first of two that claim one target is admitted, the second refused.
          others: topology.scaledObjects.slice(0, index),
          tier: tierOfScaledObject(topology, scaledObject)?.name ?? scaledObject.name,
          findTarget: (kind, name) =>
            this.#controllers.find(({ workload }) => workload.kind === kind && workload.name === name),
          kindsNamed: (name) =>
            topology.workloads.filter((workload) => workload.name === name).map(({ kind }) => kind),
          metrics,
          versions: options.versions ?? topology.config.versions,
          emit,
          onLate,
        }),
    );
  }

  start(): void {
    const { clock, seed, topology, emit } = this.#options;
    this.#endpoints.publishAll();
    for (const controller of this.#controllers) controller.changed();
    for (const [index, autoscaler] of this.#autoscalers.entries()) {
      const { name, pollingIntervalSeconds } = topology.scaledObjects[index]!;
      const periodUs = secondsToUs(pollingIntervalSeconds);
      // Objects that were created at some time in the past poll at some phase of their interval.
      const phaseUs = stream(seed, `phase/keda/${name}`).below(Math.max(1, periodUs));
      emit({ type: "phase", atUs: clock.nowUs(), loop: `keda ${name}`, periodUs, phaseUs });
      autoscaler.start(clock.nowUs() + phaseUs);
    }
  }

  stop(): void {
    for (const autoscaler of this.#autoscalers) autoscaler.stop();
    this.scraper?.stop();
    this.kubelet.stop();
  }

  scale(workload: Workload, replicas: number): void {
    this.#controllerOf(workload)?.scale(replicas);
  }

  readyPods(workload: Workload): string[] {
    return this.kubelet
      .podsOf(workload)
      .filter((pod) => viewOf(pod).ready && !viewOf(pod).terminating)
      .sort((a, b) => a.identity.ordinal - b.identity.ordinal)
      .map(({ identity }) => identity.name);
  }

  tierState(name: string): TierState {
    const tier = this.#options.topology.tiers.find((candidate) => candidate.name === name);
    if (!tier) throw new RangeError(`no tier "${name}" in the topology`);
    const index = this.#options.topology.scaledObjects.findIndex(
      (scaledObject) => scaledObject === tier.scaledObject,
    );
    const autoscaler = this.#autoscalers[index];
    return {
      tier: name,
      specReplicas: this.#controllerOf(tier.workload)?.specReplicas ?? 0,
      pods: this.kubelet.podsOf(tier.workload).map((pod) => {
        const { ready, terminating } = viewOf(pod);
        return { name: pod.identity.name, ready, terminating };
      }),
      highestRecommendation: autoscaler?.highestRecommendation ?? 0,
      scaledObjectReady: autoscaler ? autoscaler.ready : null,
      endpoints: this.#endpoints.ready(tier.routingService),
    };
  }

  /** Every workload but Prometheus, which is built in. */
  #startedWorkloads(): Workload[] {
    const { topology } = this.#options;
    const wanted = new Set([topology.entry.workload, ...topology.tiers.map((tier) => tier.workload)]);
    return topology.workloads.filter((workload) => wanted.has(workload));
  }

  #controllerOf(workload: Workload): WorkloadController | undefined {
    return this.#controllers.find((controller) => controller.workload === workload);
  }

  #changed(): void {
    for (const controller of this.#controllers) controller.changed();
    this.#endpoints.changed();
    this.scraper?.changed();
    this.#options.discovery?.(this.kubelet.pods().map(({ identity }) => identity));
  }
}

const tierOfScaledObject = (topology: Topology, scaledObject: ScaledObject): Tier | undefined =>
  topology.tiers.find((tier) => tier.scaledObject === scaledObject);
