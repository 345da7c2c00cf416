/**
 * What KEDA's admission webhook and the API server say to a ScaledObject. A missing target is *not* among it: such an
 * object is admitted and then waits for ever.
 *
 * @see kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, scaledobject_types.go, scalingmodifiers
 */
import { foreignOwnerRules, sameTargetRules } from "./validate-owners.ts";
import { formulaNames } from "./formula.ts";
import { quantityFloat } from "./quantity.ts";
import { isResourceTrigger, metadataText, scalingModifiersOf, withoutNulls } from "./scaled-object.ts";
import { kedaAtLeast } from "./versions.ts";
import type { ScaledObjectSpec, TriggerSpec, ValidationInput, Violation } from "./types.ts";

const DEFAULT_MAX_REPLICAS = 100;
const MAX_NAME_LENGTH = 63;
const MAX_WINDOW_SECONDS = 3600;

/** Everything that is wrong, in the order in which KEDA looks; empty: admitted without a warning. */
export function validateScaledObject(input: ValidationInput): readonly Violation[] {
  const stored = { ...input, spec: withoutNulls(input.spec) };
  return RULES.flatMap((rule) => rule(stored));
}

type Rule = (input: ValidationInput) => readonly Violation[];

const reject = (rule: string, message: string): Violation => ({ rule, message, severity: "reject" });

const triggersOf = ({ spec }: Pick<ValidationInput, "spec">): readonly TriggerSpec[] => spec.triggers ?? [];

/** 0 where minReplicaCount is absent, else at least 1: so an explicit 0 counts as 1. */
const effectiveMin = (spec: ScaledObjectSpec): number =>
  spec.minReplicaCount === undefined ? 0 : Math.max(spec.minReplicaCount, 1);

function boundsRule({ spec }: ValidationInput): readonly Violation[] {
  const min = effectiveMin(spec);
  const max = spec.maxReplicaCount ?? DEFAULT_MAX_REPLICAS;
  const idle = spec.idleReplicaCount;
  return [
    ...(min > max
      ? [reject("min-above-max", `MinReplicaCount=${min} must be less than MaxReplicaCount=${max}`)]
      : []),
    ...(idle !== undefined && idle >= min
      ? [reject("idle-not-below-min", `IdleReplicaCount=${idle} must be less than MinReplicaCount=${min}`)]
      : []),
  ];
}

function schemaRule({ spec, versions }: ValidationInput): readonly Violation[] {
  if (!kedaAtLeast(versions, "2.20")) return [];
  const lowest = [
    ["pollingInterval", 1],
    ["cooldownPeriod", 0],
    ["idleReplicaCount", 0],
    ["minReplicaCount", 0],
    ["maxReplicaCount", 1],
  ] as const;
  const tooLow = lowest.flatMap(([field, least]) => {
    const value = spec[field];
    return value !== undefined && value < least
      ? [reject("schema", `spec.${field}: Invalid value: ${value}: must be at least ${least}`)]
      : [];
  });
  const { minReplicaCount: min, maxReplicaCount: max } = spec;
  return min !== undefined && max !== undefined && min > max
    ? [...tooLow, reject("schema", `spec: minReplicaCount ${min} must not be above maxReplicaCount ${max}`)]
    : tooLow;
}

function windowRule({ spec }: ValidationInput): readonly Violation[] {
  const behavior = spec.advanced?.horizontalPodAutoscalerConfig?.behavior;
  return (["scaleUp", "scaleDown"] as const).flatMap((direction) => {
    const seconds = behavior?.[direction]?.stabilizationWindowSeconds ?? 0;
    return seconds >= 0 && seconds <= MAX_WINDOW_SECONDS
      ? []
      : [
          reject(
            "stabilization-window",
            `behavior.${direction}.stabilizationWindowSeconds: ${seconds} must be 0 to ${MAX_WINDOW_SECONDS}`,
          ),
        ];
  });
}

function triggersRule(input: ValidationInput): readonly Violation[] {
  const triggers = triggersOf(input);
  if (triggers.length === 0) return [reject("no-triggers", "no triggers defined in the ScaledObject")];
  const seen = new Set<string>();
  return triggers.flatMap(({ name, type, useCachedMetrics }) => {
    const found: Violation[] = [];
    if (name !== undefined && name !== "") {
      if (seen.has(name)) {
        found.push(reject("duplicate-trigger-name", `triggerName "${name}" is defined multiple times`));
      }
      seen.add(name);
    }
    if (useCachedMetrics === true && ["cpu", "memory", "cron"].includes(type)) {
      found.push(
        reject("cached-metrics", `property "useCachedMetrics" is not supported for "${type}" scaler`),
      );
    }
    return found;
  });
}

const hasOnlyResources = (input: ValidationInput): boolean =>
  triggersOf(input).length > 0 && triggersOf(input).every(isResourceTrigger);

function resourceTriggersRule(input: ValidationInput): readonly Violation[] {
  if (input.dryRun === true) return [];
  const found: Violation[] = [];
  if (hasOnlyResources(input) && (input.spec.minReplicaCount ?? 0) === 0) {
    found.push(
      reject(
        "scale-to-zero-on-resources",
        "ScaledObject has only cpu/memory triggers and minReplica is 0: scale to zero does not work then",
      ),
    );
  }
  for (const trigger of triggersOf(input).filter(isResourceTrigger)) {
    found.push(...missingResources(input, trigger));
  }
  return found;
}

/** A limit alone is enough to pass, and so is a default of the namespace's LimitRange. */
function missingResources(input: ValidationInput, trigger: TriggerSpec): readonly Violation[] {
  const resource = trigger.type;
  if (input.containers === undefined || input.limitRangeDefaults?.includes(resource) === true) return [];
  const only = metadataText(trigger, "containerName");
  const isPositive = (text: string | undefined): boolean =>
    text !== undefined && (quantityFloat(text) ?? 0) > 0;
  return input.containers
    .filter(({ name }) => only === undefined || name === only)
    .filter(({ requests, limits }) => !isPositive(requests?.[resource]) && !isPositive(limits?.[resource]))
    .map(({ name }) =>
      reject(
        "missing-resources",
        `the scaledobject has a ${resource} trigger but the container ${name} doesn't have the ${resource} request defined`,
      ),
    );
}

function scalingModifiersRule({ spec, ...input }: ValidationInput): readonly Violation[] {
  const given = spec.advanced?.scalingModifiers;
  const modifiers = scalingModifiersOf(spec);
  if (modifiers === null) {
    return given?.target === undefined
      ? []
      : [reject("scaling-modifiers", "scalingModifiers: target is given without a formula")];
  }
  const found: Violation[] = [];
  const target = modifiers.target === undefined ? null : quantityFloat(modifiers.target);
  if (target === null) found.push(reject("scaling-modifiers", "scalingModifiers: target is mandatory"));
  else if (target <= 0) {
    found.push(reject("scaling-modifiers", `scalingModifiers: target ${target} must be above 0`));
  }
  if (modifiers.metricType === "Utilization") {
    found.push(
      reject(
        "scaling-modifiers",
        "scalingModifiers: metricType must be AverageValue or Value, not Utilization",
      ),
    );
  }
  const names = formulaNames(modifiers.formula!);
  const known = new Set(triggersOf({ spec, ...input }).map(({ name }) => name));
  if (names === null) {
    found.push(
      reject("scaling-modifiers", `scalingModifiers: cannot compile formula "${modifiers.formula}"`),
    );
  }
  for (const name of names ?? []) {
    if (known.has(name)) continue;
    found.push(
      reject("scaling-modifiers", `scalingModifiers: formula uses "${name}", which no trigger is named`),
    );
  }
  return found;
}

function fallbackRule(input: ValidationInput): readonly Violation[] {
  const { spec, versions } = input;
  const { fallback } = spec;
  if (fallback === undefined || !kedaAtLeast(versions, "2.14")) return [];
  const found: Violation[] = [];
  const { failureThreshold = 0, replicas = 0 } = fallback;
  if (failureThreshold < 0 || replicas < 0) {
    found.push(
      reject(
        "fallback-negative",
        `FailureThreshold=${failureThreshold} & Replicas=${replicas} must both be greater than or equal to 0`,
      ),
    );
  }
  if (hasOnlyResources(input)) {
    found.push(
      reject(
        "fallback-resources",
        "fallback is not supported for ScaledObjects with only cpu/memory triggers",
      ),
    );
  }
  const usesFormula = kedaAtLeast(versions, "2.20") && fallback.behavior === "scalingModifiers";
  if (usesFormula && scalingModifiersOf(spec) === null) {
    found.push(
      reject("fallback-formula", "fallback.behavior scalingModifiers needs a scalingModifiers.formula"),
    );
  }
  return found;
}

function nameRule({ name, spec, versions }: ValidationInput): readonly Violation[] {
  if (!kedaAtLeast(versions, "2.20")) return [];
  const hpaName = spec.advanced?.horizontalPodAutoscalerConfig?.name ?? `keda-hpa-${name}`;
  return [
    ...(name.length > MAX_NAME_LENGTH
      ? [reject("name-length", `the name "${name}" is longer than ${MAX_NAME_LENGTH}`)]
      : []),
    ...(hpaName.length > MAX_NAME_LENGTH
      ? [reject("name-length", `the HPA's name "${hpaName}" is longer than ${MAX_NAME_LENGTH}`)]
      : []),
  ];
}

/** Settings of the loop on an object that its loop never scales. */
function irrelevantRule(input: ValidationInput): readonly Violation[] {
  const { spec, versions } = input;
  if (!kedaAtLeast(versions, "2.20")) return [];
  if ((spec.minReplicaCount ?? 0) === 0 || spec.idleReplicaCount !== undefined) return [];
  const warning = (field: string): Violation => ({
    rule: "irrelevant-setting",
    message: `spec.${field} has no effect: minReplicaCount is above 0 and idleReplicaCount is not set`,
    severity: "warning",
  });
  const cached = triggersOf(input).some(({ useCachedMetrics }) => useCachedMetrics === true);
  return [
    ...(spec.pollingInterval !== undefined && !cached ? [warning("pollingInterval")] : []),
    ...(spec.cooldownPeriod !== undefined ? [warning("cooldownPeriod")] : []),
  ];
}

const RULES: readonly Rule[] = [
  schemaRule,
  windowRule,
  triggersRule,
  boundsRule,
  resourceTriggersRule,
  sameTargetRules,
  foreignOwnerRules,
  scalingModifiersRule,
  fallbackRule,
  nameRule,
  irrelevantRule,
];
