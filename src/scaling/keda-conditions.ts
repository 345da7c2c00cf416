/** The conditions of a ScaledObject, in KEDA's own words. */
import type { Condition, KedaConditions } from "./types.ts";

const MESSAGES: Readonly<Record<string, string>> = {
  ScaledObjectReady: "ScaledObject is defined correctly and is ready for scaling",
  ScalerActive: "Scaling is performed because triggers are active",
  ScalerCooldown: "Scaler cooling down because triggers are not active",
  ScalerNotActive: "Scaling is not performed because triggers are not active",
  TriggerError: "Triggers defined in ScaledObject are not working correctly",
  PartialTriggerError: "Some triggers defined in ScaledObject are not working correctly",
  NoFallbackFound: "No fallbacks are active on this scaled object",
  FallbackExists: "At least one trigger is falling back on this scaled object",
  ScaledObjectPaused: "ScaledObject is paused",
  ScaledObjectUnpaused: "pause annotation removed for ScaledObject",
  HPAActive: "HPA is active",
};

export const UNKNOWN: Condition = { status: "Unknown", reason: "", message: "" };

export function condition(
  status: Condition["status"],
  reason: string,
  message: string = MESSAGES[reason] ?? "",
): Condition {
  return { status, reason, message };
}

/** A new object's: nothing is known before the first check. */
export const initialConditions = (): KedaConditions => ({
  Ready: UNKNOWN,
  Active: UNKNOWN,
  Fallback: UNKNOWN,
  HPAActive: null,
  Paused: UNKNOWN,
});

/** What a ScaledObject shows whose target does not exist: no HPA, no loop, only retries with back-off. */
export const checkFailedConditions = (message: string): KedaConditions => ({
  Ready: condition("False", "ScaledObjectCheckFailed", message),
  Active: condition("Unknown", "UnknownState", "ScaledObject check failed"),
  Fallback: condition("False", "NoFallbackFound"),
  HPAActive: null,
  Paused: UNKNOWN,
});
