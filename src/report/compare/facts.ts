/** What two runs are compared by, folded from the lines of one run's event log in one pass. Pure. */
import type { Decision, EndpointsEvent, RequestRow, ScenarioEvent, VerdictKind } from "../../events/types.ts";
import type { LogLine, PodEvent, RunHeader } from "../../events/types.ts";
import { HostSets } from "./host-sets.ts";

/** One change of `spec.replicas`. */
export type Write = {
  readonly atUs: number;
  readonly from: number;
  readonly to: number;
  readonly by: Decision["by"];
};

/** A step of a scenario, from its first moment of traffic to the last that the scenario waits for. */
export type StepFacts = {
  readonly step: string;
  readonly baseUs: number;
  readonly endUs: number;
  readonly writes: Readonly<Record<string, readonly Write[]>>;
  /** Last answer of each tier. */
  readonly lastAnswerUs: Readonly<Record<string, number>>;
};

/** The first request of a load: how long until its answer, and whether a pod was ready when it was due. */
export type FirstResponse = { readonly latencyUs: number | null; readonly warm: boolean };

export type ScenarioFacts = {
  readonly scenario: string;
  readonly speed: number;
  readonly verdict: VerdictKind | "unfinished";
  /** The numbers of the topology that the scenario was worked out with, seconds: `scrape`, `pollingInterval`, … */
  readonly values: Readonly<Record<string, number | string>>;
  readonly steps: readonly StepFacts[];
  readonly firstResponses: Readonly<Record<string, FirstResponse>>;
  readonly hosts: HostSets;
  readonly hits: number;
  readonly misses: number;
  /** Answers from another pod than the tenant's last, the set of pods having changed. */
  readonly moves: number;
  /** The longest that a pod took from its creation to ready. */
  readonly podStartUs: number;
  /** The latest that any timer ran. */
  readonly latenessUs: number;
};

export type RunFacts = {
  readonly header: RunHeader;
  /** By name, in the order of the run; of a scenario that was run twice, the attempt that counts. */
  readonly scenarios: ReadonlyMap<string, ScenarioFacts>;
};

type OpenStep = {
  step: string;
  baseUs: number;
  endUs: number;
  writes: Record<string, Write[]>;
  lastAnswerUs: Record<string, number>;
};
type OpenScenario = Omit<
  { -readonly [K in keyof ScenarioFacts]: ScenarioFacts[K] },
  "steps" | "firstResponses"
> & {
  steps: OpenStep[];
  firstResponses: Record<string, FirstResponse & { scheduledUs: number }>;
};

/** Takes the lines of a run in order. Memory: one owner for each tenant and set of pods. */
export class FactsFold {
  #header: RunHeader | null = null;
  readonly #scenarios = new Map<string, OpenScenario>();
  #open: OpenScenario | null = null;
  #speed = 1;
  readonly #routes = new Map<string, string>();
  /** The ready pods in force when a scenario begins: later lines change them. */
  #endpoints = new Map<string, EndpointsEvent>();
  readonly #created = new Map<string, number>();

  add(line: LogLine): void {
    switch (line.type) {
      case "header":
        return this.#part(line);
      case "route":
        if (line.tier !== null) this.#routes.set(line.tier, line.host);
        return;
      case "endpoints":
        return this.#ready(line);
      case "scenario":
        return this.#scenario(line);
      case "decision":
        return this.#decided(line);
      case "pod":
        return this.#pod(line);
      case "request":
        return this.#request(line);
      case "requests.window": {
        const open = this.#open;
        if (open?.scenario !== line.scenario) return;
        if (line.affinity === "hit") open.hits += line.count;
        else if (line.affinity === "miss") open.misses += line.count;
        else if (line.affinity?.startsWith("moved-") === true) open.moves += line.count;
        return;
      }
      case "lateness":
        if (this.#open) this.#open.latenessUs = Math.max(this.#open.latenessUs, line.lateUs);
        return;
      case "verdict": {
        const judged = this.#scenarios.get(line.scenario);
        if (judged) judged.verdict = line.verdict;
        return;
      }
      default:
    }
  }

  facts(): RunFacts | null {
    return this.#header && { header: this.#header, scenarios: this.#scenarios };
  }

  #part(header: RunHeader): void {
    this.#header ??= header;
    this.#speed = header.speed;
    this.#open = null;
    this.#endpoints = new Map();
    this.#created.clear();
  }

  #ready(event: EndpointsEvent): void {
    if (event.tier === null || event.service !== this.#routes.get(event.tier)) return;
    this.#endpoints.set(event.tier, event);
    this.#open?.hosts.ready(event.tier, event);
  }

  #scenario(event: ScenarioEvent): void {
    if (event.what === "started") {
      const open: OpenScenario = {
        scenario: event.scenario,
        speed: this.#speed,
        verdict: "unfinished",
        values: event.values ?? {},
        steps: [],
        firstResponses: {},
        hosts: new HostSets(this.#speed),
        hits: 0,
        misses: 0,
        moves: 0,
        podStartUs: 0,
        latenessUs: 0,
      };
      for (const [tier, ready] of this.#endpoints) open.hosts.ready(tier, ready);
      this.#open = open;
      // A second attempt takes the first one's place, and its rank in the order.
      this.#scenarios.set(event.scenario, open);
      return;
    }
    const open = this.#open;
    if (open?.scenario !== event.scenario) return;
    if (event.what === "step") {
      const baseUs = Number(event.values?.["baseUs"] ?? event.atUs);
      open.steps.push({ step: event.step ?? "", baseUs, endUs: Infinity, writes: {}, lastAnswerUs: {} });
    } else if (event.what === "offered" || event.what === "settled") {
      const step = open.steps.at(-1);
      if (step) step.endUs = event.atUs;
    }
    if (event.what === "precondition") open.hosts.rest();
  }

  #decided(decision: Decision): void {
    const step = this.#open?.steps.at(-1);
    if (!step || !decision.wrote || decision.from === decision.to) return;
    const { atUs, from, to, by, tier } = decision;
    (step.writes[tier] ??= []).push({ atUs, from, to, by });
  }

  #pod({ what, uid, atUs, tier }: PodEvent): void {
    if (what === "created") this.#created.set(uid, atUs);
    const createdUs = this.#created.get(uid);
    if (what !== "ready" || createdUs === undefined || tier === null || !this.#open) return;
    this.#open.podStartUs = Math.max(this.#open.podStartUs, atUs - createdUs);
    // Only the first time counts as a start.
    this.#created.delete(uid);
  }

  #request(row: RequestRow): void {
    const open = this.#open;
    if (open?.scenario !== row.scenario) return;
    const known = open.firstResponses[row.load];
    if (!known || row.scheduledAtUs < known.scheduledUs) {
      const latencyUs = row.outcome === "answer" ? row.latencyUs : null;
      const warm = open.hosts.anyReady(row.tier, row.scheduledAtUs);
      open.firstResponses[row.load] = { scheduledUs: row.scheduledAtUs, latencyUs, warm };
    }
    const step = open.steps.at(-1);
    if (row.outcome !== "answer" || row.pod === null || !step) return;
    step.lastAnswerUs[row.tier] = Math.max(step.lastAnswerUs[row.tier] ?? 0, row.atUs);
    open.hosts.answered(row.tier, row.tenant, row.pod, row.sentAtUs, row.atUs);
  }
}
