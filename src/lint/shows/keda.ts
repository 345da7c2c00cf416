/** Demonstrations of the KEDA rules. */
import type { Code } from "../rule.ts";
import { AT_ZERO, BEHAVIOR, GAUGE, METADATA, SCALER, TRIGGER, query, wake } from "./parts.ts";
import type { Show } from "./show.ts";

export const KEDA_SHOWS: Readonly<Record<Code, Show>> = {
  "LIMPET-K101": wake({ object: SCALER, at: ["spec", "scaleTargetRef", "kind"] }),
  "LIMPET-K102": wake({ object: SCALER, at: ["spec", "scaleTargetRef", "kind"], value: "Deployment" }),
  "LIMPET-K104": {
    ...wake(
      { object: SCALER, at: [...METADATA, "threshold"] },
      { object: SCALER, at: [...METADATA, "threshhold"], value: "2" },
    ),
    given: [AT_ZERO],
  },
  "LIMPET-K105": {
    scenario: "lapse",
    check: "first response",
    changes: [{ object: SCALER, at: [...METADATA, "ignoreNullValues"] }],
    given: [{ object: SCALER, at: ["spec", "cooldownPeriod"], value: 15 }],
  },
  "LIMPET-K106": {
    scenario: "away",
    check: "requests answered",
    changes: [{ object: SCALER, at: ["spec", "fallback"] }],
  },
  "LIMPET-K108": {
    ...wake(),
    objects: `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: a-second, namespace: percolate-test}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: test-api-small}
  triggers:
  - type: prometheus
    metadata: {serverAddress: "http://prometheus.percolate-test.svc.cluster.local:9090", threshold: "2", query: vector(0)}
`,
  },
  "LIMPET-K109": wake({
    object: SCALER,
    at: [...BEHAVIOR, "scaleDown", "stabilizationWindowSeconds"],
    value: 7200,
  }),
  "LIMPET-K110": wake({ object: SCALER, at: [...METADATA, "activationThreshold"], value: "5" }),
  "LIMPET-K111": {
    scenario: "grow",
    check: "leavers' last answer to the HPA's write",
    changes: [{ object: SCALER, at: ["spec", "advanced"] }],
  },
  "LIMPET-K112": {
    scenario: "return",
    check: "pods",
    changes: [
      {
        object: SCALER,
        at: [...BEHAVIOR, "scaleDown", "stabilizationWindowSeconds"],
        value: 10,
      },
    ],
  },
  "LIMPET-K115": {
    scenario: "grow",
    check: "pods",
    changes: [{ object: SCALER, at: [...TRIGGER, "metricType"], value: "Value" }],
  },
  "LIMPET-K116": wake(query(`scalar(${GAUGE})`)),
  "LIMPET-K117": {
    scenario: "replicas",
    check: "pods",
    changes: [query('test_active_tenants{tier="small"}')],
  },
  "LIMPET-K118": {
    ...wake({ object: SCALER, at: [...METADATA, "threshold"], value: "two" }),
    given: [AT_ZERO],
  },
  "LIMPET-K119": {
    scenario: "blind",
    check: "first response",
    changes: [{ object: SCALER, at: ["spec", "fallback", "replicas"], value: 0 }],
    given: [{ object: SCALER, at: ["spec", "cooldownPeriod"], value: 15 }],
  },
  "LIMPET-K122": wake({
    object: SCALER,
    at: ["metadata", "annotations"],
    value: { "autoscaling.keda.sh/paused": "true" },
  }),
  "LIMPET-K123": {
    scenario: "apart",
    check: "writes to the other tiers",
    tiers: "all",
    changes: [
      {
        object: "ScaledObject test-api-medium-scaler",
        at: [...METADATA, "query"],
        value: GAUGE,
      },
    ],
  },
  "LIMPET-K124": wake(query('max(test_active_tenants{tier="small")')),
  "LIMPET-K125": { scenario: "down", check: "last answer to replicas 0", changes: [query(`${GAUGE} > 0`)] },
};
