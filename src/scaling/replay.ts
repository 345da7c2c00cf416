/** KEDA and its HPA, or an HPA alone, led through a course of events: who writes what and when. */
import { InputError } from "../errors.ts";
import { readAnnotations } from "./annotations.ts";
import { hpaNeedsMetrics, hpaSpecFromScaledObject, hpaSync, newHpaState } from "./hpa.ts";
import { kedaCheck, newKedaState, restartedKeda, triggersToAsk } from "./keda.ts";
import { quantityMilli } from "./quantity.ts";
import { pollingIntervalSeconds } from "./schedule.ts";
import { servedMetric, servedMetricAsks } from "./served-metric.ts";
import type { Controller, TraceLine } from "./trace.ts";
import type {
  Condition,
  HpaReading,
  HpaSpec,
  HpaState,
  KedaInput,
  KedaState,
  Reading,
  ScaledObjectSpec,
  Versions,
} from "./types.ts";

export type ReplayOptions = {
  /** What is there at t = 0, before the first line. */
  readonly scaledObject?: {
    readonly name: string;
    readonly spec: ScaledObjectSpec;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** `spec.replicas` until a line says otherwise. Default 1, as the API fills it in. */
  readonly replicas?: number;
  readonly versions?: Versions;
};

export type PassRow = {
  /** Seconds. */
  readonly t: number;
  readonly by: Controller;
  /** `spec.replicas` after the pass. */
  readonly replicas: number;
  /** The HPA's `status.desiredReplicas`; for KEDA the same as `replicas`. */
  readonly desired: number;
  /** Reason of KEDA's condition Active, of the HPA's AbleToScale. */
  readonly reason: string;
  readonly conditions: Readonly<Record<string, { readonly status: string; readonly reason: string }>>;
};

/** Without passes in the trace: a check's and a sync's own milliseconds after the whole, and the sync's rhythm. */
const FIRST_POLL_US = 20_000;
const FIRST_SYNC_US = 50_000;
const SYNC_PERIOD_US = 15_010_000;
const MAX_PASSES = 200_000;
/** t = 0: any whole second serves. */
const EPOCH_UNIX_SECONDS = 1_800_000_000;

/**
 * The passes in the order in which they happen. Inputs at an instant hold for passes at it; KEDA goes first.
 * @throws {InputError} where a pass lacks what it would look at.
 */
export function* replay(lines: readonly TraceLine[], options: ReplayOptions = {}): Generator<PassRow> {
  const world = new World(options);
  const given = lines.some(({ pass }) => pass !== undefined);
  const endUs = lines.at(-1)?.tUs ?? 0;
  let next = 0;
  for (let count = 0; ; count++) {
    if (count > MAX_PASSES)
      throw new InputError([`the trace makes more than ${MAX_PASSES} passes; replay a part of it`]);
    if (given) {
      if (next >= lines.length) return;
      const from = next;
      next = world.takeUntil(lines, from, lines[from]!.tUs);
      const passes = lines.slice(from, next).filter(({ pass }) => pass !== undefined);
      for (const by of ["keda", "hpa"] as const)
        for (const { tUs, pass, source } of passes) if (pass === by) yield* world.pass(by, tUs, source);
    } else {
      const due = world.due(lines[next]?.tUs ?? Infinity);
      if (due === null) {
        if (next >= lines.length) return;
        next = world.takeUntil(lines, next, lines[next]!.tUs);
        continue;
      }
      if (due.tUs > endUs) return;
      yield* world.pass(due.by, due.tUs, lines[next - 1]?.source ?? "the trace");
    }
  }
}

type Keda = {
  readonly name: string;
  readonly spec: ScaledObjectSpec;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: KedaState;
};
type Hpa = { readonly spec: HpaSpec; readonly state: HpaState };

/** What there is while the trace goes by. */
class World {
  readonly #versions: Versions;
  #metrics: readonly Reading[] = [];
  #replicas: number;
  #statusReplicas: number | null = null;
  #keda: Keda | null = null;
  #hpa: Hpa | null = null;
  #lastActiveSeconds: number | null = null;
  #creationSeconds: number | null = null;
  /** The last pass of each that its own rhythm brought. */
  readonly #passedUs: Record<Controller, number> = { keda: -Infinity, hpa: -Infinity };
  #nowUs = 0;

  constructor({ scaledObject, replicas, versions }: ReplayOptions) {
    this.#versions = versions ?? {};
    this.#replicas = replicas ?? 1;
    if (scaledObject !== undefined)
      this.#setScaledObject(0, scaledObject.name, scaledObject.spec, scaledObject.annotations ?? {});
  }

  /** Takes the lines from `from` on that stand at or before `tUs`; answers the index of the first after them. */
  takeUntil(lines: readonly TraceLine[], from: number, tUs: number): number {
    let next = from;
    for (; next < lines.length && lines[next]!.tUs <= tUs; next++) this.#take(lines[next]!);
    return next;
  }

  #take(line: TraceLine): void {
    this.#nowUs = line.tUs;
    if (line.metrics !== undefined) this.#metrics = line.metrics;
    if (line.replicas !== undefined) this.#replicas = line.replicas;
    if (line.statusReplicas !== undefined) this.#statusReplicas = line.statusReplicas;
    if (line.creationSeconds !== undefined) this.#creationSeconds = line.creationSeconds;
    if (line.lastActiveSeconds !== undefined) this.#lastActiveSeconds = line.lastActiveSeconds;
    if (line.scaledObject !== undefined) this.#setScaledObject(line.tUs, "trace", line.scaledObject, {});
    if (line.hpa !== undefined) this.#hpa = { spec: line.hpa, state: this.#hpa?.state ?? newHpaState() };
    if (line.creationSeconds !== undefined || line.lastActiveSeconds !== undefined) this.#setTimes(line);
  }

  /** A new object, or an edit of its spec: that restarts the loop, and KEDA writes the HPA that it makes of it. */
  #setScaledObject(
    tUs: number,
    name: string,
    spec: ScaledObjectSpec,
    annotations: Keda["annotations"],
  ): void {
    const before = this.#keda;
    const isSame = before !== null && JSON.stringify(before.spec) === JSON.stringify(spec);
    const created = EPOCH_UNIX_SECONDS + (this.#creationSeconds ?? Math.floor(tUs / 1e6));
    const active = this.#lastActiveSeconds;
    const state =
      before === null
        ? newKedaState({
            creationUnixSeconds: created,
            lastActiveUnixSeconds: active === null ? null : EPOCH_UNIX_SECONDS + active,
          })
        : isSame
          ? before.state
          : restartedKeda(before.state);
    const kept = before?.annotations ?? annotations;
    this.#keda = { name: before?.name ?? name, spec, annotations: kept, state };
    if (readAnnotations(kept, this.#versions).paused) {
      this.#hpa = null;
      return;
    }
    const versions = this.#versions;
    const hpa = hpaSpecFromScaledObject({ name: this.#keda.name, spec, annotations: kept, versions });
    this.#hpa = { spec: hpa, state: this.#hpa?.state ?? newHpaState() };
  }

  /** What a line writes into the status and metadata of an object that is there. */
  #setTimes({ creationSeconds, lastActiveSeconds }: TraceLine): void {
    if (this.#keda === null) return;
    const { state } = this.#keda;
    const status =
      lastActiveSeconds === undefined
        ? state.status
        : {
            ...state.status,
            lastActiveUnixSeconds: lastActiveSeconds === null ? null : EPOCH_UNIX_SECONDS + lastActiveSeconds,
          };
    const creationUnixSeconds =
      creationSeconds === undefined ? state.creationUnixSeconds : EPOCH_UNIX_SECONDS + creationSeconds;
    this.#keda = { ...this.#keda, state: { ...state, status, creationUnixSeconds } };
  }

  /** The next pass by rhythm, where it comes before `beforeUs`; null where there is none. */
  due(beforeUs: number): { readonly by: Controller; readonly tUs: number } | null {
    const times: { by: Controller; tUs: number }[] = [];
    if (this.#keda !== null) {
      const periodUs = pollingIntervalSeconds(this.#keda.spec) * 1e6;
      times.push({ by: "keda", tUs: this.#nextOf("keda", FIRST_POLL_US, periodUs) });
    }
    if (this.#hpa !== null)
      times.push({ by: "hpa", tUs: this.#nextOf("hpa", FIRST_SYNC_US, SYNC_PERIOD_US) });
    times.sort((a, b) => a.tUs - b.tUs);
    const first = times[0];
    if (first === undefined || first.tUs >= beforeUs) return null;
    this.#passedUs[first.by] = first.tUs;
    return first;
  }

  /** The first instant of the rhythm that has not gone by. */
  #nextOf(by: Controller, firstUs: number, periodUs: number): number {
    const steps = Math.max(0, Math.ceil((this.#nowUs - firstUs) / periodUs));
    const sinceUs = firstUs + steps * periodUs;
    if (sinceUs > this.#passedUs[by]) return sinceUs;
    return firstUs + (Math.floor((this.#passedUs[by] - firstUs) / periodUs) + 1) * periodUs;
  }

  *pass(by: Controller, tUs: number, source: string): Generator<PassRow> {
    if (by === "keda") yield this.#poll(tUs, source);
    else if (this.#hpa !== null) yield this.#sync(this.#hpa, tUs, source);
    // A paused object's HPA is deleted: there is nothing that could pass.
    else if (this.#keda === null)
      throw new InputError([
        `${source}: the HPA passes, and no hpa or scaledObject was given; give its spec`,
      ]);
  }

  #input(keda: Keda, tUs: number): Omit<KedaInput, "readings" | "hpaScalingActive"> {
    return {
      nowUs: tUs,
      epochUnixSeconds: EPOCH_UNIX_SECONDS,
      name: keda.name,
      spec: keda.spec,
      annotations: keda.annotations,
      state: keda.state,
      currentReplicas: this.#replicas,
      readyPods: this.#status,
      versions: this.#versions,
    };
  }

  get #status(): number {
    return this.#statusReplicas ?? this.#replicas;
  }

  #poll(tUs: number, source: string): PassRow {
    const keda = this.#keda;
    if (keda === null)
      throw new InputError([`${source}: KEDA passes, and no scaledObject was given; give its spec`]);
    const input = {
      ...this.#input(keda, tUs),
      hpaScalingActive: this.#hpa?.state.conditions.ScalingActive ?? null,
    };
    const paused = readAnnotations(keda.annotations, this.#versions).paused;
    const readings = paused ? [] : this.#asked(triggersToAsk(input), source);
    const result = kedaCheck({ ...input, readings });
    this.#keda = { ...keda, state: result.state };
    this.#replicas = result.replicas;
    return {
      t: tUs / 1e6,
      by: "keda",
      replicas: result.replicas,
      desired: result.replicas,
      reason: result.conditions.Active.reason,
      conditions: shortened(result.conditions),
    };
  }

  #sync(hpa: Hpa, tUs: number, source: string): PassRow {
    const specReplicas = this.#replicas;
    const versions = this.#versions;
    const asks = hpaNeedsMetrics({ ...hpa, specReplicas, versions });
    const readings = asks ? this.#served(hpa.spec, tUs, source) : [];
    const result = hpaSync({
      nowUs: tUs,
      ...hpa,
      specReplicas,
      statusReplicas: this.#status,
      readings,
      pods: { total: this.#status, ready: this.#status },
      versions,
    });
    this.#hpa = { ...hpa, state: result.state };
    this.#replicas = result.replicas;
    return {
      t: tUs / 1e6,
      by: "hpa",
      replicas: result.replicas,
      desired: result.desired,
      reason: result.conditions.AbleToScale?.reason ?? "",
      conditions: shortened(result.conditions),
    };
  }

  /** What the HPA gets: from KEDA, which asks the sources anew and counts, or from the trace itself. */
  #served(spec: HpaSpec, tUs: number, source: string): HpaReading[] {
    return spec.metrics.map(({ name }, index) => {
      if (this.#keda === null) return directReading(this.#asked([index], source)[index]!);
      const input = { ...this.#input(this.#keda, tUs), metricName: name };
      const result = servedMetric({ ...input, readings: this.#asked(servedMetricAsks(input), source) });
      this.#keda = { ...this.#keda, state: result.state };
      return result.milli === null ? { error: result.error ?? "no value" } : { milli: [result.milli] };
    });
  }

  /** The metrics that somebody looks at now, which must be there. */
  #asked(indexes: readonly number[], source: string): readonly Reading[] {
    const missing = indexes.find((index) => this.#metrics[index] === undefined);
    if (missing === undefined) return this.#metrics;
    const count = this.#metrics.length;
    throw new InputError([
      `${source}: metric ${missing} is looked at, and the trace gives ${count === 0 ? "none" : `only ${count}`} until then; ` +
        "give metrics with one entry for each trigger",
    ]);
  }
}

const directReading = (reading: Reading): HpaReading => {
  if (typeof reading === "number") return { milli: [quantityMilli(reading)] };
  return reading === "empty" ? { milli: [] } : { error: "the metric could not be fetched" };
};

function shortened(conditions: Readonly<Record<string, Condition | null>>): PassRow["conditions"] {
  return Object.fromEntries(
    Object.entries(conditions).flatMap(([type, one]) =>
      one === null ? [] : [[type, { status: one.status, reason: one.reason }]],
    ),
  );
}
