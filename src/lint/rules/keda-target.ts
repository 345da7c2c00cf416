/** Whom a ScaledObject scales, and who else does. */
import { validateScaledObject } from "../../scaling/validate.ts";
import type { ScaledObjectSpec, ValidationInput, Violation } from "../../scaling/types.ts";
import { numberAt, objectAt, textAt, textsAt } from "../../topology/json.ts";
import type { ScaledObject } from "../../topology/types.ts";
import { scaledObject, workload, yaml } from "../examples.ts";
import { containersOf, objectName, type Facts } from "../facts.ts";
import type { Path } from "../hash-rules.ts";
import { isSlip } from "../is-slip.ts";
import { place, report } from "../report.ts";
import type { Rule } from "../rule.ts";

const REF = ["spec", "scaleTargetRef"] as const;

const kindOmitted: Rule = {
  code: "LIMPET-K101",
  family: "keda",
  severity: "error",
  title: "scaleTargetRef without kind, target no Deployment",
  why: "kind defaults to Deployment. The object is admitted without a warning, then the Deployment is not found: no HPA, no scale loop, and the target stays at the size it has, for ever.",
  wrong: yaml(workload({ kind: "StatefulSet" }), scaledObject({ target: "{name: api}" })),
  right: yaml(
    workload({ kind: "StatefulSet" }),
    scaledObject({ target: "{apiVersion: apps/v1, kind: StatefulSet, name: api}" }),
  ),
  source:
    "kedacore/keda apis/keda/v1alpha1/gvkr.go, controllers/keda/scaledobject_controller.go (ScaledObjectCheckFailed)",
  check: (facts) =>
    facts.scaledObjects.flatMap((one) => {
      const meant = facts.meantBy(one);
      if (
        one.kindGiven ||
        meant === null ||
        meant.kind === "Deployment" ||
        meant.name !== one.scaleTargetRef.name
      )
        return [];
      return [
        report(
          one.manifest,
          [...REF, "kind"],
          `scaleTargetRef has no kind, which means Deployment ${meant.name}; what there is is ${meant.kind} ${meant.name} (${place(meant.manifest.at("metadata", "name"))}), and nothing ever scales it.`,
          `add kind: ${meant.kind} to scaleTargetRef`,
        ),
      ];
    }),
};

const wrongTarget: Rule = {
  code: "LIMPET-K102",
  family: "keda",
  severity: "error",
  title: "scaleTargetRef to a workload that is not there, and one nearly is",
  why: "A missing target is not refused at admission: the ScaledObject waits, Ready=False ScaledObjectCheckFailed, and nothing scales.",
  wrong: yaml(workload(), scaledObject({ target: "{kind: StatefulSet, name: api}" })),
  right: yaml(workload(), scaledObject({ target: "{kind: Deployment, name: api}" })),
  source: "kedacore/keda controllers/keda/scaledobject_controller.go",
  check: (facts) =>
    facts.scaledObjects.flatMap((one) => {
      const { kind, name } = one.scaleTargetRef;
      const here = facts.workloadsIn(one.namespace);
      if (here.some((workload) => workload.kind === kind && workload.name === name)) return [];
      const other = here.find((workload) => workload.name === name);
      if (other !== undefined)
        return one.kindGiven
          ? [
              report(
                one.manifest,
                [...REF, "kind"],
                `scaleTargetRef is ${kind} ${name}; what there is is ${other.kind} ${name} (${place(other.manifest.at("metadata", "name"))}), and nothing ever scales it.`,
                `set kind: ${other.kind}`,
              ),
            ]
          : [];
      const near = here.find((workload) => workload.kind === kind && isSlip(workload.name, name));
      if (near === undefined) return [];
      return [
        report(
          one.manifest,
          [...REF, "name"],
          `no ${kind} ${name} is in the input; there is ${near.name} (${place(near.manifest.at("metadata", "name"))}).`,
          `did you mean ${near.name}?`,
          "warning",
        ),
      ];
    }),
};

const replicasGiven: Rule = {
  code: "LIMPET-K107",
  family: "keda",
  severity: "warning",
  title: "replicas in the manifest of a workload that is scaled",
  why: "Every kubectl apply, Helm upgrade and GitOps sync sets the number back to the manifest's. With 0 all pods go while tenants are active, and the HPA pauses until KEDA's next poll.",
  wrong: yaml(workload({ spec: "replicas: 0" }), scaledObject()),
  right: yaml(workload(), scaledObject()),
  source: "kubernetes documentation, HorizontalPodAutoscaler; kedacore/keda 5572, 3052, 4578",
  check: (facts) =>
    facts.workloads.flatMap((workload) => {
      const scalers = [
        ...facts.scaledObjectsOf(workload).map(({ manifest }) => manifest),
        ...facts.hpasOf(workload),
      ];
      const [scaler] = scalers;
      if (workload.replicas === null || scaler === undefined) return [];
      return [
        report(
          workload.manifest,
          ["spec", "replicas"],
          `replicas is ${workload.replicas} here and ${objectName(scaler)} owns the number: every apply sets it back to ${workload.replicas}.`,
          "take replicas out of the manifest",
        ),
      ];
    }),
};

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
    others: beside.map(({ name, spec }) => ({ name, spec: spec as ScaledObjectSpec })),
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

const idleAboveZero: Rule = {
  code: "LIMPET-K114",
  family: "keda",
  severity: "warning",
  title: "idleReplicaCount other than 0",
  why: "The HPA lifts anything between 0 and its minimum back to the minimum at its next sync, KEDA takes it down again after the cooldown: a tug of war every few seconds. Only 0 switches the HPA off.",
  wrong: yaml(workload(), scaledObject({ spec: "minReplicaCount: 3\nidleReplicaCount: 1" })),
  right: yaml(workload(), scaledObject({ spec: "minReplicaCount: 3\nidleReplicaCount: 0" })),
  source: "kedacore/keda 2314, 2598",
  check: (facts) =>
    facts.scaledObjects.flatMap(({ manifest, spec, minReplicaCount }) => {
      const idle = numberAt(spec, "idleReplicaCount");
      if (idle === null || idle === 0 || idle >= minReplicaCount) return [];
      return [
        report(
          manifest,
          ["spec", "idleReplicaCount"],
          `idleReplicaCount is ${idle}: the HPA lifts ${idle} back to ${minReplicaCount} at its next sync, so the idle size never holds.`,
          "set idleReplicaCount: 0, or take it out",
        ),
      ];
    }),
};

const PAUSED = ["autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"] as const;

const paused: Rule = {
  code: "LIMPET-K122",
  family: "keda",
  severity: "warning",
  title: "ScaledObject that is paused in its manifest",
  why: 'The annotation stops the loop and deletes the HPA: the number of pods is frozen, and every apply freezes it again. paused-replicas pauses by being there, even beside paused: "false".',
  wrong: yaml(workload(), scaledObject({ annotations: '{autoscaling.keda.sh/paused: "true"}' })),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda controllers/keda/scaledobject_controller.go; keda-docs, Pause autoscaling",
  check: (facts) =>
    facts.scaledObjects.flatMap(({ manifest }) =>
      PAUSED.filter((key) => manifest.annotations[key] !== undefined)
        .filter((key) => key !== PAUSED[0] || manifest.annotations[key] !== "false")
        .map((key) =>
          report(
            manifest,
            ["metadata", "annotations", key],
            `annotation ${key} is ${JSON.stringify(manifest.annotations[key])}: nothing scales ${textAt(objectAt(manifest.body, "spec"), "scaleTargetRef", "name")}.`,
            "take the annotation out of the manifest",
          ),
        ),
    ),
};

export const TARGET_RULES: readonly Rule[] = [
  kindOmitted,
  wrongTarget,
  replicasGiven,
  twoScalers,
  refused,
  irrelevant,
  idleAboveZero,
  paused,
];
