/** What one attempt at a scenario left in the event log, with the questions that checks ask of it. Reads, never decides. */
import { foldRows } from "../events/aggregate.ts";
import type {
  Decision,
  EndpointsEvent,
  RequestRow,
  RequestsWindow,
  RouteEvent,
  RunEvent,
  ScaledObjectEvent,
} from "../events/types.ts";
import { loadEndUs, type PlannedLoad } from "./plan.ts";

export type Interval = { readonly fromUs: number; readonly toUs: number };

type OfType<T extends RunEvent["type"]> = Extract<RunEvent, { readonly type: T }>;

/** Sums over requests; times are null where there was none. */
export type RequestSums = {
  readonly offered: number;
  readonly answers: number;
  /** Lost, or answered with something else than a 2xx that names its pod. */
  readonly lost: number;
  readonly refused: number;
  readonly hits: number;
  readonly misses: number;
  /** Moves, by cause. */
  readonly moves: Readonly<Record<string, number>>;
  /** Why requests were not answered, most frequent first. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[];
  readonly pods: readonly string[];
  readonly firstScheduledUs: number | null;
  readonly firstAnswerUs: number | null;
  readonly lastAnswerUs: number | null;
};

const least = (numbers: readonly number[]): number | null =>
  numbers.length === 0 ? null : numbers.reduce((a, b) => Math.min(a, b));
const greatest = (numbers: readonly number[]): number | null =>
  numbers.length === 0 ? null : numbers.reduce((a, b) => Math.max(a, b));

function sum(windows: readonly RequestsWindow[]): RequestSums {
  const count = (keep: (window: RequestsWindow) => boolean): number =>
    windows.filter(keep).reduce((total, window) => total + window.count, 0);
  const tally = (nameOf: (window: RequestsWindow) => string | undefined): [string, number][] => {
    const counts = new Map<string, number>();
    for (const window of windows) {
      const name = nameOf(window);
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + window.count);
    }
    return [...counts].sort((a, b) => b[1] - a[1]);
  };
  const answered = windows.filter(({ outcome }) => outcome === "answer");
  return {
    offered: count(() => true),
    answers: count(({ outcome }) => outcome === "answer"),
    lost: count(({ outcome }) => outcome === "lost" || outcome === "error"),
    refused: count(({ outcome }) => outcome === "refused"),
    hits: count(({ affinity }) => affinity === "hit"),
    misses: count(({ affinity }) => affinity === "miss"),
    moves: Object.fromEntries(
      tally(({ affinity }) => (affinity?.startsWith("moved-") === true ? affinity : undefined)),
    ),
    causes: tally((w) => (w.outcome === "answer" ? undefined : (w.cause ?? w.outcome))).map(
      ([cause, total]) => ({ cause, count: total }),
    ),
    pods: [...new Set(answered.flatMap(({ pod }) => (pod === null ? [] : [pod])))].sort(),
    firstScheduledUs: least(windows.map(({ scheduledAtUsMin }) => scheduledAtUsMin)),
    firstAnswerUs: least(answered.map(({ firstAtUs }) => firstAtUs)),
    lastAnswerUs: greatest(answered.map(({ lastAtUs }) => lastAtUs)),
  };
}

export class Evidence {
  readonly events: readonly RunEvent[];
  readonly #byType = new Map<string, RunEvent[]>();

  /** @param events all of the attempt, in order, led by what held before it (routes, endpoints, decisions). */
  constructor(events: readonly RunEvent[]) {
    this.events = events;
    for (const event of events) {
      const list = this.#byType.get(event.type);
      if (list) list.push(event);
      else this.#byType.set(event.type, [event]);
    }
  }

  of<T extends RunEvent["type"]>(type: T): readonly OfType<T>[] {
    return (this.#byType.get(type) ?? []) as unknown as readonly OfType<T>[];
  }

  route(tier: string): RouteEvent | null {
    return this.of("route").find((route) => route.tier === tier) ?? null;
  }

  scaledObject(tier: string): ScaledObjectEvent | null {
    return this.of("scaledObject").find((scaled) => scaled.tier === tier) ?? null;
  }

  decisions(tier: string, by?: Decision["by"]): readonly Decision[] {
    return this.of("decision").filter((d) => d.tier === tier && (by === undefined || d.by === by));
  }

  /** The tier's ready pods over time, by its routing Service. */
  readySets(tier: string): readonly EndpointsEvent[] {
    const all = this.of("endpoints").filter((event) => event.tier === tier);
    const host = this.route(tier)?.host ?? "";
    const service = all.find((e) => e.service === host || e.service === host.split(".")[0])?.service;
    return all.filter((event) => event.service === (service ?? all[0]?.service));
  }

  /** How many pods of the tier are ready at `atUs`. */
  readyAt(tier: string, atUs: number): number {
    return this.readySets(tier).findLast((event) => event.atUs <= atUs)?.ready.length ?? 0;
  }

  /** When the step's loads began; null where it never came to that. */
  stepBaseUs(step: string): number | null {
    const began = this.of("scenario").find((e) => e.what === "step" && e.step === step);
    return began ? Number(began.values?.["baseUs"] ?? began.atUs) : null;
  }

  /** When the step was over: its loads answered, its pods settled or given up. */
  stepEndUs(step: string): number | null {
    const ends = this.of("scenario").filter(
      (e) => e.step === step && (e.what === "offered" || e.what === "settled" || e.what === "gaveUp"),
    );
    return ends.at(-1)?.atUs ?? null;
  }

  /** From the first to the last moment at which the load can offer a request; null where its step never began. */
  span(load: PlannedLoad): Interval | null {
    const baseUs = this.stepBaseUs(load.step);
    return baseUs === null ? null : { fromUs: baseUs + load.startUs, toUs: baseUs + loadEndUs(load) };
  }

  /** The rows of these loads, or null where the log holds only a sample of them. */
  rows(loads: readonly PlannedLoad[]): readonly RequestRow[] | null {
    const rows = this.#rows(loads);
    const counted = this.#windows(loads).reduce((total, window) => total + window.count, 0);
    return rows.length >= counted ? rows : null;
  }

  /** Exact sums, from the windows; from the rows where the log has them all. */
  requests(
    loads: readonly PlannedLoad[],
    keep: (row: RequestRow | RequestsWindow) => boolean = () => true,
  ): RequestSums {
    const rows = this.rows(loads);
    return sum((rows ? foldRows(rows.filter(keep)) : this.#windows(loads)).filter(keep));
  }

  /** The tier's requests of all loads. */
  requestsOfTier(
    tier: string,
    plan: { readonly steps: readonly { readonly loads: readonly PlannedLoad[] }[] },
  ): RequestSums {
    return this.requests(plan.steps.flatMap(({ loads }) => loads.filter((load) => load.tier === tier)));
  }

  #rows(loads: readonly PlannedLoad[]): RequestRow[] {
    const names = new Set(loads.map(({ name }) => name));
    return this.of("request").filter((row) => names.has(row.load));
  }

  #windows(loads: readonly PlannedLoad[]): RequestsWindow[] {
    const names = new Set(loads.map(({ name }) => name));
    return this.of("requests.window").filter((window) => names.has(window.load));
  }
}
