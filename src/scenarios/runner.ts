/** Drives a running topology through one scenario: preconditions observed, traffic, faults, waits. Judges nothing. */
import { secondsToUs, sleep, usToSeconds } from "../clock/clock.ts";
import type { EngineRun, TierState, Traffic } from "../engines/engine.ts";
import { WINDOW_US } from "../events/aggregate.ts";
import type { RunEvent, ScenarioEvent } from "../events/types.ts";
import { loadEndUs, type Plan, type PlannedStep, type TierBounds } from "./plan.ts";
import { traffic } from "./traffic.ts";

/** How long a topology may take to come to rest before that is a finding. */
const REST_LIMIT_US = secondsToUs(180);
const REST_SLACK_US = secondsToUs(30);
const SETTLE_SLACK_US = secondsToUs(60);
const PODS_LIMIT_US = secondsToUs(120);
/** Between two looks at the pods: a second of topology time, but no more often than 50 times in a real one. */
const LOOK_US = 1_000_000;
const LOOK_REAL_US = 20_000;
/** A step that is longer has its sums by the minute: a day of shorter windows would be a log that nobody reads. */
const LONG_STEP_US = secondsToUs(7_200);
const LONG_WINDOW_US = secondsToUs(60);
/** From planning a step to its first request: time to hand the plan over. */
const LEAD_REAL_US = 50_000;

export type ScenarioOptions = {
  readonly run: EngineRun;
  readonly plan: Plan;
  readonly seed: number;
  readonly attempt: number;
  readonly emit: (event: RunEvent) => void;
  /** Pods of the entry where a step does not say. */
  readonly entryReplicas: number;
  /** When the last request before this scenario was over; null for none. */
  readonly lastTrafficUs: number | null;
  readonly signal?: AbortSignal;
};

export type ScenarioRun = {
  readonly finished: "ended" | "gaveUp" | "aborted";
  readonly lastTrafficUs: number | null;
};

type Waited = "met" | "gaveUp" | "aborted";

const podsWanted = (step: PlannedStep, bounds: TierBounds): number =>
  step.from === "minimum" ? bounds.restReplicas : 0;

function stateWords(state: TierState): string {
  const ready = state.pods.filter((pod) => pod.ready).length;
  return `tier ${state.tier}: spec.replicas ${state.specReplicas}, ${state.pods.length} pods (${ready} ready), highest recommendation in the HPA's window ${state.highestRecommendation}`;
}

function atRest(state: TierState, wanted: number): boolean {
  const standing = state.pods.filter(({ ready, terminating }) => ready && !terminating).length;
  return (
    state.specReplicas === wanted &&
    state.pods.length === wanted &&
    standing === wanted &&
    state.highestRecommendation <= Math.max(1, wanted)
  );
}

class ScenarioRunner {
  readonly #options: ScenarioOptions;
  #lastTrafficUs: number | null;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#lastTrafficUs = options.lastTrafficUs;
  }

  get #aborted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  async run(): Promise<ScenarioRun> {
    const { plan } = this.#options;
    this.#say("started", { values: plan.values });
    for (const step of plan.steps) {
      const came = await this.#step(step);
      if (came !== "met") {
        if (came === "gaveUp") this.#say("ended");
        return { finished: came === "gaveUp" ? "gaveUp" : "aborted", lastTrafficUs: this.#lastTrafficUs };
      }
    }
    this.#say("ended");
    return { finished: "ended", lastTrafficUs: this.#lastTrafficUs };
  }

  async #step(step: PlannedStep): Promise<Waited> {
    const { run, plan, seed, entryReplicas } = this.#options;
    if (step.from !== null) {
      // The entry first: a gateway that goes takes what it knows of its tenants along.
      await run.scaleEntry(step.entryReplicas ?? entryReplicas);
      const rested = await this.#rest(step);
      if (rested !== "met") return rested;
    } else if (step.entryReplicas !== null) {
      await run.scaleEntry(step.entryReplicas);
    }
    if (this.#aborted) return "aborted";
    const lead = Number.isFinite(run.clock.speed) ? LEAD_REAL_US * run.clock.speed : 0;
    const baseUs = Math.ceil(run.clock.nowUs() + Math.max(LOOK_US, lead));
    const endUs = baseUs + Math.max(...step.loads.map(loadEndUs));
    const sampled = plan.rowsOneIn > 1 && run.offerPopulation ? { rowsOneIn: plan.rowsOneIn } : {};
    this.#say("step", { step: step.name, values: { baseUs, endUs, ...sampled } });
    await Promise.all([
      this.#offer(step, traffic(`${plan.name}/${step.name}`, step.loads, seed, baseUs), baseUs),
      ...step.faults.map((planned) => this.#fault(planned.fault, baseUs + planned.atUs)),
    ]);
    if (this.#aborted) return "aborted";
    // Requests may be over long before the load's time is; what is measured until its end needs that time.
    await this.#until(endUs);
    this.#lastTrafficUs = run.clock.nowUs();
    this.#say("offered", { step: step.name });
    if (step.settle === null) return this.#aborted ? "aborted" : "met";
    const settled = await this.#settle(step, step.settle);
    return settled === "aborted" ? "aborted" : "met";
  }

  #offer(step: PlannedStep, offered: Traffic, baseUs: number): Promise<void> {
    const { run, plan, signal } = this.#options;
    if (!run.offerPopulation) return run.offer(plan.name, offered, signal);
    const populations = plan.steps.flatMap(({ loads }) => loads);
    const durationUs = Math.max(...step.loads.map(loadEndUs));
    return run.offerPopulation(
      plan.name,
      {
        traffic: offered,
        populations: populations.toSorted((a, b) => b.tenants - a.tenants),
        rowsOneIn: plan.rowsOneIn,
        windowUs: durationUs > LONG_STEP_US ? LONG_WINDOW_US : WINDOW_US,
        faultsAtUs: step.faults.map(({ atUs }) => baseUs + atUs),
      },
      signal,
    );
  }

  async #fault(fault: PlannedStep["faults"][number]["fault"], atUs: number): Promise<void> {
    const { run, emit } = this.#options;
    await this.#until(atUs);
    if (this.#aborted) return;
    const orderedAtUs = run.clock.nowUs();
    const { target, effective, detail } = await run.inject(fault);
    emit({
      type: "fault",
      atUs: run.clock.nowUs(),
      orderedAtUs,
      fault: fault.kind,
      target,
      effective,
      detail,
    });
  }

  /** Waits until every tier is at rest and no high recommendation is left that would bring pods back. */
  async #rest(step: PlannedStep): Promise<Waited> {
    const { run, plan } = this.#options;
    const fromUs = run.clock.nowUs();
    const unrested = (): TierBounds | undefined =>
      plan.tiers.find((bounds) => {
        const wanted = podsWanted(step, bounds);
        // With pods that never go, only time tells that the tenants of before are no longer counted.
        const quiet =
          wanted === 0 ||
          this.#lastTrafficUs === null ||
          run.clock.nowUs() >= this.#lastTrafficUs + bounds.restUs;
        return !quiet || !atRest(run.tierState(bounds.tier), wanted);
      });
    const limitUs = (): number =>
      Math.max(
        REST_LIMIT_US,
        ...plan.tiers
          .filter(({ tier }) => run.tierState(tier).scaledObjectReady?.reason !== "ScaledObjectCheckFailed")
          .map(({ restUs }) => restUs + REST_SLACK_US),
      );
    const came = await this.#look(
      () => unrested() === undefined,
      () => fromUs + limitUs(),
    );
    const waitedSeconds = usToSeconds(run.clock.nowUs() - fromUs);
    if (came === "met") {
      this.#say("precondition", {
        step: step.name,
        detail: `every tier at ${step.from}`,
        values: { waitedSeconds },
      });
    } else if (came === "gaveUp") {
      const tier = unrested()?.tier ?? plan.tiers[0]!.tier;
      this.#say("gaveUp", {
        step: step.name,
        on: "precondition",
        tier,
        detail: stateWords(run.tierState(tier)),
        values: { waitedSeconds },
      });
    }
    return came;
  }

  async #settle(step: PlannedStep, wanted: Readonly<Record<string, number>>): Promise<Waited> {
    const { run, plan } = this.#options;
    const fromUs = run.clock.nowUs();
    const tiers = Object.entries(wanted);
    const done = ([tier, pods]: [string, number]): boolean => {
      const state = run.tierState(tier);
      const ready = state.pods.filter((pod) => pod.ready && !pod.terminating).length;
      return pods === 0 ? state.pods.length === 0 && state.specReplicas === 0 : ready === pods;
    };
    const restUs = Math.max(...plan.tiers.map((bounds) => bounds.restUs)) + SETTLE_SLACK_US;
    const limitUs = tiers.some(([, pods]) => pods === 0) ? restUs : PODS_LIMIT_US;
    const came = await this.#look(
      () => tiers.every(done),
      () => fromUs + limitUs,
    );
    if (came === "met") this.#say("settled", { step: step.name });
    if (came === "gaveUp") {
      const tier = tiers.find((entry) => !done(entry))?.[0] ?? tiers[0]![0];
      this.#say("gaveUp", { step: step.name, on: "settle", tier, detail: stateWords(run.tierState(tier)) });
    }
    return came;
  }

  async #look(met: () => boolean, limitUs: () => number): Promise<Waited> {
    const { clock } = this.#options.run;
    const everyUs = Number.isFinite(clock.speed) ? Math.max(LOOK_US, LOOK_REAL_US * clock.speed) : LOOK_US;
    for (;;) {
      if (this.#aborted) return "aborted";
      if (met()) return "met";
      if (clock.nowUs() >= limitUs()) return "gaveUp";
      await sleep(clock, everyUs, this.#options.signal);
    }
  }

  async #until(atUs: number): Promise<void> {
    const { run, signal } = this.#options;
    const leftUs = atUs - run.clock.nowUs();
    if (leftUs > 0) await sleep(run.clock, leftUs, signal);
  }

  #say(what: ScenarioEvent["what"], more: Partial<ScenarioEvent> = {}): void {
    const { run, plan, attempt, emit } = this.#options;
    emit({ type: "scenario", atUs: run.clock.nowUs(), scenario: plan.name, attempt, what, ...more });
  }
}

/** Runs the scenario; what happened is in the events. */
export const runScenario = (options: ScenarioOptions): Promise<ScenarioRun> =>
  new ScenarioRunner(options).run();
