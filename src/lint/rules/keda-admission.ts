/** What KEDA's webhook and the API server say to a ScaledObject. */
import { validateScaledObject } from "../../scaling/validate.ts";
import type { ValidationInput, Violation } from "../../scaling/types.ts";
import { textAt, textsAt } from "../../topology/json.ts";
import type { ScaledObject } from "../../topology/types.ts";
import { scaledObject, workload, yaml } from "../examples.ts";
import { containersOf, type Facts } from "../facts.ts";
import type { Path } from "../hash-rules.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";

const REF = ["spec", "scaleTargetRef"] as const;

type Rivals = ReadonlyMap<string, readonly ScaledObject[]>;

/** Whom a ScaledObject can be at odds with: those of the same target, or of the same HPA. */
const rivalKeys = ({ namespace, name, spec, scaleTargetRef }: ScaledObject): readonly string[] => [
  `target ${namespace}/${scaleTargetRef.name}`,
  `hpa ${namespace}/${textAt(spec, "advanced", "horizontalPodAutoscalerConfig", "name") ?? `keda-hpa-${name}`}`,
];

/** The object as KEDA's webhook sees it, with what the input knows of its neighbours. */
function admission(facts: Facts, one: ScaledObject, rivals: Rivals): readonly Violation[] {
  const target = facts.meantBy(one);
  const beside = [...new Set(rivalKeys(one).flatMap((key) => rivals.get(key) ?? []))];
  const targetHpas = target === null ? [] : facts.hpasOf(target);
  const limits = facts
    .of("", "LimitRange")
    .filter(({ namespace }) => namespace === one.namespace)
    .flatMap(({ body }) => JSON.stringify(body));
  const input: ValidationInput = {
    name: one.name,
    namespace: one.namespace,
    spec: one.spec,
    annotations: one.manifest.annotations,
    others: beside.map(({ name, spec }) => ({ name, spec })),
    hpas: targetHpas.map(({ name, annotations, body }) => ({
      name,
      annotations,
      owner: null,
      scaleTargetRef: {
        kind: textAt(body, "spec", "scaleTargetRef", "kind") ?? "",
        name: textAt(body, "spec", "scaleTargetRef", "name") ?? "",
        apiVersion: textAt(body, "spec", "scaleTargetRef", "apiVersion") ?? "apps/v1",
      },
    })),
    limitRangeDefaults: ["cpu", "memory"].filter((resource) =>
      limits.some((text) => text.includes(`"${resource}"`)),
    ),
    ...(target === null
      ? {}
      : {
          containers: containersOf(target.manifest).map((container) => ({
            name: textAt(container, "name") ?? "",
            requests: textsAt(container, "resources", "requests"),
            limits: textsAt(container, "resources", "limits"),
          })),
        }),
  };
  return validateScaledObject(input);
}

const known = new WeakMap<Facts, ReadonlyMap<ScaledObject, readonly Violation[]>>();

function admissions(facts: Facts): ReadonlyMap<ScaledObject, readonly Violation[]> {
  const before = known.get(facts);
  if (before !== undefined) return before;
  const rivals = new Map<string, ScaledObject[]>();
  for (const one of facts.scaledObjects)
    for (const key of rivalKeys(one)) rivals.set(key, [...(rivals.get(key) ?? []), one]);
  const found = new Map(facts.scaledObjects.map((one) => [one, admission(facts, one, rivals)]));
  known.set(facts, found);
  return found;
}

const OWNERSHIP = ["target-taken", "hpa-taken", "foreign-hpa"];

const violations = (
  facts: Facts,
  wanted: (violation: Violation) => boolean,
  at: (one: ScaledObject, rule: string, message: string) => Path,
  remedy: string,
) =>
  [...admissions(facts)].flatMap(([one, found]) =>
    found
      .filter(wanted)
      .map(({ rule, message }) =>
        report(one.manifest, at(one, rule, message), `${message.replace(/\.$/, "")}.`, remedy),
      ),
  );

const twoScalers: Rule = {
  code: "LIMPET-K108",
  family: "keda",
  severity: "error",
  title: "Two scalers on one target",
  why: "KEDA's webhook refuses a second ScaledObject, or one beside an HPA, on the same workload. Past a dead webhook both are there and write the number in turns.",
  wrong: yaml(workload(), scaledObject(), scaledObject({ name: "api-cpu" })),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go",
  check: (facts) =>
    violations(
      facts,
      ({ rule, severity }) => severity === "reject" && OWNERSHIP.includes(rule),
      () => [...REF, "name"],
      "put all triggers into one ScaledObject, and take the other scaler out",
    ),
};

const WHERE: Readonly<Record<string, Path>> = {
  "min-above-max": ["spec", "minReplicaCount"],
  "idle-not-below-min": ["spec", "idleReplicaCount"],
  "fallback-negative": ["spec", "fallback"],
  "fallback-resources": ["spec", "fallback"],
  "fallback-formula": ["spec", "fallback", "behavior"],
  "scaling-modifiers": ["spec", "advanced", "scalingModifiers"],
  "stabilization-window": ["spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"],
  "name-length": ["metadata", "name"],
};

const placeOf = (_: ScaledObject, rule: string, message: string): Path => {
  const field = /spec\.(\w+)/.exec(message)?.[1];
  return WHERE[rule] ?? (field === undefined ? ["spec", "triggers"] : ["spec", field]);
};

const refused: Rule = {
  code: "LIMPET-K109",
  family: "keda",
  severity: "error",
  title: "ScaledObject that admission refuses",
  why: "KEDA's webhook or the API server's schema refuses it: kubectl apply fails. If the webhook is away the object is admitted and ends Ready=False ScaledObjectCheckFailed.",
  wrong: yaml(workload(), scaledObject({ spec: "minReplicaCount: 5\nmaxReplicaCount: 3" })),
  right: yaml(workload(), scaledObject({ spec: "minReplicaCount: 3\nmaxReplicaCount: 5" })),
  source: "kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go, scaledobject_types.go",
  check: (facts) =>
    violations(
      facts,
      ({ rule, severity }) => severity === "reject" && !OWNERSHIP.includes(rule),
      placeOf,
      "correct it as the message says; KEDA uses these words",
    ),
};

const irrelevant: Rule = {
  code: "LIMPET-K113",
  family: "keda",
  severity: "info",
  title: "A setting of the loop that the loop does not use",
  why: "With minReplicaCount above 0 and no idle mode KEDA's loop never scales: pollingInterval and cooldownPeriod look as if they did something and do not.",
  wrong: yaml(workload(), scaledObject({ spec: "minReplicaCount: 2\ncooldownPeriod: 60" })),
  right: yaml(workload(), scaledObject({ spec: "minReplicaCount: 2" })),
  source: "kedacore/keda apis/keda/v1alpha1/scaledobject_webhook.go (warning since 2.20)",
  check: (facts) =>
    violations(
      facts,
      ({ severity }) => severity === "warning",
      placeOf,
      "take it out; the HPA's behavior is what counts",
    ),
};

export const ADMISSION_RULES: readonly Rule[] = [twoScalers, refused, irrelevant];
