/** Runs scenarios on one engine, one after another on one running topology, and judges each. */
import type { Engine, EngineRun, RealParts, RunOptions } from "../engines/engine.ts";
import { describeRoutes, describeScaledObjects } from "../events/describe.ts";
import type { NotApplicable, RunEvent, Verdict } from "../events/types.ts";
import { EventWriter, type EventSink, type HeaderFields } from "../events/writer.ts";
import type { Override } from "../routing/compared/strategies.ts";
import type { Topology } from "../topology/types.ts";
import { Collector } from "./collector.ts";
import type { LoadedScenarios } from "./load.ts";
import type { Plan } from "./plan.ts";
import { runScenario } from "./runner.ts";
import { judge } from "./verdict.ts";

/** Events of a start that is still under way; a start makes a few hundred. */
const MAX_EARLY_EVENTS = 100_000;

export type SuiteOptions = {
  readonly engine: Engine;
  readonly topology: Topology;
  readonly scenarios: LoadedScenarios;
  readonly seed: number;
  readonly speed: number;
  /** The run's folder, which exists ({@link createRunFolder}). */
  readonly folder: string;
  /** Takes the events in place of the files in `folder`. */
  readonly sink?: (header: HeaderFields, part: number) => EventSink;
  readonly header: Pick<HeaderFields, "limpet" | "date" | "parts">;
  readonly gatewayPort?: number;
  readonly prometheusPort?: number;
  /** The environment that users' commands start from. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly overrideLbPolicy?: Override;
  readonly realParts?: RealParts;
  readonly signal?: AbortSignal;
  /** What the machine spent; asked once, at the end. */
  readonly resources?: () => { readonly pssBytesPeak: number; readonly realSeconds: number };
  /** Everything that is written to the log, as it is; `part` is the log's file, from 1. */
  readonly onEvent?: (event: RunEvent, part: number) => void;
};

export type SuiteResult = {
  readonly folder: string;
  /** Every attempt's, in order. */
  readonly verdicts: readonly Verdict[];
  readonly notApplicable: LoadedScenarios["notApplicable"];
  readonly interrupted: boolean;
};

class Suite {
  readonly #options: SuiteOptions;
  readonly #verdicts: Verdict[] = [];
  #part = 0;
  #writer: EventSink | null = null;

  constructor(options: SuiteOptions) {
    this.#options = options;
  }

  async run(): Promise<SuiteResult> {
    const { scenarios, speed, folder, signal, resources } = this.#options;
    try {
      let lastUs = 0;
      if (scenarios.plans.length > 0) {
        const first = await this.#start(speed, scenarios.plans, 1);
        lastUs = first.lastUs;
        for (const plan of first.late) {
          if (signal?.aborted) break;
          lastUs = (await this.#start(speed / 2, [plan], 2)).lastUs;
        }
      } else this.#openPart(speed, 0);
      if (resources) this.#write({ type: "resources", atUs: lastUs, ...resources() });
    } finally {
      this.#writer?.close();
    }
    return {
      folder,
      verdicts: this.#verdicts,
      notApplicable: scenarios.notApplicable,
      interrupted: signal?.aborted === true,
    };
  }

  #openPart(speed: number, epochUnixSeconds: number): void {
    const { engine, seed, topology, folder, header, scenarios } = this.#options;
    this.#writer?.close();
    this.#part++;
    const fields = { ...header, engine: engine.name, seed, speed, topology: topology.path, epochUnixSeconds };
    const { sink } = this.#options;
    this.#writer = sink ? sink(fields, this.#part) : new EventWriter(folder, fields, this.#part);
    if (this.#part > 1) return;
    for (const { scenario, reason } of scenarios.notApplicable) {
      const event: NotApplicable = { type: "notApplicable", atUs: 0, scenario, reason };
      this.#write(event);
    }
  }

  #write(event: RunEvent): void {
    this.#writer?.write(event);
    this.#options.onEvent?.(event, this.#part);
  }

  /** One start of the engine, one file of the log. */
  async #start(
    speed: number,
    plans: readonly Plan[],
    attempt: number,
  ): Promise<{ readonly late: readonly Plan[]; readonly lastUs: number }> {
    const { engine, topology, seed, overrideLbPolicy, realParts } = this.#options;
    const collector = new Collector();
    // The header carries the epoch, which is known once the engine stands; what happens until then waits for it.
    let early: RunEvent[] | null = [];
    const onEvent = (event: RunEvent): void => {
      collector.add(event);
      if (!early) this.#write(event);
      else if (early.length < MAX_EARLY_EVENTS) early.push(event);
    };
    const options: RunOptions = {
      topology,
      seed,
      speed,
      onEvent,
      gatewayPort: this.#options.gatewayPort ?? 0,
      prometheusPort: this.#options.prometheusPort ?? 0,
      hostEnv: this.#options.hostEnv,
      ...(overrideLbPolicy === undefined ? {} : { overrideLbPolicy }),
      ...(realParts === undefined ? {} : { realParts }),
    };
    const release = (epochUnixSeconds: number): void => {
      this.#openPart(speed, epochUnixSeconds);
      for (const event of early ?? []) this.#write(event);
      early = null;
    };
    let run: EngineRun;
    try {
      run = await engine.start(options);
    } catch (error) {
      release(0);
      throw error;
    }
    try {
      release(run.clock.epochUnixSeconds);
      for (const event of this.#described(collector)) onEvent({ ...event, atUs: run.clock.nowUs() });
      const late = await this.#scenarios(run, plans, { speed, attempt, collector, onEvent });
      return { late, lastUs: run.clock.nowUs() };
    } finally {
      await run.stop();
      await run[Symbol.asyncDispose]();
    }
  }

  /** Where the engine has not said it: what the checks must know of the topology. */
  #described(
    collector: Collector,
  ): (ReturnType<typeof describeRoutes>[number] | ReturnType<typeof describeScaledObjects>[number])[] {
    const { topology, overrideLbPolicy } = this.#options;
    return [
      ...(collector.has("route") ? [] : describeRoutes(topology, overrideLbPolicy)),
      ...(collector.has("scaledObject") ? [] : describeScaledObjects(topology)),
    ];
  }

  async #scenarios(
    run: EngineRun,
    plans: readonly Plan[],
    given: {
      readonly speed: number;
      readonly attempt: number;
      readonly collector: Collector;
      readonly onEvent: (event: RunEvent) => void;
    },
  ): Promise<readonly Plan[]> {
    const { seed, signal, topology } = this.#options;
    const { speed, attempt, collector, onEvent } = given;
    const late: Plan[] = [];
    let lastTrafficUs: number | null = null;
    for (const plan of plans) {
      if (signal?.aborted) break;
      collector.begin();
      const outcome = await runScenario({
        run,
        plan,
        seed,
        attempt,
        emit: onEvent,
        entryReplicas: topology.entry.workload.replicas ?? 1,
        lastTrafficUs,
        ...(signal === undefined ? {} : { signal }),
      });
      const evidence = collector.end();
      if (outcome.finished === "aborted") break;
      lastTrafficUs = outcome.lastTrafficUs;
      const judged = judge({ plan, evidence, attempt, speed, atUs: run.clock.nowUs() });
      if (judged.late && attempt === 1) late.push(plan);
      this.#verdicts.push(judged.verdict);
      onEvent(judged.verdict);
    }
    return late;
  }
}

/**
 * Runs every scenario on one running topology at `speed`. One that the bench's own lateness spoilt is run once more,
 * on a topology of its own, at half the speed; then that verdict counts, and only it may be `undecided` for lateness.
 * The whole course is in the event log in `folder`.
 */
export const runSuite = (options: SuiteOptions): Promise<SuiteResult> => new Suite(options).run();
