/**
 * Somebody who watches a replay with the rules of the reference in hand and none of the code under test: what each pass may
 * do, from what was there before it.
 */
import type { PassRow } from "../replay.ts";
import type { TraceLine } from "../trace.ts";
import type { HpaBehavior, HpaScalingRules, Reading, ScaledObjectSpec, TriggerSpec } from "../types.ts";

const DEFAULT_WINDOW_SECONDS = 300;
const TOLERANCE = 0.1;

type Recommendation = { readonly t: number; readonly replicas: number };
type Rescale = { readonly t: number; readonly change: number; readonly limited: boolean };

const thresholdOf = ({ metadata }: TriggerSpec): number => Number(metadata!["threshold"]);
/** The number a trigger comes to, null for an error. */
function valueOf({ metadata }: TriggerSpec, reading: Reading): number | null {
  if (typeof reading === "number") return reading;
  return reading === "empty" && metadata!["ignoreNullValues"] !== "false" ? 0 : null;
}
const isActive = (trigger: TriggerSpec, value: number | null): boolean =>
  value !== null && value > Number(trigger.metadata!["activationThreshold"] ?? 0);
const ageOf = (row: PassRow, { t }: { readonly t: number }): number => Math.round((row.t - t) * 1e6) / 1e6;

export class Observer {
  #spec: ScaledObjectSpec | null = null;
  #readings: readonly Reading[] = [];
  #replicas = 1;
  #statusReplicas: number | null = null;
  /** Whole seconds, as the API keeps it. */
  #lastActive: number | null = null;
  #recommendations: Recommendation[] | null = null;
  #rescales: Rescale[] = [];
  #editedAt = 0;
  #hadBehavior = new Set<boolean>();

  /** What each kind of rule was asked, so that a rule that never came up is seen. */
  readonly checked: Record<string, number> = {};

  take(line: TraceLine): void {
    if (line.replicas !== undefined) this.#replicas = line.replicas;
    if (line.statusReplicas !== undefined) this.#statusReplicas = line.statusReplicas;
    if (line.metrics !== undefined) this.#readings = line.metrics;
    if (line.scaledObject !== undefined) {
      this.#spec = line.scaledObject;
      this.#editedAt = line.tUs / 1e6;
      this.#hadBehavior.add(this.#behavior !== null);
    }
  }

  /** Everything that the pass must not have done; empty where it was right. */
  judge(row: PassRow): string[] {
    const broken = row.by === "keda" ? this.#judgeKeda(row) : this.#judgeHpa(row);
    this.#replicas = row.replicas;
    return broken.map((rule) => `${row.by} at ${row.t}: ${rule}`);
  }

  get #behavior(): HpaBehavior | null {
    return this.#spec?.advanced?.horizontalPodAutoscalerConfig?.behavior ?? null;
  }

  #count(rule: string): void {
    this.checked[rule] = (this.checked[rule] ?? 0) + 1;
  }

  #expect(broken: string[], rule: string, isRight: boolean, detail = ""): void {
    this.#count(rule);
    if (!isRight) broken.push(detail === "" ? rule : `${rule}: ${detail}`);
  }

  // ---- KEDA ----

  #judgeKeda(row: PassRow): string[] {
    const broken: string[] = [];
    const spec = this.#spec!;
    const before = this.#replicas;
    const after = row.replicas;
    const min = spec.minReplicaCount ?? 0;
    this.#expect(broken, "desired is what KEDA leaves", row.desired === after);
    if (min > 0) {
      // Its loop may go by what the HPA's requests saw, so whether it is active is not for an onlooker to say.
      this.#expect(
        broken,
        "above zero KEDA only lifts to the minimum or to 1",
        after === before || [min, 1].includes(after),
      );
      this.#expect(broken, "above zero KEDA never lowers", after >= before);
      return broken;
    }
    const values = spec.triggers!.map((trigger, index) => valueOf(trigger, this.#readings[index]!));
    const errored = values.includes(null);
    const active = spec.triggers!.some((trigger, index) => isActive(trigger, values[index]!));
    if (active) {
      this.#expect(
        broken,
        "active: 0 becomes 1, anything else stays",
        after === (before === 0 ? 1 : before),
        `${before} → ${after}`,
      );
      if (!errored || before === 0) this.#lastActive = Math.floor(row.t);
    } else if (errored) {
      this.#expect(broken, "an error freezes", after === before, `${before} → ${after}`);
    } else if (before > 0) {
      const since = this.#lastActive === null ? Infinity : row.t - this.#lastActive;
      const over = since > spec.cooldownPeriod!;
      this.#expect(
        broken,
        "to zero in one write, after the cooldown and not before",
        after === (over ? 0 : before),
        `${before} → ${after}, ${since} s after the last active poll`,
      );
    } else {
      this.#expect(broken, "inactive at zero stays there", after === 0);
    }
    return broken;
  }

  // ---- the HPA ----

  #judgeHpa(row: PassRow): string[] {
    const broken: string[] = [];
    const { minReplicaCount = 0, maxReplicaCount: max = 100 } = this.#spec!;
    const min = Math.max(minReplicaCount, 1);
    const before = this.#replicas;
    const after = row.replicas;
    this.#recommendations ??= [{ t: row.t, replicas: before }];
    if (before === 0) {
      this.#expect(broken, "only KEDA leaves zero", after === 0);
      return broken;
    }
    this.#expect(broken, "only KEDA goes to zero", after > 0);
    if (before > max || before < min) {
      this.#expect(
        broken,
        "outside min to max: to the bound at once",
        after === (before > max ? max : min),
        `${before} → ${after}`,
      );
      this.#rescaled(row, before, false);
      return broken;
    }
    this.#expect(broken, "never outside min to max", after >= min && after <= max, `${after}`);
    const proposal = this.#proposal();
    const failed = row.conditions["ScalingActive"]?.status === "False";
    this.#expect(broken, "ScalingActive is False where there is no proposal", failed === (proposal === null));
    if (proposal === null) {
      this.#expect(broken, "without a proposal nothing moves", after === before, `${before} → ${after}`);
      return broken;
    }
    this.#expect(broken, "desired is what the HPA leaves", row.desired === after);
    if (this.#behavior === null) this.#judgeLegacy(broken, row, proposal, { min, max });
    else this.#judgeBehavior(broken, row, proposal, { min, max }, this.#behavior);
    this.#recommendations.push({ t: row.t, replicas: proposal });
    this.#rescaled(row, before, true);
    return broken;
  }

  #rescaled(row: PassRow, before: number, limited: boolean): void {
    if (row.replicas !== before && this.#behavior !== null)
      this.#rescales.push({ t: row.t, change: row.replicas - before, limited });
  }

  /** The largest of the triggers' proposals; null where the HPA has none that it would follow. */
  #proposal(): number | null {
    const status = this.#statusReplicas ?? this.#replicas;
    const proposals = this.#spec!.triggers!.map((trigger, index) => {
      const value = valueOf(trigger, this.#readings[index]!);
      if (value === null) return null;
      const milli = Math.round(Math.max(value, 0) * 1000);
      const targetMilli = thresholdOf(trigger) * 1000;
      const ratio = milli / (targetMilli * status);
      return ratio >= 1 - TOLERANCE && ratio <= 1 + TOLERANCE ? status : Math.ceil(milli / targetMilli);
    });
    const found = proposals.filter((one) => one !== null);
    if (found.length === 0) return null;
    const best = Math.max(...found);
    return found.length < proposals.length && best < this.#replicas ? null : best;
  }

  /** No behavior: the whole rule in four lines, where the history is all of this path. */
  #judgeLegacy(broken: string[], row: PassRow, proposal: number, { min, max }: Bounds): void {
    const before = this.#replicas;
    const cap = Math.max(2 * before, 4);
    this.#expect(broken, "legacy: at most max(2 × current, 4)", row.replicas <= Math.max(cap, min));
    if (this.#hadBehavior.size > 1) return;
    const remembered = this.#recommendations!.filter((one) => ageOf(row, one) <= DEFAULT_WINDOW_SECONDS);
    const wanted = Math.max(proposal, ...remembered.map(({ replicas }) => replicas));
    const right = Math.max(Math.min(wanted, cap, max), min);
    this.#expect(
      broken,
      "legacy: the highest of 300 s, capped",
      row.replicas === right,
      `${before} → ${row.replicas}, wanted ${right}`,
    );
  }

  #judgeBehavior(
    broken: string[],
    row: PassRow,
    proposal: number,
    { min, max }: Bounds,
    behavior: HpaBehavior,
  ): void {
    const before = this.#replicas;
    const after = row.replicas;
    const clamped = Math.min(Math.max(proposal, min), max);
    this.#expect(
      broken,
      "behavior: between where it was and where it should be",
      after >= Math.min(before, clamped) && after <= Math.max(before, clamped),
      `${before} → ${after}, proposal ${proposal}`,
    );
    // What was recorded under another spec may have been forgotten by its shorter window.
    const known = this.#recommendations!.filter(({ t }) => t >= this.#editedAt);
    const within = (rules: HpaScalingRules | null | undefined, fallback: number): number[] => [
      proposal,
      ...known
        .filter((one) => ageOf(row, one) < (rules?.stabilizationWindowSeconds ?? fallback))
        .map(({ replicas }) => replicas),
    ];
    const highest = Math.max(...within(behavior.scaleDown, DEFAULT_WINDOW_SECONDS));
    const lowest = Math.min(...within(behavior.scaleUp, 0));
    this.#expect(
      broken,
      "behavior: never below what its window still wants",
      after >= Math.min(before, highest, max),
      `${before} → ${after}, ${highest} in the window`,
    );
    this.#expect(
      broken,
      "behavior: never above what its window still wants",
      after <= Math.max(before, lowest, min),
      `${before} → ${after}, ${lowest} in the window`,
    );
    this.#judgeRate(broken, row, "up", behavior.scaleUp);
    this.#judgeRate(broken, row, "down", behavior.scaleDown);
  }

  /** A single policy of pods a period, where all rescales inside it went the same way and by the policy. */
  #judgeRate(
    broken: string[],
    row: PassRow,
    way: "up" | "down",
    rules: HpaScalingRules | null | undefined,
  ): void {
    const change = (row.replicas - this.#replicas) * (way === "up" ? 1 : -1);
    if (change <= 0) return;
    if (rules?.selectPolicy === "Disabled") return this.#expect(broken, `behavior: ${way} Disabled`, false);
    const policy = rules?.policies?.[0];
    if (
      policy?.type !== "Pods" ||
      rules!.policies!.length > 1 ||
      row.t - this.#editedAt < policy.periodSeconds
    )
      return;
    const inside = this.#rescales.filter((one) => ageOf(row, one) < policy.periodSeconds);
    if (inside.some((one) => !one.limited || one.change > 0 !== (way === "up"))) return;
    const sum = inside.reduce((total, one) => total + Math.abs(one.change), change);
    this.#expect(
      broken,
      `behavior: ${way} at most the policy's pods a period`,
      sum <= policy.value,
      `${sum} of ${policy.value}`,
    );
  }
}

type Bounds = { readonly min: number; readonly max: number };
