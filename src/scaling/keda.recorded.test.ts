/** Every poll and every HPA request that the real KEDA 2.21.0 answered over 160 random courses of events. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { kedaCheck, newKedaState, restartedKeda, stoppedKeda, triggersToAsk } from "./keda.ts";
import { isTriggerError } from "./prometheus.ts";
import { quantityMilli as parseMilli } from "./quantity.ts";
import { servedMetric, servedMetricAsks } from "./served-metric.ts";
import type { Condition, KedaInput, KedaState, Reading, ScaledObjectSpec, TriggerSpec } from "./types.ts";

type RecordedTrigger = {
  readonly threshold: string;
  readonly activationThreshold?: string;
  readonly ignoreNullValues?: string;
  readonly useCachedMetrics?: boolean;
};
type Change = {
  readonly at: number;
  readonly spec?: number;
  readonly values?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly writeError?: boolean;
  readonly hpa?: string;
  readonly query?: number;
  readonly stop?: boolean;
  readonly restart?: boolean;
};
type Extra = {
  readonly asked?: number;
  readonly wrote?: readonly number[];
  readonly answer?: string;
  readonly failures?: readonly number[];
  readonly events?: readonly string[];
};
type Row = readonly [number, "p" | "s" | "q", number, number | null, number, Extra?];
type Trace = {
  readonly id: string;
  readonly spec: Omit<ScaledObjectSpec, "triggers"> & { readonly triggers: readonly RecordedTrigger[] };
  readonly offsetMs: number;
  readonly createdMs: number;
  readonly activeMs?: number;
  readonly hasHPA: boolean;
  readonly changes: readonly Change[];
  readonly conditions: readonly string[];
  readonly rows: readonly Row[];
};

const folder = new URL("./fixtures/", import.meta.url);
const traces = readdirSync(folder)
  .filter((name) => /^keda.*\.jsonl$/.test(name))
  .flatMap((name) => readFileSync(new URL(name, folder), "utf8").trim().split("\n"))
  .map((line) => JSON.parse(line) as Trace);

const EPOCH = 1_800_000_000;
const COUNTED_EVENTS = /^(KEDAScaleTarget|ScaledObjectFallback)/;

const conditionText = (one: Condition | null): string => {
  if (one === null) return ".";
  return `${one.status === "True" ? "+" : one.status === "False" ? "-" : "?"}${one.reason}`;
};

const readingOf = (value: string): Reading => {
  if (value === "empty" || value === "error") return value;
  return value === "+Inf" ? Infinity : Number(value);
};

const hpaCondition = (text: string): Condition => ({
  status: text.startsWith("+") ? "True" : "False",
  reason: text.slice(1),
  message: "",
});

/** One trace as a small world: what is outside KEDA, and KEDA's state. */
class World {
  state: KedaState;
  replicas = 0;
  annotations: Readonly<Record<string, string>> = {};
  hpa: Condition | null = null;
  values: readonly Reading[] = [];
  writeError = false;
  asked = 0;
  events: string[] = [];
  readonly spec: ScaledObjectSpec;
  readonly trace: Trace;

  constructor(trace: Trace) {
    this.trace = trace;
    const triggers = trace.spec.triggers.map(({ useCachedMetrics, ...metadata }): TriggerSpec => ({
      type: "prometheus",
      metadata,
      ...(useCachedMetrics === undefined ? {} : { useCachedMetrics }),
    }));
    this.spec = { ...trace.spec, triggers };
    const second = (agoMs: number): number => EPOCH + Math.floor((trace.offsetMs - agoMs) / 1000);
    this.state = newKedaState({
      creationUnixSeconds: second(trace.createdMs),
      lastActiveUnixSeconds: trace.activeMs === undefined ? null : second(trace.activeMs),
    });
  }

  change(change: Change): void {
    this.replicas = change.spec ?? this.replicas;
    this.annotations = change.annotations ?? this.annotations;
    if (change.values !== undefined) this.values = change.values.map(readingOf);
    if (change.hpa !== undefined) this.hpa = hpaCondition(change.hpa);
    if (change.stop === true) this.state = stoppedKeda(this.state);
    if (change.writeError === true) this.writeError = true;
  }

  input(ms: number): KedaInput {
    return {
      nowUs: (ms + this.trace.offsetMs) * 1000,
      epochUnixSeconds: EPOCH,
      name: this.trace.id,
      spec: this.spec,
      annotations: this.annotations,
      state: this.state,
      currentReplicas: this.replicas,
      readings: this.values,
      hpaScalingActive: this.hpa,
    };
  }

  ask(indexes: readonly number[]): void {
    for (const index of indexes) {
      this.asked += isTriggerError(this.spec.triggers![index]!, this.values[index]!) ? 2 : 1;
    }
  }

  poll(ms: number): { readonly wrote: readonly number[] } {
    let input = this.input(ms);
    this.ask(triggersToAsk(input));
    let result = kedaCheck(input);
    if (result.write !== null && this.writeError) {
      this.writeError = false;
      input = { ...input, writeFailed: "conflict" };
      result = kedaCheck(input);
    }
    const wrote = result.replicas === this.replicas ? [] : [result.replicas];
    this.replicas = result.replicas;
    this.settle(result);
    return { wrote };
  }

  request(ms: number, index: number): { readonly answer: number | null } {
    const input = { ...this.input(ms), metricName: `s${index}-prometheus` };
    this.ask(servedMetricAsks(input));
    const result = servedMetric(input);
    this.state = result.state;
    return { answer: result.milli };
  }

  private settle(result: { state: KedaState; events: readonly { reason: string }[] }): void {
    this.state = result.state;
    this.events.push(
      ...result.events.map(({ reason }) => reason).filter((reason) => COUNTED_EVENTS.test(reason)),
    );
  }
}

/** Whether a change happens before the row at `ms`: at the same instant only what causes that very row does. */
const comesBefore = (change: Change, ms: number): boolean =>
  change.at < ms || (change.at === ms && (ms === 0 || change.query !== undefined || change.restart === true));

describe("keda.jsonl: replicas, last active time, conditions, requests, answers and events as recorded", () => {
  for (const trace of traces) {
    test(trace.id, () => {
      const world = new World(trace);
      const changes = [...trace.changes];
      let queries: { at: number; query: number }[] = [];
      for (const [ms, kind, replicas, lastActive, conditions, extra] of trace.rows) {
        while (changes[0] !== undefined && comesBefore(changes[0], ms)) {
          const change = changes.shift()!;
          world.change(change);
          if (change.query !== undefined) queries.push({ at: change.at, query: change.query });
        }
        let wrote: readonly number[] = [];
        let answer: number | null = null;
        if (kind === "q") {
          ({ answer } = world.request(ms, queries.shift()!.query));
        } else {
          if (kind === "s") world.state = restartedKeda(world.state);
          ({ wrote } = world.poll(ms));
        }
        const { Ready, Active, Fallback, HPAActive } = world.state.status.conditions;
        const { lastActiveUnixSeconds } = world.state.status;
        const found = {
          ms,
          replicas: world.replicas,
          lastActive:
            lastActiveUnixSeconds === null ? null : (lastActiveUnixSeconds - EPOCH) * 1000 - trace.offsetMs,
          conditions: [Ready, Active, Fallback, HPAActive].map(conditionText).join(" "),
          asked: world.asked,
          wrote,
          events: world.events.toSorted(),
          ...(kind === "q" ? { answer } : {}),
        };
        expect(found).toEqual({
          ms,
          replicas,
          lastActive,
          conditions: trace.conditions[conditions],
          asked: extra?.asked ?? 0,
          wrote: extra?.wrote ?? [],
          events: extra?.events ?? [],
          ...(kind === "q" ? { answer: extra!.answer === "error" ? null : parseMilli(extra!.answer!) } : {}),
        });
        if (extra?.failures !== undefined) {
          const failures = trace.spec.triggers.map(
            (_, index) => world.state.status.health[`s${index}-prometheus`]?.numberOfFailures ?? -1,
          );
          expect([ms, ...failures]).toEqual([ms, ...extra.failures]);
        }
        world.asked = 0;
        world.events = [];
      }
    });
  }
});
