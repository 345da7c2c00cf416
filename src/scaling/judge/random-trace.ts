/** A course of events drawn from a seed: metrics, errors, writes from outside, edits of the spec. */
import type { Random } from "../../seed/seed.ts";
import type { TraceLine } from "../trace.ts";
import type {
  HpaBehavior,
  HpaPolicy,
  HpaScalingRules,
  Reading,
  ScaledObjectSpec,
  TriggerSpec,
} from "../types.ts";

const LAST_SECOND = 700;

export function randomTrace(random: Random): TraceLine[] {
  const one = <T>(...of: readonly T[]): T => of[random.below(of.length)]!;
  const often = (percent: number): boolean => random.below(100) < percent;
  const triggers = Array.from({ length: one(1, 1, 1, 2, 3) }, () => randomTrigger(one));
  // The loop of an object that stays above zero reuses what its HPA saw, so a trace is of one kind or of the other.
  const minimums = often(70) ? [undefined, 0] : [1, 2, 3];
  const behaves = one<"never" | "always" | "sometimes">("never", "always", "sometimes");
  const spec = (): ScaledObjectSpec => {
    const min = one(...minimums);
    const hasBehavior = behaves === "always" || (behaves === "sometimes" && often(50));
    return {
      ...(min === undefined ? {} : { minReplicaCount: min }),
      maxReplicaCount: Math.max(min ?? 1, 1) + random.below(10),
      cooldownPeriod: one(0, 30, 60, 300),
      pollingInterval: one(5, 10, 10, 30),
      triggers,
      ...(hasBehavior
        ? { advanced: { horizontalPodAutoscalerConfig: { behavior: randomBehavior(one, often) } } }
        : {}),
    };
  };
  const reading = (): Reading => {
    if (often(8)) return "error";
    if (often(5)) return "empty";
    return one<Reading>(0, 0, 0.5, 1, 2, 3.2, 4, 7, 10, 11, 13.75, 25, 1000, random.below(30_000) / 1000);
  };
  const metrics = (): readonly Reading[] => triggers.map(reading);
  const lines: TraceLine[] = [
    { tUs: 0, source: "0", scaledObject: spec(), replicas: one(0, 0, 1, 3, 7), metrics: metrics() },
  ];
  const changes = 3 + random.below(15);
  const times = Array.from({ length: changes }, () => random.below(LAST_SECOND * 1000) * 1000).sort(
    (a, b) => a - b,
  );
  for (const [index, tUs] of times.entries()) {
    lines.push({
      tUs,
      source: String(index + 1),
      metrics: metrics(),
      ...(often(12) ? { replicas: random.below(14) } : {}),
      ...(often(4) ? { statusReplicas: random.below(14) } : {}),
      ...(often(15) ? { scaledObject: spec() } : {}),
    });
  }
  lines.push({ tUs: LAST_SECOND * 1e6, source: "end" });
  return often(70) ? lines : withPasses(random, lines);
}

/** Instead of the usual rhythm: passes of either whenever it happens. */
function withPasses(random: Random, lines: readonly TraceLine[]): TraceLine[] {
  const passes = Array.from({ length: 60 }, (_, index): TraceLine => ({
    tUs: random.below(LAST_SECOND * 1000) * 1000,
    source: `pass ${index}`,
    pass: random.below(2) === 0 ? "keda" : "hpa",
  }));
  return [...lines, ...passes].sort((a, b) => a.tUs - b.tUs);
}

type One = <T>(...of: readonly T[]) => T;

function randomTrigger(one: One): TriggerSpec {
  const activationThreshold = one<string | undefined>(undefined, undefined, "0", "1", "5");
  const ignoreNullValues = one<string | undefined>(undefined, "false");
  return {
    type: "prometheus",
    metadata: {
      threshold: one("2", "2", "1", "0.5", "10"),
      ...(activationThreshold === undefined ? {} : { activationThreshold }),
      ...(ignoreNullValues === undefined ? {} : { ignoreNullValues }),
    },
  };
}

function randomBehavior(one: One, often: (percent: number) => boolean): HpaBehavior {
  const rules = (): HpaScalingRules => {
    const policy = (): HpaPolicy => ({
      type: one("Pods" as const, "Percent" as const),
      value: one(1, 2, 4, 10, 50, 100),
      periodSeconds: one(15, 30, 60, 300),
    });
    return {
      ...(often(50) ? { stabilizationWindowSeconds: one(0, 30, 60, 300, 600) } : {}),
      ...(often(30) ? { selectPolicy: one("Max" as const, "Min" as const, "Disabled" as const) } : {}),
      ...(often(50) ? { policies: often(60) ? [policy()] : [policy(), policy()] } : {}),
    };
  };
  return { ...(often(50) ? { scaleUp: rules() } : {}), ...(often(50) ? { scaleDown: rules() } : {}) };
}
