/** Works a scenario file out for one topology: roles become tiers, expressions numbers. */
import { secondsToUs } from "../clock/clock.ts";
import type { Fault } from "../engines/engine.ts";
import type { Tier, Topology } from "../topology/types.ts";
import { notApplicableReason, restReplicas, scaledByOneMetric } from "./applicable.ts";
import { checkOf } from "./checks/index.ts";
import { evaluate, ExpressionError, type Scope } from "./expressions.ts";
import { nearest } from "../topology/suggest.ts";
import {
  type Plan,
  type PlannedCheck,
  type PlannedFault,
  type PlannedLoad,
  type PlannedStep,
  rowsOneIn,
} from "./plan.ts";
import type { CheckFile, FaultFile, LoadFile, ScenarioFile, StepFile } from "./schema.ts";
import { gaugeIntervalSeconds, HPA_SYNC_SECONDS, idleSeconds, topologyScope } from "./scope.ts";

/** More would not fit into the memory that a run may take. */
const MAX_TENANTS = 5_000_000;
const MAX_SKEW = 4;
const ROLES = ["default", "other", "each"];

type Path = readonly (string | number)[];
type Note = (path: Path, message: string) => void;

export type Compiled =
  | { readonly kind: "plan"; readonly plan: Plan }
  | { readonly kind: "notApplicable"; readonly scenario: string; readonly reason: string };

function tiersOf(role: string, topology: Topology, note: Note, path: Path): readonly Tier[] {
  const { tiers } = topology;
  const names = tiers.map((tier) => tier.name);
  if (role === "each") return tiers;
  const tier =
    role === "default" ? tiers[0] : role === "other" ? tiers[1] : tiers.find((one) => one.name === role);
  if (tier) return [tier];
  const meant = nearest(role, [...names, ...ROLES]);
  note(
    path,
    `there is no tier "${role}"${meant === null ? "" : `; did you mean "${meant}"?`} Tiers here: ${names.join(", ") || "none"}`,
  );
  return [];
}

/** From full load to rest, by the topology's own settings. */
export function restSeconds(topology: Topology, tier: Tier): number {
  const scaled = tier.scaledObject;
  const inactive =
    idleSeconds(topology) + gaugeIntervalSeconds(topology) + topology.scrape.scrapeIntervalSeconds;
  if (!scaled) return inactive;
  const zero = scaled.cooldownPeriodSeconds + scaled.pollingIntervalSeconds;
  return inactive + Math.max(zero, HPA_SYNC_SECONDS + scaled.scaleDownStabilizationSeconds);
}

class Compiler {
  readonly #file: ScenarioFile;
  readonly #topology: Topology;
  readonly #note: Note;
  /** A load's name in the file → its loads here, one for each tier. */
  readonly #loads = new Map<string, PlannedLoad[]>();
  readonly #scopes = new Map<PlannedLoad, Scope>();
  readonly #used = new Set<Tier>();

  constructor(file: ScenarioFile, topology: Topology, note: Note) {
    this.#file = file;
    this.#topology = topology;
    this.#note = note;
  }

  compile(path: string): Compiled {
    const { name, proves, needs, steps } = this.#file;
    const reason = notApplicableReason(
      this.#topology,
      {
        pods: needs.pods ?? 1,
        tiers: needs.tiers ?? 1,
        scaleToZero: steps.some(({ from, settle }) => from === "zero" || settle === "zero"),
      },
      this.#tiersUsed(),
    );
    if (reason !== null) return { kind: "notApplicable", scenario: name, reason };
    const planned = steps.map((step, index) => this.#step(step, ["steps", index]));
    const checks = (this.#file.checks as unknown as readonly CheckFile[]).flatMap((check, index) =>
      this.#check(check, ["checks", index]),
    );
    const tiers = [...this.#used, ...this.#watched(checks)];
    const plan: Plan = {
      name,
      file: path,
      proves,
      tiers: [...new Set(tiers)].map((tier) => ({
        tier: tier.name,
        restReplicas: tier.scaledObject ? restReplicas(tier.scaledObject) : 0,
        restUs: secondsToUs(restSeconds(this.#topology, tier)),
      })),
      steps: planned,
      rowsOneIn: rowsOneIn(planned),
      checks,
      values: this.#topology.tiers[0] ? topologyScope(this.#topology, this.#topology.tiers[0]) : {},
    };
    return { kind: "plan", plan };
  }

  /** Without notes: those come when the loads are compiled. */
  #tiersUsed(): Tier[] {
    const roles = this.#file.steps.flatMap(({ loads }) => loads.map(({ tier }) => tier ?? this.#file.tier));
    return [...new Set(roles.flatMap((role) => tiersOf(role, this.#topology, () => {}, [])))];
  }

  /** Tiers without a load that a check watches: those with a metric of their own. */
  #watched(checks: readonly PlannedCheck[]): Tier[] {
    if (!checks.some(({ check }) => check === "otherTiersStay")) return [];
    const used = [...this.#used];
    return this.#topology.tiers.filter(
      (tier) => tier.scaledObject && !used.some((one) => one !== tier && scaledByOneMetric(one, tier)),
    );
  }

  #number(value: number | string, scope: Scope, path: Path, least: number): number {
    let number: number;
    try {
      number = evaluate(value, scope);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#note(path, `"${value}": ${error.message}`);
      return Math.max(1, least);
    }
    if (number >= least) return number;
    this.#note(
      path,
      `must be at least ${least}, is ${number}${typeof value === "string" ? ` ("${value}")` : ""}`,
    );
    return Math.max(1, least);
  }

  #step(step: StepFile, path: Path): PlannedStep {
    const active = new Map<string, number>();
    const drafts = step.loads.flatMap((load, index) => {
      const at = [...path, "loads", index];
      const role = load.tier ?? this.#file.tier;
      return tiersOf(role, this.#topology, this.#note, load.tier ? [...at, "tier"] : ["tier"]).map((tier) => {
        this.#used.add(tier);
        const tenants = Math.round(
          this.#number(load.tenants, topologyScope(this.#topology, tier), [...at, "tenants"], 1),
        );
        if (tenants > MAX_TENANTS)
          this.#note([...at, "tenants"], `must be at most ${MAX_TENANTS}, is ${tenants}`);
        return { load, tier, tenants, at, suffix: role === "each" ? `-${tier.name}` : "" };
      });
    });
    const inAll = drafts.reduce((sum, { tenants }) => sum + tenants, 0);
    if (inAll > MAX_TENANTS)
      this.#note([...path, "loads"], `its loads have ${inAll} tenants together; at most ${MAX_TENANTS} fit`);
    for (const { tier } of drafts) {
      const byPrefix = new Map<string, number>();
      for (const draft of drafts.filter((one) => one.tier === tier)) {
        byPrefix.set(draft.load.prefix, Math.max(byPrefix.get(draft.load.prefix) ?? 0, draft.tenants));
      }
      active.set(
        tier.name,
        [...byPrefix.values()].reduce((a, b) => a + b, 0),
      );
    }
    for (const [index, { name }] of step.loads.entries()) {
      const twice = this.#loads.has(name) || step.loads.findIndex((load) => load.name === name) < index;
      if (twice) this.#note([...path, "loads", index, "name"], `another load is named "${name}" too`);
    }
    const loads = drafts.map(({ load, tier, tenants, at, suffix }) => {
      const scope = { ...topologyScope(this.#topology, tier), tenants, active: active.get(tier.name)! };
      const planned = this.#load(load, step.name, tier.name, suffix, scope, at);
      this.#loads.set(load.name, [...(this.#loads.get(load.name) ?? []), planned]);
      return planned;
    });
    const { settle } = step;
    return {
      name: step.name,
      from: step.from ?? null,
      entryReplicas: step.entryReplicas ?? null,
      loads,
      faults: step.faults.map((fault, index) => this.#fault(fault, [...path, "faults", index])),
      settle:
        settle === undefined
          ? null
          : Object.fromEntries(
              loads.map((load) => [
                load.tier,
                settle === "zero"
                  ? 0
                  : Math.round(
                      this.#number(
                        settle.untilPods,
                        this.#scopes.get(load)!,
                        [...path, "settle", "untilPods"],
                        0,
                      ),
                    ),
              ]),
            ),
    };
  }

  #load(load: LoadFile, step: string, tier: string, suffix: string, scope: Scope, at: Path): PlannedLoad {
    const rate = this.#number(load.rate, scope, [...at, "rate"], 1e-9);
    const full = { ...scope, rate };
    const seconds = (key: "startSeconds" | "durationSeconds" | "onSeconds" | "offSeconds"): number | null => {
      const value = load[key];
      return value === undefined ? null : this.#number(value, full, [...at, key], 0);
    };
    const requests =
      load.requests === undefined
        ? null
        : Math.round(this.#number(load.requests, full, [...at, "requests"], 1));
    const duration = seconds("durationSeconds");
    const [on, off] = [seconds("onSeconds"), seconds("offSeconds")];
    if (duration === null && (requests === null || load.pattern === "burst" || load.pattern === "ramp")) {
      this.#note(
        [...at],
        `load "${load.name}" needs durationSeconds${requests === null ? " or requests" : ` for ${load.pattern}`}`,
      );
    }
    if (duration !== null && requests !== null && load.pattern !== "burst") {
      this.#note(
        [...at, "requests"],
        "durationSeconds and requests: only one of them, the other follows from the rate",
      );
    }
    const pauses = load.pattern === "onOff" || load.pattern === "sessions";
    if (pauses && !(on !== null && on > 0 && off !== null)) {
      this.#note([...at], `load "${load.name}" needs onSeconds and offSeconds for ${load.pattern}`);
    }
    const skew = this.#number(load.skew, full, [...at, "skew"], 0);
    if (skew > MAX_SKEW) this.#note([...at, "skew"], `must be at most ${MAX_SKEW}, is ${skew}`);
    if (skew > 0 && (requests !== null || load.pattern === "burst")) {
      this.#note(
        [...at, "skew"],
        `with ${load.pattern === "burst" ? "burst" : "requests"} each tenant sends the same number; skew wants durationSeconds and another pattern`,
      );
    }
    const planned: PlannedLoad = {
      name: `${load.name}${suffix}`,
      step,
      tier,
      tenants: scope["tenants"]!,
      prefix: `${load.prefix}${suffix}`,
      rate,
      requests,
      startUs: secondsToUs(seconds("startSeconds") ?? 0),
      durationUs: secondsToUs(duration ?? (requests ?? 0) / rate),
      pattern: load.pattern,
      onUs: secondsToUs(on ?? 0),
      offUs: secondsToUs(off ?? 0),
      skew,
      method: load.method,
      idempotent: load.idempotent,
      gateway: load.gateway,
    };
    this.#scopes.set(planned, full);
    return planned;
  }

  #fault(fault: FaultFile, path: Path): PlannedFault {
    const tier = tiersOf(fault.tier ?? this.#file.tier, this.#topology, this.#note, [...path, "tier"])[0];
    const scope = tier ? topologyScope(this.#topology, tier) : {};
    const atUs = secondsToUs(this.#number(fault.atSeconds, scope, [...path, "atSeconds"], 0));
    const forSeconds = this.#number(fault.forSeconds ?? 60, scope, [...path, "forSeconds"], 0);
    const named = fault.tenant === undefined ? {} : { tenant: fault.tenant };
    const faults: Readonly<Record<FaultFile["kind"], Fault>> = {
      killPod: { kind: "killPod", tier: tier?.name ?? "", ...named },
      deletePod: { kind: "deletePod", tier: tier?.name ?? "", ...named },
      killSidecar: { kind: "killSidecar", gateway: fault.gateway },
      killGateway: { kind: "killGateway", gateway: fault.gateway },
      stopPrometheus: { kind: "stopPrometheus", forSeconds },
    };
    return { atUs, fault: faults[fault.kind] };
  }

  #named(name: string, path: Path): PlannedLoad[] {
    const loads = this.#loads.get(name);
    if (loads) return loads;
    const known = [...this.#loads.keys()];
    const meant = nearest(name, known);
    this.#note(
      path,
      `there is no load "${name}"${meant === null ? "" : `; did you mean "${meant}"?`} Loads here: ${known.join(", ")}`,
    );
    return [];
  }

  #check(check: CheckFile, path: Path): PlannedCheck[] {
    const definition = checkOf(check.check);
    const all =
      check.load === undefined
        ? [...this.#loads.values()].flat()
        : this.#named(check.load, [...path, "load"]);
    const others = check.with === undefined ? [] : this.#named(check.with, [...path, "with"]);
    // A load that goes to each tier is checked on each.
    const groups = check.load === undefined ? [all] : all.map((load) => [load]);
    return groups.flatMap((loads, index) => {
      const first = loads[0];
      if (!first) return [];
      const numbers = Object.fromEntries(
        Object.entries(definition.numbers).map(([key, field]) => [
          key,
          this.#number(check[key] ?? field.default ?? 0, this.#scopes.get(first)!, [...path, key], 0),
        ]),
      );
      const title = check.name ?? definition.title;
      return {
        check: check.check,
        name: groups.length > 1 ? `${title} (${first.tier})` : (check.name ?? null),
        loads,
        other: others[index] ?? others[0] ?? null,
        numbers,
      };
    });
  }
}

/**
 * The scenario for this topology. Everything that is wrong with it is told to `note`, with the path in the file; the
 * result is of use only where nothing was.
 */
export const compile = (file: ScenarioFile, path: string, topology: Topology, note: Note): Compiled =>
  new Compiler(file, topology, note).compile(path);
