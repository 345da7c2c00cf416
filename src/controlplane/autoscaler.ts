/**
 * One ScaledObject at work: KEDA's operator (is the target there? poll, decide, write) and the HPA that it makes, both
 * asking the same metrics source, each in its own rhythm.
 */
import { type Clock, type Timer, secondsToUs } from "../clock/clock.ts";
import type { Condition, Decision, MetricReading } from "../events/types.ts";
import { hpaNeedsMetrics, hpaSpecFromScaledObject, hpaSync, newHpaState } from "../scaling/hpa.ts";
import { kedaCheck, newKedaState, triggersToAsk } from "../scaling/keda.ts";
import { firstHpaSyncAtUs, nextHpaSyncAtUs, reconcileRetryAfterUs } from "../scaling/schedule.ts";
import { servedMetric, servedMetricAsks } from "../scaling/served-metric.ts";
import type {
  HpaReading,
  HpaSpec,
  HpaState,
  KedaState,
  ScaledObjectSpec,
  Versions,
} from "../scaling/types.ts";
import { unusableTriggers, withTriggersActedOn } from "./unusable-triggers.ts";
import { validateScaledObject } from "../scaling/validate.ts";
import type { ScaledObject } from "../topology/types.ts";
import { startLoop } from "./loop.ts";
import type { QuerySource } from "./query-source.ts";
import { TriggerReader } from "./trigger-reader.ts";
import type { WorkloadController } from "./workload-controller.ts";

export type AutoscalerOptions = {
  readonly clock: Clock;
  readonly scaledObject: ScaledObject;
  /** The other ScaledObjects, for what the admission webhook refuses. */
  readonly others: readonly ScaledObject[];
  readonly tier: string;
  /** The workload of that kind and name, or undefined. */
  readonly findTarget: (kind: string, name: string) => WorkloadController | undefined;
  /** Other kinds that have a workload of that name, for the message. */
  readonly kindsNamed: (name: string) => readonly string[];
  readonly metrics: QuerySource;
  readonly versions: Versions;
  readonly emit: (event: Decision) => void;
  readonly onLate: (loop: string, lateUs: number) => void;
};

/** A sync's own few milliseconds, which make its rhythm drift against the polls. */
const HPA_SYNC_TAKES_US = 10_000;
/** A failing reconcile is tried again ever more slowly; tries sooner than this are not worth a line each. */
const FIRST_LOGGED_RETRY_US = 5_000_000;
/** Of Deployments and StatefulSets; older ones are gone since Kubernetes 1.16. */
const SERVED_VERSION = "apps/v1";
const CHECK_FAILED = "ScaledObjectCheckFailed";

export class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #spec: ScaledObjectSpec;
  readonly #hpaSpec: HpaSpec;
  readonly #reader: TriggerReader;
  #keda: KedaState;
  #hpa: HpaState = newHpaState();
  #highestRecommendation = 0;
  #ready: Condition & { readonly message: string } = {
    status: "Unknown",
    reason: "ScaledObjectNotReconciled",
    message: "",
  };
  #timers: Timer[] = [];
  #stopped = false;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    const scaledObject = withTriggersActedOn(options.scaledObject);
    this.#spec = scaledObject.spec;
    this.#reader = new TriggerReader({ ...options, scaledObject });
    this.#hpaSpec = hpaSpecFromScaledObject({
      name: options.scaledObject.name,
      spec: this.#spec,
      annotations: options.scaledObject.manifest.annotations,
      versions: options.versions,
    });
    this.#keda = newKedaState({ creationUnixSeconds: options.clock.epochUnixSeconds });
  }

  get ready(): Condition & { readonly message: string } {
    return this.#ready;
  }

  /** The highest recommendation still inside the HPA's scale-down window now; 0 for none. */
  get highestRecommendation(): number {
    const windowUs = secondsToUs(this.#options.scaledObject.scaleDownStabilizationSeconds);
    const sinceUs = this.#options.clock.nowUs() - windowUs;
    const inside = (this.#hpa.recommendations ?? []).filter(({ atUs }) => atUs >= sinceUs);
    return inside.reduce((highest, { replicas }) => Math.max(highest, replicas), 0);
  }

  /** Creates the object at `atUs`: the operator reconciles it, makes the HPA and starts the loop. */
  start(atUs: number): void {
    this.#timers.push(this.#options.clock.at(atUs, () => this.#reconcile(0)));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }

  #reconcile(tries: number): void {
    const { clock, scaledObject } = this.#options;
    const nowUs = clock.nowUs();
    const refused = this.#admissionError();
    if (refused !== null) return this.#notReady("AdmissionDenied", refused);
    const unusable = unusableTriggers(scaledObject);
    if (unusable !== null) return this.#notReady(CHECK_FAILED, unusable);
    const { apiVersion, kind, name } = scaledObject.scaleTargetRef;
    const target = apiVersion === SERVED_VERSION ? this.#options.findTarget(kind, name) : undefined;
    if (!target) {
      const retryUs = reconcileRetryAfterUs(tries + 1);
      if (tries === 0 || retryUs >= FIRST_LOGGED_RETRY_US)
        this.#notReady(CHECK_FAILED, this.#missingTarget());
      this.#timers.push(clock.at(nowUs + retryUs, () => this.#reconcile(tries + 1)));
      return;
    }
    this.#keda = newKedaState({ creationUnixSeconds: clock.epochUnixSeconds + Math.floor(nowUs / 1e6) });
    this.#startLoops(target, nowUs);
  }

  #startLoops(target: WorkloadController, nowUs: number): void {
    const { clock, scaledObject, versions, onLate } = this.#options;
    const firstSyncUs = firstHpaSyncAtUs(nowUs, versions);
    this.#timers.push(
      startLoop(clock, {
        name: `keda ${scaledObject.name}`,
        firstAtUs: nowUs,
        periodUs: secondsToUs(scaledObject.pollingIntervalSeconds),
        run: (atUs) => this.#poll(target, atUs),
        onLate,
      }),
      startLoop(clock, {
        name: `hpa ${this.#hpaSpec.name}`,
        firstAtUs: firstSyncUs,
        periodUs: nextHpaSyncAtUs(firstSyncUs + HPA_SYNC_TAKES_US) - firstSyncUs,
        run: (atUs) => this.#sync(target, atUs),
        onLate,
      }),
    );
  }

  async #poll(target: WorkloadController, nowUs: number): Promise<void> {
    const { clock, scaledObject, versions } = this.#options;
    const input = {
      nowUs,
      epochUnixSeconds: clock.epochUnixSeconds,
      name: scaledObject.name,
      namespace: scaledObject.namespace,
      spec: this.#spec,
      annotations: scaledObject.manifest.annotations,
      state: this.#keda,
      currentReplicas: target.specReplicas,
      readyPods: target.readyPods,
      hpaScalingActive: this.#hpa.conditions.ScalingActive,
      versions,
    };
    const asked = await this.#reader.ask(triggersToAsk(input), nowUs);
    if (this.#stopped) return;
    const from = target.specReplicas;
    // While the source was asked, the HPA's own request may have counted a failure, or somebody written the scale.
    const result = kedaCheck({
      ...input,
      state: this.#keda,
      currentReplicas: from,
      readings: asked.readings,
    });
    this.#keda = result.state;
    if (result.write !== null) target.scale(result.write);
    if (result.paused) this.stop(); // No loop, and the HPA is deleted.
    this.#ready = result.conditions.Ready;
    const lastActive = result.state.status.lastActiveUnixSeconds;
    this.#options.emit({
      ...this.#decisionBase(nowUs, "keda", scaledObject.name),
      from,
      to: result.replicas,
      wrote: result.write !== null,
      desired: result.replicas,
      reason: result.conditions.Active.reason,
      message: result.row,
      active: result.active,
      lastActiveAtUs: lastActive === null ? null : secondsToUs(lastActive - clock.epochUnixSeconds),
      fallback: result.fallbackUsed,
      metrics: asked.logged,
      conditions: presentOf(result.conditions),
    });
  }

  async #sync(target: WorkloadController, nowUs: number): Promise<void> {
    const { clock, scaledObject, versions } = this.#options;
    const readings: HpaReading[] = [];
    const logged: MetricReading[] = [];
    let fallback = false;
    const asksMetrics = hpaNeedsMetrics({
      spec: this.#hpaSpec,
      state: this.#hpa,
      specReplicas: target.specReplicas,
      versions,
    });
    for (const metric of asksMetrics ? this.#hpaSpec.metrics : []) {
      const served = {
        nowUs,
        epochUnixSeconds: clock.epochUnixSeconds,
        name: scaledObject.name,
        spec: this.#spec,
        annotations: scaledObject.manifest.annotations,
        state: this.#keda,
        currentReplicas: target.specReplicas,
        readyPods: target.readyPods,
        versions,
        metricName: metric.name,
      };
      const asked = await this.#reader.ask(servedMetricAsks(served), nowUs);
      const result = servedMetric({ ...served, state: this.#keda, readings: asked.readings });
      this.#keda = result.state;
      fallback ||= result.fallbackUsed;
      logged.push(...asked.logged);
      readings.push(
        result.milli === null ? { error: result.error ?? "no value" } : { milli: [result.milli] },
      );
    }
    if (this.#stopped) return;
    const from = target.specReplicas;
    const result = hpaSync({
      nowUs,
      spec: this.#hpaSpec,
      state: this.#hpa,
      specReplicas: from,
      statusReplicas: target.statusReplicas,
      readings,
      pods: { total: target.statusReplicas, ready: target.readyPods },
      versions,
    });
    this.#hpa = result.state;
    this.#highestRecommendation = result.highestRecommendation ?? 0;
    if (result.write !== null) target.scale(result.write);
    this.#options.emit({
      ...this.#decisionBase(nowUs, "hpa", this.#hpaSpec.name),
      from,
      to: result.replicas,
      wrote: result.write !== null,
      desired: result.desired,
      reason: result.conditions.AbleToScale?.reason ?? "",
      ...(result.rescaleReason === null ? {} : { message: result.rescaleReason }),
      fallback,
      metrics: logged,
      conditions: presentOf(result.conditions),
      highestRecommendation: this.#highestRecommendation,
    });
  }

  #admissionError(): string | null {
    const { scaledObject, others, versions } = this.#options;
    const violations = validateScaledObject({
      name: scaledObject.name,
      namespace: scaledObject.namespace,
      spec: scaledObject.spec,
      annotations: scaledObject.manifest.annotations,
      others: others.map(({ name, spec }) => ({ name, spec: spec as ScaledObjectSpec })),
      versions,
    });
    return violations.find(({ severity }) => severity === "reject")?.message ?? null;
  }

  #missingTarget(): string {
    const { scaledObject, kindsNamed } = this.#options;
    const { apiVersion, kind, name } = scaledObject.scaleTargetRef;
    if (apiVersion !== SERVED_VERSION && (kind === "Deployment" || kind === "StatefulSet"))
      return `no matches for kind "${kind}" in version "${apiVersion}"; the API server has ${SERVED_VERSION}`;
    const other = kindsNamed(name)[0];
    const first = `no ${kind} ${name} in namespace ${scaledObject.namespace}.`;
    if (other === undefined) return first;
    const why = scaledObject.kindGiven ? "" : ` scaleTargetRef.kind defaults to ${kind}.`;
    return `${first} A ${other} of that name exists.${why}`;
  }

  #notReady(reason: string, message: string): void {
    const { clock, scaledObject, kindsNamed, findTarget } = this.#options;
    this.#ready = { status: "False", reason, message };
    const kind = kindsNamed(scaledObject.scaleTargetRef.name)[0];
    const replicas =
      (kind === undefined ? undefined : findTarget(kind, scaledObject.scaleTargetRef.name))?.specReplicas ??
      0;
    this.#options.emit({
      ...this.#decisionBase(clock.nowUs(), "keda", scaledObject.name),
      from: replicas,
      to: replicas,
      wrote: false,
      desired: replicas,
      reason,
      message,
      metrics: [],
      conditions: { Ready: this.#ready, Active: { status: "Unknown", reason: "UnknownState" } },
    });
  }

  #decisionBase(atUs: number, by: "keda" | "hpa", object: string) {
    const { tier, scaledObject } = this.#options;
    const { kind, name } = scaledObject.scaleTargetRef;
    const { file, line } = scaledObject.manifest.at("spec", "scaleTargetRef", "name");
    return {
      type: "decision" as const,
      atUs,
      by,
      object,
      tier,
      target: `${kind}/${name}`,
      source: { file, line },
    };
  }
}

function presentOf(conditions: Readonly<Record<string, Condition | null>>): Record<string, Condition> {
  return Object.fromEntries(
    Object.entries(conditions).filter((entry): entry is [string, Condition] => entry[1] !== null),
  );
}
