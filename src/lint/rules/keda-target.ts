/** Whom a ScaledObject scales, and who else does. */
import { numberAt, objectAt, textAt } from "../../topology/json.ts";
import { scaledObject, workload, yaml } from "../examples.ts";
import { objectName } from "../facts.ts";
import { isSlip } from "../is-slip.ts";
import { fixedBy, place, report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { removing, setting } from "../fix.ts";

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
  fix: "adds the kind of the workload of that name",
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
        fixedBy(
          report(
            one.manifest,
            [...REF, "kind"],
            `scaleTargetRef has no kind, which means Deployment ${meant.name}; what there is is ${meant.kind} ${meant.name} (${place(meant.manifest.at("metadata", "name"))}), and nothing ever scales it.`,
            `add kind: ${meant.kind} to scaleTargetRef`,
          ),
          setting(one.manifest, [...REF, "kind"], meant.kind),
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
  fix: "sets the kind to that of the workload of that name; a name that differs is left to you",
  check: (facts) =>
    facts.scaledObjects.flatMap((one) => {
      const { kind, name } = one.scaleTargetRef;
      const here = facts.workloadsIn(one.namespace);
      const other = facts.meantBy(one);
      if (other?.kind === kind) return [];
      if (other !== null)
        return one.kindGiven
          ? [
              fixedBy(
                report(
                  one.manifest,
                  [...REF, "kind"],
                  `scaleTargetRef is ${kind} ${name}; what there is is ${other.kind} ${name} (${place(other.manifest.at("metadata", "name"))}), and nothing ever scales it.`,
                  `set kind: ${other.kind}`,
                ),
                setting(one.manifest, [...REF, "kind"], other.kind),
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
  fix: "takes replicas out. Where an earlier kubectl apply has set the field, the first apply without it sets 1, once",
  check: (facts) =>
    facts.workloads.flatMap((workload) => {
      const scalers = [
        ...facts.scaledObjectsOf(workload).map(({ manifest }) => manifest),
        ...facts.hpasOf(workload),
      ];
      const [scaler] = scalers;
      if (workload.replicas === null || scaler === undefined) return [];
      return [
        fixedBy(
          report(
            workload.manifest,
            ["spec", "replicas"],
            `replicas is ${workload.replicas} here and ${objectName(scaler)} owns the number: every apply sets it back to ${workload.replicas}.`,
            "take replicas out of the manifest",
          ),
          removing(workload.manifest, ["spec", "replicas"]),
        ),
      ];
    }),
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

export const TARGET_RULES: readonly Rule[] = [kindOmitted, wrongTarget, replicasGiven, idleAboveZero, paused];
