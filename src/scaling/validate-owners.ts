/** Admission rules about who else scales the same target. */
import { truthyAnnotation } from "./annotations.ts";
import { kedaAtLeast } from "./versions.ts";
import type { ScaledObjectSpec, ValidationInput, Violation } from "./types.ts";

const TRANSFER = "scaledobject.keda.sh/transfer-hpa-ownership";
const OWNERSHIP = "validations.keda.sh/hpa-ownership";

type TargetRef = { readonly apiVersion?: string; readonly kind?: string; readonly name?: string };

/** `apps/v1.StatefulSet`; kind and version default to an apps/v1 Deployment. */
const kindOf = (ref: TargetRef | undefined): string =>
  `${ref?.apiVersion ?? "apps/v1"}.${ref?.kind ?? "Deployment"}`;

const isSameTarget = (a: TargetRef | undefined, b: TargetRef | undefined): boolean =>
  kindOf(a) === kindOf(b) && a?.name === b?.name;

const hpaNameOf = (name: string, spec: ScaledObjectSpec): string =>
  spec.advanced?.horizontalPodAutoscalerConfig?.name ?? `keda-hpa-${name}`;

/** Two ScaledObjects on one target, or with one HPA. */
export function sameTargetRules(input: ValidationInput): readonly Violation[] {
  const { spec, name } = input;
  return (input.others ?? [])
    .filter((other) => other.name !== name)
    .flatMap((other): Violation[] => {
      if (isSameTarget(spec.scaleTargetRef, other.spec.scaleTargetRef)) {
        const target = `the workload '${spec.scaleTargetRef?.name}' of type '${kindOf(spec.scaleTargetRef)}'`;
        const message = `${target} is already managed by the ScaledObject '${other.name}'`;
        return [{ rule: "target-taken", message, severity: "reject" }];
      }
      const hpaName = hpaNameOf(name, spec);
      if (kedaAtLeast(input.versions, "2.16") && hpaName === hpaNameOf(other.name, other.spec)) {
        const message = `the HPA '${hpaName}' is already managed by the ScaledObject '${other.name}'`;
        return [{ rule: "hpa-taken", message, severity: "reject" }];
      }
      return [];
    });
}

/** An HPA that is not this object's on the same target, unless one side gives way. */
export function foreignOwnerRules(input: ValidationInput): readonly Violation[] {
  const { spec } = input;
  const named = spec.advanced?.horizontalPodAutoscalerConfig?.name;
  const takesOver = truthyAnnotation(input.annotations ?? {}, TRANSFER);
  return (input.hpas ?? [])
    .filter((hpa) => hpa.owner !== input.name && isSameTarget(spec.scaleTargetRef, hpa.scaleTargetRef))
    .filter((hpa) => hpa.annotations?.[OWNERSHIP] !== "false" && !(takesOver && named === hpa.name))
    .map((hpa) => {
      const target = `the workload '${spec.scaleTargetRef?.name}' of type '${kindOf(spec.scaleTargetRef)}'`;
      return {
        rule: "foreign-hpa",
        message: `${target} is already managed by the hpa '${hpa.name}'`,
        severity: "reject",
      };
    });
}
