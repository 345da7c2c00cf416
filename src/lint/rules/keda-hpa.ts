/** The half of scaling that a ScaledObject leaves to the HPA. */
import { at } from "../../topology/json.ts";
import { scaledObject, workload, yaml } from "../examples.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";

const BEHAVIOR = ["spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"] as const;
const behavior = (seconds: number): string =>
  `advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: ${seconds}}}}}`;

const noBehavior: Rule = {
  code: "LIMPET-K111",
  family: "keda",
  severity: "warning",
  title: "No behavior: cooldownPeriod is not the scale-in rule",
  why: "cooldownPeriod governs only the one step to zero. Between N and 1 the HPA decides, and without behavior by its older path: 300 s of stabilisation, at most the double or 4 per sync on the way up, and a high recommendation from before a drain scales one tenant up to 4 and 5 pods.",
  wrong: yaml(workload(), scaledObject({ spec: "cooldownPeriod: 60" })),
  right: yaml(workload(), scaledObject({ spec: `cooldownPeriod: 60\n${behavior(90)}` })),
  source:
    "kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go; kedacore/keda 6844, 5321; kubernetes/kubernetes 96671",
  check: (facts) =>
    facts.scaledObjects
      .filter(({ spec, maxReplicaCount }) => maxReplicaCount > 1 && at({ spec }, ...BEHAVIOR) === undefined)
      .map(({ manifest, spec, cooldownPeriodSeconds, minReplicaCount, maxReplicaCount }) => {
        const toZero =
          minReplicaCount > 0
            ? ""
            : `cooldownPeriod ${cooldownPeriodSeconds} s is only for the step to zero; `;
        return report(
          manifest,
          ["spec", at(spec, "cooldownPeriod") === undefined ? "maxReplicaCount" : "cooldownPeriod"],
          `${toZero}from ${maxReplicaCount} to ${Math.max(1, minReplicaCount)} the HPA decides, which has no behavior here: it waits 300 s and remembers old peaks.`,
          "set advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds",
        );
      }),
};

const thinnedFirst: Rule = {
  code: "LIMPET-K112",
  family: "keda",
  severity: "info",
  title: "A full drain is thinned by the HPA first",
  why: "With a scale-down window shorter than the cooldown the HPA takes N to 1 before KEDA takes the rest. Tenants that come back in between have been moved twice.",
  wrong: yaml(workload(), scaledObject({ spec: `cooldownPeriod: 120\n${behavior(30)}` })),
  right: yaml(workload(), scaledObject({ spec: `cooldownPeriod: 60\n${behavior(90)}` })),
  source:
    "kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go; kedacore/keda pkg/scaling/executor",
  check: (facts) =>
    facts.scaledObjects
      .filter(({ spec, minReplicaCount }) => minReplicaCount === 0 && at({ spec }, ...BEHAVIOR) !== undefined)
      .filter(
        (one) => one.maxReplicaCount > 1 && one.scaleDownStabilizationSeconds < one.cooldownPeriodSeconds,
      )
      .map((one) =>
        report(
          one.manifest,
          [...BEHAVIOR, "scaleDown", "stabilizationWindowSeconds"],
          `the HPA's scale-down window of ${one.scaleDownStabilizationSeconds} s ends before the cooldown of ${one.cooldownPeriodSeconds} s: a drain goes to 1 first and to zero later.`,
          `make the window longer than cooldownPeriod, e.g. ${one.cooldownPeriodSeconds + 30}`,
        ),
      ),
};

export const HPA_RULES: readonly Rule[] = [noBehavior, thinnedFirst];
