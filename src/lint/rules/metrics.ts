/** Whether the number that decides about pods is the number that was meant. */
import { scaledObject, workload, yaml, SCRAPED } from "../examples.ts";
import { isSlip } from "../is-slip.ts";
import { allOf, metricOf, queriesOf, selectorsIn, unwrapped } from "../queries.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { scraped } from "../scraped.ts";

const query = (text: string): string => `threshold: "2"\nquery: ${text}\nignoreNullValues: "false"`;

const notExported: Rule = {
  code: "LIMPET-M103",
  family: "metrics",
  severity: "warning",
  title: "A metric that nobody exports",
  why: "A query for a series that is not there is no error in Prometheus, and by default the number 0 to KEDA: the target stays at its minimum for ever.",
  wrong: yaml(workload(), scaledObject({ metadata: query("max(tenants_active)") })),
  right: yaml(workload(), scaledObject({ metadata: query("max(active_tenants)") })),
  config: "activeTenants: {metric: active_tenants}\n",
  source: "limpet.yaml, activeTenants; scaling reference: tier label mismatch in the query",
  check: (facts) => {
    const declared = facts.config.activeTenants;
    if (declared === null) return [];
    return queriesOf(facts).flatMap(({ scaledObject: one, path, expr }) => {
      const selectors = expr === null ? [] : selectorsIn(expr);
      const names = selectors.map(metricOf).filter((name) => name !== "");
      const near = names.find((name) => isSlip(name, declared.metric) || sameWords(name, declared.metric));
      if (names.length === 0 || names.includes(declared.metric)) return [];
      return [
        report(
          one.manifest,
          path,
          `the query asks for ${names.join(", ")}; limpet.yaml says that active tenants are counted by ${declared.metric}.`,
          near === undefined
            ? "ask for it, or correct activeTenants in limpet.yaml"
            : `did you mean ${declared.metric}?`,
        ),
      ];
    });
  },
};

const sameWords = (a: string, b: string): boolean =>
  a.split("_").sort().join() === b.split("_").sort().join();

const doubleCount: Rule = {
  code: "LIMPET-M105",
  family: "metrics",
  severity: "warning",
  title: "sum over a gauge that several replicas export",
  why: "Each replica counts the tenants that it has seen. The sum counts a tenant once for each of them, and scales for tenants that are not there; in a rolling update even one replica becomes two.",
  wrong: yaml(
    workload({ name: "edge", spec: "replicas: 2", annotations: SCRAPED }),
    workload(),
    scaledObject({ metadata: query('sum(active_tenants{tier="small"})') }),
  ),
  right: yaml(
    workload({ name: "edge", spec: "replicas: 2", annotations: SCRAPED }),
    workload(),
    scaledObject({ metadata: query('max(active_tenants{tier="small"})') }),
  ),
  config: 'activeTenants: {metric: active_tenants, labels: {tier: "{tier}"}}\n',
  source: "limpet.yaml, activeTenants; prometheus/prometheus docs/querying/operators.md",
  check: (facts) => {
    const declared = facts.config.activeTenants?.metric;
    if (declared === undefined) return [];
    const scaled = new Set(facts.scaledObjects.map((one) => facts.meantBy(one)));
    const exporters = scraped(facts).filter(
      (one) => !scaled.has(one) && !facts.isPrometheus(one) && facts.maxPods(one) > 1,
    );
    return queriesOf(facts).flatMap(({ scaledObject: one, path, expr }) => {
      const root = expr === null ? null : unwrapped(expr);
      const [exporter] = exporters;
      if (root?.kind !== "aggregation" || root.operator !== "sum" || exporter === undefined) return [];
      if (root.expr.kind !== "vectorSelector" || metricOf(root.expr) !== declared) return [];
      return [
        report(
          one.manifest,
          path,
          `the query sums ${declared} over up to ${facts.maxPods(exporter)} pods of ${exporter.name}: a tenant that several have seen counts several times.`,
          "take max by the tier, or let one place count",
        ),
      ];
    });
  },
};

const rawCounter: Rule = {
  code: "LIMPET-M106",
  family: "metrics",
  severity: "warning",
  title: "A counter used as a level",
  why: "A counter only grows. Without rate or increase its value passes the threshold once and stays above: the target grows to its maximum and never comes back.",
  wrong: yaml(workload(), scaledObject({ metadata: query("sum(requests_total)") })),
  right: yaml(workload(), scaledObject({ metadata: query("sum(rate(requests_total[2m]))") })),
  source: "prometheus/docs, Metric types",
  check: (facts) =>
    queriesOf(facts).flatMap(({ scaledObject: one, path, expr }) => {
      const parts = expr === null ? [] : allOf(expr);
      const inRange = new Set(
        parts.flatMap((part) => (part.kind === "matrixSelector" ? [part.selector] : [])),
      );
      const raw = parts.find(
        (part) => part.kind === "vectorSelector" && !inRange.has(part) && metricOf(part).endsWith("_total"),
      );
      if (
        raw?.kind !== "vectorSelector" ||
        parts.some((part) => part.kind === "subquery" || (part.kind === "binary" && part.operator === "-"))
      )
        return [];
      return [
        report(
          one.manifest,
          path,
          `${metricOf(raw)} is a counter and only grows: without rate() it holds the target at ${one.maxReplicaCount} pods.`,
          "take rate(…[2m]) or increase(…) of it",
        ),
      ];
    }),
};

const TARGET_LABELS = [
  "app",
  "pod",
  "deployment",
  "statefulset",
  "service",
  "job",
  "container",
  "kubernetes_pod_name",
];

const ownMetric: Rule = {
  code: "LIMPET-M107",
  family: "metrics",
  severity: "warning",
  title: "Woken by a metric of the pods that are to be woken",
  why: "At zero pods nobody exports the series: the value is 0, or an error, and the target is never activated. What wakes a tier has to be counted in front of it.",
  wrong: yaml(workload(), scaledObject({ metadata: query('sum(rate(http_requests_total{app="api"}[1m]))') })),
  right: yaml(
    workload(),
    scaledObject({ metadata: query('sum(rate(edge_requests_total{app="edge", tier="api"}[1m]))') }),
  ),
  source: "kedacore/keda-docs, Prometheus scaler; prometheus/prometheus docs/querying/basics.md (staleness)",
  check: (facts) =>
    queriesOf(facts).flatMap(({ scaledObject: one, path, expr }) => {
      const target = facts.meantBy(one)?.name ?? one.scaleTargetRef.name;
      if (expr === null || one.minReplicaCount > 0 || one.triggers.length > 1) return [];
      const selectors = selectorsIn(expr);
      const own = selectors.flatMap(
        ({ matchers }) =>
          matchers.find(
            ({ name, operator, value }) =>
              TARGET_LABELS.includes(name) &&
              ((operator === "=" && value === target) ||
                (operator === "=~" && value.startsWith(`${target}-`))),
          ) ?? [],
      );
      // Envoy's own series come from the callers too, and name the other side by other labels.
      if (
        own.length === 0 ||
        own.length < selectors.length ||
        selectors.some((one) => /^(istio|envoy|nginx|kube)_/.test(metricOf(one)))
      )
        return [];
      return [
        report(
          one.manifest,
          path,
          `the query selects ${own[0]!.name}${own[0]!.operator}"${own[0]!.value}", the pods of the target itself: at zero nobody exports it and nothing wakes ${target}.`,
          "count in front of the target, at the gateway or the mesh, or keep minReplicaCount: 1",
        ),
      ];
    }),
};

const unknownValue: Rule = {
  code: "LIMPET-M108",
  family: "metrics",
  severity: "warning",
  title: "Label value that differs by a letter from what there is",
  why: "A matcher that matches nothing is no error anywhere. The query answers nothing, and the target waits at its minimum.",
  wrong: yaml(
    workload({ labels: "{app: api, tier: small}" }),
    scaledObject({ metadata: query('max(active_tenants{tier="smal"})') }),
  ),
  right: yaml(
    workload({ labels: "{app: api, tier: small}" }),
    scaledObject({ metadata: query('max(active_tenants{tier="small"})') }),
  ),
  source: "scaling reference 7.6: tier label mismatch in the query",
  check: (facts) => {
    const values = new Map<string, Set<string>>();
    for (const { podLabels } of facts.workloads)
      for (const [key, value] of Object.entries(podLabels))
        values.set(key, (values.get(key) ?? new Set()).add(value));
    return queriesOf(facts).flatMap(({ scaledObject: one, path, expr }) =>
      (expr === null ? [] : selectorsIn(expr)).flatMap(({ matchers }) =>
        matchers.flatMap(({ name, operator, value }) => {
          const there = values.get(name);
          if (operator !== "=" || there === undefined || there.has(value)) return [];
          const meant = [...there].find((each) => value.length > 2 && isSlip(each, value));
          if (meant === undefined) return [];
          return [
            report(
              one.manifest,
              path,
              `the query asks for ${name}="${value}"; pods in the input have ${name}: ${meant}.`,
              `did you mean ${name}="${meant}"?`,
            ),
          ];
        }),
      ),
    );
  },
};

export const METRICS_RULES: readonly Rule[] = [notExported, doubleCount, rawCounter, ownMetric, unknownValue];
