/** Specs of a ScaledObject and an HPA as the API takes them, read from JSON and checked before anything acts on them. */
import { minReplicasOf } from "./hpa-spec.ts";
import { parseQuantity, quantityMilli } from "./quantity.ts";
import { scalerProblems } from "./scaled-object.ts";
import type { HpaBehavior, HpaMetric, HpaSpec, ScaledObjectSpec } from "./types.ts";
import { validateScaledObject } from "./validate.ts";

/** What is wrong, each with its field first: `maxReplicas: …`. */
export type Problems = { readonly problems: readonly string[] };

type Fields = { readonly [key: string]: unknown };
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isAbsent = (value: unknown): boolean => value === undefined || value === null;
const shown = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));

/** Collects: a field that is there must be of its type. */
class Shape {
  readonly problems: string[] = [];

  fail(field: string, message: string): void {
    this.problems.push(`${field}: ${message}`);
  }

  whole(object: Fields, at: string, ...names: readonly string[]): void {
    for (const name of names) {
      const value = object[name];
      if (!isAbsent(value) && !(Number.isInteger(value) && Math.abs(value as number) < 2 ** 31))
        this.fail(`${at}${name}`, `a whole number is wanted, found ${shown(value)}`);
    }
  }

  oneOf(object: Fields, at: string, name: string, words: readonly string[]): void {
    const value = object[name];
    if (!isAbsent(value) && !words.includes(value as string))
      this.fail(`${at}${name}`, `${words.join(" or ")} is wanted, found ${shown(value)}`);
  }

  /** The object in a field, empty where it is absent. */
  object(object: Fields, at: string, name: string): Fields {
    const value = object[name];
    if (isObject(value)) return value;
    if (!isAbsent(value)) this.fail(`${at}${name}`, `an object is wanted, found ${shown(value)}`);
    return {};
  }

  list(object: Fields, at: string, name: string): readonly unknown[] {
    const value = object[name];
    if (Array.isArray(value)) return value;
    if (!isAbsent(value)) this.fail(`${at}${name}`, `a list is wanted, found ${shown(value)}`);
    return [];
  }

  behavior(object: Fields, at: string, name: string): void {
    const behavior = this.object(object, at, name);
    for (const direction of ["scaleUp", "scaleDown"]) {
      const inside = `${at}${name}.${direction}.`;
      const rules = this.object(behavior, `${at}${name}.`, direction);
      this.whole(rules, inside, "stabilizationWindowSeconds");
      this.oneOf(rules, inside, "selectPolicy", ["Max", "Min", "Disabled"]);
      if (!isAbsent(rules["tolerance"])) this.quantity(rules, inside, "tolerance");
      this.list(rules, inside, "policies").forEach((policy, index) => {
        const here = `${inside}policies[${index}]`;
        if (!isObject(policy)) return this.fail(here, `an object is wanted, found ${shown(policy)}`);
        this.oneOf(policy, `${here}.`, "type", ["Pods", "Percent"]);
        for (const field of ["type", "value", "periodSeconds"])
          if (isAbsent(policy[field])) this.fail(`${here}.${field}`, "missing");
        this.whole(policy, `${here}.`, "value", "periodSeconds");
      });
    }
  }

  quantity(object: Fields, at: string, name: string): number {
    const value = object[name];
    if ((typeof value === "string" || typeof value === "number") && parseQuantity(value) !== null)
      return quantityMilli(value);
    this.fail(`${at}${name}`, `a quantity (2, "500m") is wanted, found ${shown(value)}`);
    return 0;
  }
}

/** A ScaledObject's spec that KEDA would take, or why it would not: bad types, or the webhook's own words. */
export function readScaledObjectSpec(value: unknown): { readonly spec: ScaledObjectSpec } | Problems {
  const shape = new Shape();
  if (!isObject(value)) return { problems: [`a spec is wanted, found ${shown(value)}`] };
  if (isObject(value["spec"]) && value["triggers"] === undefined)
    return { problems: ["the spec alone is wanted, found a whole object; give what stands under its spec"] };
  shape.whole(value, "", "pollingInterval", "cooldownPeriod", "initialCooldownPeriod");
  shape.whole(value, "", "idleReplicaCount", "minReplicaCount", "maxReplicaCount");
  shape.object(value, "", "scaleTargetRef");
  shape.whole(shape.object(value, "", "fallback"), "fallback.", "failureThreshold", "replicas");
  const advanced = shape.object(value, "", "advanced");
  const config = shape.object(advanced, "advanced.", "horizontalPodAutoscalerConfig");
  shape.behavior(config, "advanced.horizontalPodAutoscalerConfig.", "behavior");
  const modifiers = shape.object(advanced, "advanced.", "scalingModifiers");
  if (!isAbsent(modifiers["formula"]) && typeof modifiers["formula"] !== "string")
    shape.fail("advanced.scalingModifiers.formula", "a text is wanted");
  shape.list(value, "", "triggers").forEach((trigger, index) => {
    const at = `triggers[${index}]`;
    if (!isObject(trigger)) return shape.fail(at, `an object is wanted, found ${shown(trigger)}`);
    if (typeof trigger["type"] !== "string")
      shape.fail(`${at}.type`, `a text is wanted ("prometheus"), found ${shown(trigger["type"])}`);
    shape.object(trigger, `${at}.`, "metadata");
    shape.oneOf(trigger, `${at}.`, "metricType", ["AverageValue", "Value", "Utilization"]);
  });
  if (shape.problems.length > 0) return shape;
  // Every field that decides has been looked at; the others are carried and ignored.
  const spec = value as ScaledObjectSpec;
  const refused = validateScaledObject({ name: "trace", namespace: "default", spec })
    .filter(({ severity }) => severity === "reject")
    .map(({ message }) => message);
  const problems = [...refused, ...scalerProblems(spec)];
  return problems.length > 0 ? { problems } : { spec };
}

/** An autoscaling/v2 spec over External metrics. */
export function readHpaSpec(value: unknown): { readonly spec: HpaSpec } | Problems {
  const shape = new Shape();
  if (!isObject(value)) return { problems: [`a spec is wanted, found ${shown(value)}`] };
  if (isObject(value["spec"]) && value["maxReplicas"] === undefined)
    return { problems: ["the spec alone is wanted, found a whole object; give what stands under its spec"] };
  shape.whole(value, "", "minReplicas", "maxReplicas");
  if (isAbsent(value["maxReplicas"])) shape.fail("maxReplicas", "missing");
  shape.behavior(value, "", "behavior");
  const metrics = shape.list(value, "", "metrics").map((metric, index) => readMetric(shape, metric, index));
  if (metrics.length === 0)
    shape.fail(
      "metrics",
      "none; at least one of type External is wanted (the API's default, cpu, is not acted on)",
    );
  if (shape.problems.length > 0) return shape;
  const minReplicas = value["minReplicas"] as number | null | undefined;
  const spec: HpaSpec = {
    name: "hpa",
    maxReplicas: value["maxReplicas"] as number,
    metrics,
    ...(isAbsent(minReplicas) ? {} : { minReplicas: minReplicas! }),
    ...(isAbsent(value["behavior"]) ? {} : { behavior: value["behavior"] as HpaBehavior }),
  };
  if (spec.maxReplicas < 1) shape.fail("maxReplicas", `must be at least 1, found ${spec.maxReplicas}`);
  if (minReplicasOf(spec) < 0) shape.fail("minReplicas", `must be at least 0, found ${spec.minReplicas}`);
  if (minReplicasOf(spec) > spec.maxReplicas)
    shape.fail("minReplicas", `${minReplicasOf(spec)} is above maxReplicas ${spec.maxReplicas}`);
  return shape.problems.length > 0 ? shape : { spec };
}

function readMetric(shape: Shape, value: unknown, index: number): HpaMetric {
  const at = `metrics[${index}]`;
  const metric = isObject(value) ? value : {};
  if (metric["type"] !== "External")
    shape.fail(`${at}.type`, `External is wanted (no other is acted on), found ${shown(metric["type"])}`);
  const external = shape.object(metric, `${at}.`, "external");
  const named = shape.object(external, `${at}.external.`, "metric");
  const target = shape.object(external, `${at}.external.`, "target");
  const inside = `${at}.external.target.`;
  if (isAbsent(target["type"])) shape.fail(`${inside}type`, "missing; AverageValue or Value");
  shape.oneOf(target, inside, "type", ["AverageValue", "Value"]);
  const targetType = target["type"] === "Value" ? "Value" : "AverageValue";
  const targetMilli = shape.quantity(target, inside, targetType === "Value" ? "value" : "averageValue");
  const name = named["name"];
  return { name: typeof name === "string" ? name : `s${index}`, targetType, targetMilli };
}
