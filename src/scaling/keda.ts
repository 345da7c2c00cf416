/**
 * One check of KEDA's scale loop: the triggers' answers in, at most one write of `spec.replicas` out. KEDA only lifts
 * from zero and drops to it; everything between is its HPA's.
 *
 * @see kedacore/keda pkg/scaling/scale_handler.go, checkScalers
 */
import { readAnnotations } from "./annotations.ts";
import { condition, initialConditions } from "./keda-conditions.ts";
import { decide, type Row } from "./keda-executor.ts";
import { evaluate, type Evaluated } from "./keda-triggers.ts";
import { scalerProblems, triggerMetricName, withoutNulls } from "./scaled-object.ts";
import { kedaAtLeast } from "./versions.ts";
import type {
  Condition,
  ControllerEvent,
  KedaConditions,
  KedaInput,
  KedaResult,
  KedaState,
  KedaStatus,
  TriggerRecord,
} from "./types.ts";

export { checkFailedConditions } from "./keda-conditions.ts";
export { triggersToAsk } from "./keda-triggers.ts";
export { cooldownOver } from "./keda-executor.ts";
export { readAnnotations } from "./annotations.ts";

/**
 * A ScaledObject as its reconciler leaves it when it starts the loop: the scalers are built, with a copy of the object
 * on which the HPA's requests will count.
 */
export function newKedaState(input: {
  readonly creationUnixSeconds: number;
  readonly lastActiveUnixSeconds?: number | null;
  readonly conditions?: KedaConditions;
}): KedaState {
  const status: KedaStatus = {
    lastActiveUnixSeconds: input.lastActiveUnixSeconds ?? null,
    conditions: input.conditions ?? initialConditions(),
    health: {},
  };
  return {
    creationUnixSeconds: input.creationUnixSeconds,
    status,
    memory: { scalers: { copy: status, builtByPoll: false }, cached: {}, requested: {} },
  };
}

/** The same object while no loop runs for it: an operator that does not lead still answers the HPA's requests. */
export const stoppedKeda = (state: KedaState): KedaState => ({
  ...state,
  memory: { scalers: null, cached: {}, requested: {} },
});

/** The same object after the operator was restarted or its loop was: status stays, memory is new. */
export const restartedKeda = (state: KedaState): KedaState => ({
  ...state,
  memory: { scalers: { copy: state.status, builtByPoll: false }, cached: {}, requested: {} },
});

/** The check again, its write having failed. Call it with the very input of `kedaCheck()`. */
export const kedaWriteFailed = (input: KedaInput, message: string): KedaResult =>
  kedaCheck({ ...input, writeFailed: message });

/** Decides one check. Pure; a write is taken to succeed unless `writeFailed` says otherwise. */
export function kedaCheck(given: KedaInput): KedaResult {
  const input = { ...given, spec: withoutNulls(given.spec) };
  const { paused, pausedReplicas } = readAnnotations(input.annotations, input.versions);
  if (paused) return pausedCheck(input, pausedReplicas);
  const problems = scalerProblems(input.spec);
  if (problems.length > 0) return abortedCheck(input, problems.join("; "));
  const evaluated = evaluate(input);
  const row = decide(input, evaluated.active, evaluated.errored);
  const failed = row.write === null ? undefined : input.writeFailed;
  const conditions = conditionsAfter(input, evaluated, row, failed);
  const current = input.currentReplicas ?? 1;
  const refreshed = row.lastActive === "refresh" && failed === undefined;
  const status: KedaStatus = {
    ...evaluated.status,
    conditions,
    lastActiveUnixSeconds: refreshed
      ? input.epochUnixSeconds + Math.floor(input.nowUs / 1e6)
      : evaluated.status.lastActiveUnixSeconds,
  };
  return {
    write: row.write,
    replicas: row.write !== null && failed === undefined ? row.write : current,
    state: { ...input.state, status, memory: memoryAfter(input, evaluated) },
    conditions,
    events: [...evaluated.events, ...executorEvents(input, evaluated, row, failed)],
    active: row.active === "ScalerActive",
    errored: evaluated.errored,
    fallbackUsed: evaluated.fallbackUsed || row.fallback === true,
    activeTriggers: evaluated.activeTriggers,
    row: row.row,
    paused: false,
    triggers: named(input, evaluated.records),
  };
}

const named = (
  input: KedaInput,
  records: readonly TriggerRecord[],
): readonly (TriggerRecord & { readonly name: string })[] =>
  records.map((record, index) => ({
    ...record,
    name: triggerMetricName(input.spec.triggers![index]!, index),
  }));

/** The scalers could not be built: the loop neither decides nor writes a condition. */
function abortedCheck(input: KedaInput, problem: string): KedaResult {
  return {
    ...NOTHING,
    replicas: input.currentReplicas ?? 1,
    state: input.state,
    conditions: input.state.status.conditions,
    events: [{ type: "Warning", reason: "KEDAScalerFailed", message: problem }],
    errored: true,
    row: `scalers cannot be built: ${problem}`,
  };
}

const NOTHING = {
  write: null,
  events: [],
  active: false,
  errored: false,
  fallbackUsed: false,
  activeTriggers: [],
  paused: false,
  triggers: [],
} as const;

/** A paused object has no loop; what is left is to bring the target to `paused-replicas`, where that is given. */
function pausedCheck(input: KedaInput, pausedReplicas: number | null): KedaResult {
  const current = input.currentReplicas ?? 1;
  const write = pausedReplicas === null || pausedReplicas === current ? null : pausedReplicas;
  const conditions = { ...input.state.status.conditions, Paused: condition("True", "ScaledObjectPaused") };
  return {
    ...NOTHING,
    write,
    replicas: write !== null && input.writeFailed === undefined ? write : current,
    state: { ...input.state, status: { ...input.state.status, conditions } },
    conditions,
    row: "paused",
    paused: true,
  };
}

function conditionsAfter(
  input: KedaInput,
  evaluated: Evaluated,
  row: Row,
  failed: string | undefined,
): KedaConditions {
  const before = evaluated.status.conditions;
  return {
    Ready:
      failed === undefined
        ? condition(READY_STATUS[row.ready], row.ready)
        : condition("False", "ErrorScalingTarget", failed),
    Active: activeCondition(input, before.Active, row, failed),
    Fallback: row.fallback === true ? condition("True", "FallbackExists") : before.Fallback,
    HPAActive: hpaActive(input, before.HPAActive),
    Paused: before.Paused.status === "True" ? condition("False", "ScaledObjectUnpaused") : before.Paused,
  };
}

const READY_STATUS = {
  ScaledObjectReady: "True",
  TriggerError: "False",
  PartialTriggerError: "Unknown",
} as const;

/** Before 2.20 Active was only written when its truth changed, and while cooling down. */
function activeCondition(
  input: KedaInput,
  before: Condition,
  row: Row,
  failed: string | undefined,
): Condition {
  const status = row.active === "ScalerActive" ? "True" : "False";
  const kept =
    !kedaAtLeast(input.versions, "2.20") &&
    before.status === status &&
    row.active !== "ScalerCooldown" &&
    !(row.event === "deactivated" && failed === undefined);
  return kept ? before : condition(status, row.active);
}

/** Since 2.20 the HPA's ScalingActive is mirrored; its being disabled at zero counts as healthy. */
function hpaActive(input: KedaInput, before: Condition | null): Condition | null {
  const seen = input.hpaScalingActive;
  if (!kedaAtLeast(input.versions, "2.20") || seen === null) return before;
  if (seen.status === "True") return condition("True", "HPAActive");
  if (seen.reason === "ScalingDisabled") return condition("True", seen.reason, seen.message);
  return condition("False", seen.reason, seen.message);
}

/** An error drops the scalers, to be built anew by whoever comes next; a poll that builds them owns the copy. */
function memoryAfter(input: KedaInput, evaluated: Evaluated): KedaState["memory"] {
  const { memory } = input.state;
  const cached: Record<number, TriggerRecord> = {};
  const dropsAll = evaluated.errored && !kedaAtLeast(input.versions, "2.21");
  (input.spec.triggers ?? []).forEach((trigger, index) => {
    if (trigger.useCachedMetrics === true && !dropsAll) cached[index] = evaluated.records[index]!;
  });
  const builtByPoll = memory.scalers?.builtByPoll ?? true;
  // What a poll holds is read anew each time, and is as it was before the executor wrote the conditions.
  const copy = builtByPoll ? evaluated.status : memory.scalers!.copy;
  return {
    cached,
    requested: memory.requested,
    scalers: evaluated.errored ? null : { copy, builtByPoll },
  };
}

function executorEvents(
  input: KedaInput,
  evaluated: Evaluated,
  row: Row,
  failed: string | undefined,
): readonly ControllerEvent[] {
  if (row.event === null || row.write === null) return [];
  const ref = input.spec.scaleTargetRef;
  const kind = input.targetKind ?? `${ref?.apiVersion ?? "apps/v1"}.${ref?.kind ?? "Deployment"}`;
  const target = `${kind} ${input.namespace ?? "default"}/${ref?.name ?? input.name}`;
  const step = `from ${input.currentReplicas ?? 1} to ${row.write}`;
  if (row.event === "activated") {
    if (failed !== undefined) {
      const message = `Failed to scale ${target} ${step}: ${failed}`;
      return [{ type: "Warning", reason: "KEDAScaleTargetActivationFailed", message }];
    }
    const by =
      evaluated.activeTriggers.length === 0 ? "" : `, triggered by ${evaluated.activeTriggers.join(";")}`;
    return [{ type: "Normal", reason: "KEDAScaleTargetActivated", message: `Scaled ${target} ${step}${by}` }];
  }
  return failed === undefined
    ? [{ type: "Normal", reason: "KEDAScaleTargetDeactivated", message: `Deactivated ${target} ${step}` }]
    : [
        {
          type: "Warning",
          reason: "KEDAScaleTargetDeactivationFailed",
          message: `Failed to deactivate ${target} ${step}: ${failed}`,
        },
      ];
}
