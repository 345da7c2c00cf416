/** Demonstrations of timing, workloads, metrics and fields. */
import type { Code } from "../rule.ts";
import {
  CONTAINER,
  GATEWAY,
  GRACE,
  METADATA,
  PODS,
  SCALER,
  SERVICE,
  WORKING,
  query,
  restart,
  wake,
} from "./parts.ts";
import type { Show } from "./show.ts";

export const OTHERS_SHOWS: Readonly<Record<Code, Show>> = {
  "LIMPET-T101": wake(
    { object: SCALER, at: ["spec", "pollingInterval"], value: 30 },
    { object: GATEWAY, at: [...CONTAINER, "env", "-"], value: { name: "HOLD_SECONDS", value: "20" } },
  ),
  "LIMPET-T102": {
    scenario: "down",
    check: "last answer to replicas 0",
    changes: [{ object: SCALER, at: ["spec", "cooldownPeriod"], value: 300 }],
  },
  "LIMPET-T103": wake({
    object: "ConfigMap prometheus",
    at: ["data", "prometheus.yml"],
    value: "scrape_configs:\n- job_name: pods\n",
  }),
  "LIMPET-T104": wake({
    object: "ConfigMap prometheus",
    at: ["data", "prometheus.yml"],
    value: "global: {scrape_interval: 30s}\nscrape_configs:\n- job_name: pods\n",
  }),
  "LIMPET-T105": wake({ object: SCALER, at: ["spec", "pollingInterval"] }),
  "LIMPET-T106": {
    scenario: "lapse",
    check: "first response",
    changes: [{ object: SCALER, at: ["spec", "cooldownPeriod"], value: 10 }],
    given: [{ object: SCALER, at: [...METADATA, "ignoreNullValues"] }],
  },
  "LIMPET-T107": wake(query('sum(rate(test_requests_total{tier="small"}[4s])) or vector(0)')),
  "LIMPET-T108": wake({
    object: PODS,
    at: [...CONTAINER, "readinessProbe", "initialDelaySeconds"],
    value: 20,
  }),
  "LIMPET-T112": {
    scenario: "leave",
    check: "requests lost",
    changes: [{ object: PODS, at: GRACE, value: 4 }],
    given: [WORKING],
  },
  "LIMPET-W101": {
    ...restart({ object: PODS, at: [...CONTAINER, "readinessProbe"] }),
    given: [{ object: PODS, at: [...CONTAINER, "startupProbe"] }],
  },
  "LIMPET-W102": {
    scenario: "grow",
    check: "pods",
    changes: [{ object: PODS, at: ["spec", "podManagementPolicy"] }],
    given: [{ object: PODS, at: [...CONTAINER, "readinessProbe", "initialDelaySeconds"], value: 20 }],
  },
  "LIMPET-W106": {
    scenario: "leave",
    check: "requests lost",
    changes: [{ object: PODS, at: GRACE, value: 3 }],
    given: [WORKING],
  },
  "LIMPET-W107": {
    scenario: "leave",
    check: "requests lost",
    changes: [{ object: PODS, at: GRACE, value: 0 }],
    given: [WORKING],
  },
  "LIMPET-W110": wake({ object: SERVICE, at: ["spec", "selector", "tier"], value: "smal" }),
  "LIMPET-W111": wake({ object: SERVICE, at: ["spec", "ports", 0, "targetPort"], value: "web" }),
  "LIMPET-W112": wake({
    object: PODS,
    at: [...CONTAINER, "readinessProbe", "httpGet", "port"],
    value: "web",
  }),
  "LIMPET-W114": {
    ...wake({ object: PODS, at: [...CONTAINER, "startupProbe"] }),
    slow: true,
    given: [{ object: PODS, at: [...CONTAINER, "livenessProbe", "periodSeconds"], value: 2 }],
  },
  "LIMPET-M102": wake({
    object: GATEWAY,
    at: ["spec", "template", "metadata", "annotations", "prometheus.io/port"],
    value: "9090",
  }),
  "LIMPET-M103": wake(query('max by (tier) (test_active_tenant{tier="small"})')),
  "LIMPET-M105": {
    scenario: "replicas",
    check: "pods",
    changes: [query('sum(test_active_tenants{tier="small"})')],
    given: [{ object: GATEWAY, at: ["spec", "replicas"], value: 2 }],
  },
  "LIMPET-M106": {
    scenario: "down",
    check: "last answer to replicas 0",
    changes: [query('sum(test_requests_total{tier="small"}) or vector(0)')],
  },
  "LIMPET-M107": wake(query('sum(test_api_in_progress{app="test-api-small"})')),
  "LIMPET-M108": wake(query('max by (tier) (test_active_tenants{tier="smal"})')),
  "LIMPET-L106": {
    scenario: "down",
    check: "last answer to replicas 0",
    changes: [
      { object: SCALER, at: ["spec", "cooldownPeriod"] },
      { object: SCALER, at: ["spec", "coolDownPeriod"], value: 60 },
    ],
  },
};
