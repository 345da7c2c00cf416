/**
 * The decision table of KEDA's executor: from zero, to zero, to idle, and otherwise hands off, since the rest is the
 * HPA's. Rows are tried from top to bottom.
 *
 * @see kedacore/keda pkg/scaling/executor/scale_scaledobjects.go, RequestScale
 */
import { readAnnotations } from "./annotations.ts";
import { DEFAULT_COOLDOWN_SECONDS } from "./scaled-object.ts";
import { kedaAtLeast } from "./versions.ts";
import type { KedaInput } from "./types.ts";

export type Row = {
  readonly row: string;
  readonly write: number | null;
  /** `refresh`: lastActiveTime becomes now, unless the write fails. */
  readonly lastActive: "refresh" | "keep";
  readonly active: "ScalerActive" | "ScalerNotActive" | "ScalerCooldown";
  /** What Ready says where the write, if any, succeeds. */
  readonly ready: "ScaledObjectReady" | "TriggerError" | "PartialTriggerError";
  readonly event: "activated" | "deactivated" | null;
  /** 2.16 and older: the executor itself falls back, and says so. */
  readonly fallback?: boolean;
};

export function decide(input: KedaInput, active: boolean, errored: boolean): Row {
  const { forceActivation } = readAnnotations(input.annotations, input.versions);
  return active || forceActivation ? decideActive(input, errored) : decideInactive(input, errored);
}

function decideActive(input: KedaInput, errored: boolean): Row {
  const { spec } = input;
  const current = input.currentReplicas ?? 1;
  const min = spec.minReplicaCount ?? 0;
  const ready = "ScaledObjectReady";
  const base = { active: "ScalerActive", event: null, write: null } as const;
  if (current === 0 || (spec.idleReplicaCount !== undefined && current < min)) {
    if (readAnnotations(input.annotations, input.versions).scaleOutPaused) {
      return { ...base, row: "A1: active, but scale-out is paused", lastActive: "keep", ready };
    }
    const write = min > 0 ? min : 1;
    const row = current === 0 ? "A1: active at zero replicas" : "A1: active at idle replicas";
    return { ...base, row, write, lastActive: "refresh", ready, event: "activated" };
  }
  if (errored) {
    const row = "A2: active, but some trigger failed";
    return { ...base, row, lastActive: "keep", ready: "PartialTriggerError" };
  }
  return { ...base, row: "A3: active, the HPA does the rest", lastActive: "refresh", ready };
}

function decideInactive(input: KedaInput, errored: boolean): Row {
  const { spec, versions } = input;
  const current = input.currentReplicas ?? 1;
  const min = spec.minReplicaCount ?? 0;
  const idle = spec.idleReplicaCount;
  const base = {
    write: null,
    lastActive: "keep",
    active: "ScalerNotActive",
    ready: "ScaledObjectReady",
    event: null,
  } as const;
  if (errored && spec.fallback !== undefined && (spec.fallback.replicas ?? 0) !== 0) {
    if (kedaAtLeast(versions, "2.17")) return { ...base, row: "I1: failed, the fallback waits" };
    const write = spec.fallback.replicas!;
    return { ...base, row: "I1: failed, fallback", write: write === current ? null : write, fallback: true };
  }
  if (errored && spec.fallback === undefined) {
    return { ...base, row: "I2: failed, no fallback", ready: "TriggerError" };
  }
  if (idle !== undefined ? current > idle : current > 0 && min === 0) {
    return scaleToZeroOrIdle(input, base);
  }
  if (idle === undefined && current < min) {
    return { ...base, row: "I4: below minReplicaCount", write: min };
  }
  return { ...base, row: "I5: not active" };
}

function scaleToZeroOrIdle(input: KedaInput, base: Omit<Row, "row">): Row {
  const { spec } = input;
  if (readAnnotations(input.annotations, input.versions).scaleInPaused) {
    return { ...base, row: "I3: not active, but scale-in is paused" };
  }
  if (!cooldownOver(input)) return { ...base, row: "I3: cooling down", active: "ScalerCooldown" };
  return {
    ...base,
    row: "I3: cooldown over",
    write: spec.idleReplicaCount ?? 0,
    event: "deactivated",
  };
}

/**
 * The gate to zero: strictly more than `cooldownPeriod` since the last poll that found the object active, which is
 * stored in whole seconds while now is not cut; for one that never was, `initialCooldownPeriod` since its creation.
 */
export function cooldownOver(
  input: Pick<KedaInput, "nowUs" | "epochUnixSeconds" | "spec" | "state" | "versions">,
): boolean {
  const { spec, state } = input;
  const sinceUs = (unixSeconds: number): number => input.nowUs - (unixSeconds - input.epochUnixSeconds) * 1e6;
  const { lastActiveUnixSeconds } = state.status;
  if (lastActiveUnixSeconds !== null) {
    return sinceUs(lastActiveUnixSeconds) > (spec.cooldownPeriod ?? DEFAULT_COOLDOWN_SECONDS) * 1e6;
  }
  if (!kedaAtLeast(input.versions, "2.14")) return true;
  return sinceUs(state.creationUnixSeconds) > (spec.initialCooldownPeriod ?? 0) * 1e6;
}
