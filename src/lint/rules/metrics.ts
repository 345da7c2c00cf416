/** Whether the number that decides about pods is the number that was meant. */
import { at, listAt, numberAt, textAt } from "../../topology/json.ts";
import { scaledObject, namespace, workload, yaml } from "../examples.ts";
import { prometheusDeployment } from "../examples-prometheus.ts";
import type { Facts } from "../facts.ts";
import { isSlip } from "../is-slip.ts";
import { allOf, metricOf, queriesOf, selectorsIn, unwrapped } from "../queries.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { wordsAt } from "../words.ts";

const SCRAPED = '{prometheus.io/scrape: "true", prometheus.io/port: "8080"}';
const UNMERGED =
  '{prometheus.io/scrape: "true", prometheus.io/port: "8080", prometheus.istio.io/merge-metrics: "false"}';
const INJECTED = namespace("{istio-injection: enabled}");
const ANNOTATIONS = ["spec", "template", "metadata", "annotations"] as const;
const PORTS = "ports: [{name: http, containerPort: 8080}]";

const query = (text: string): string => `threshold: "2"\nquery: ${text}\nignoreNullValues: "false"`;

/** Workloads whose pods are scraped by annotation. */
const scraped = (facts: Facts) =>
  facts.workloads.filter(({ podAnnotations }) => podAnnotations["prometheus.io/scrape"] === "true");

const merged: Rule = {
  code: "LIMPET-M101",
  family: "metrics",
  severity: "warning",
  title: "Istio points the scrape annotations at its agent",
  why: "In a pod with a sidecar the injector moves prometheus.io/port and path to 15020 /stats/prometheus. If the agent cannot read the program's metrics it logs that and still answers 200: up is 1, the gauge is gone, and to KEDA nothing is there.",
  wrong: yaml(INJECTED, workload({ annotations: SCRAPED })),
  right: yaml(INJECTED, workload({ annotations: UNMERGED })),
  source: "istio/istio pkg/kube/inject/webhook.go, pilot/cmd/pilot-agent/status/server.go",
  check: (facts) =>
    scraped(facts)
      .filter(
        (one) =>
          facts.mesh.injection(one) === "yes" &&
          one.podAnnotations["prometheus.istio.io/merge-metrics"] !== "false",
      )
      .map((one) =>
        report(
          one.manifest,
          [...ANNOTATIONS, "prometheus.io/scrape"],
          `the pods of ${one.name} get a sidecar, whose injector moves prometheus.io/port ${one.podAnnotations["prometheus.io/port"] ?? ""} to 15020: a scrape succeeds even when the program's own metrics are missing.`.replace(
            "  ",
            " ",
          ),
          'add prometheus.istio.io/merge-metrics: "false"',
        ),
      ),
};

const wrongPort: Rule = {
  code: "LIMPET-M102",
  family: "metrics",
  severity: "warning",
  title: "Scrape annotation for a port that the pod does not declare",
  why: "Discovery gives a target for each declared port, and the usual configuration keeps the one that the annotation names. Without such a port the pod is not scraped, or at an address where nothing listens.",
  wrong: yaml(
    workload({ annotations: '{prometheus.io/scrape: "true", prometheus.io/port: "9090"}', container: PORTS }),
  ),
  right: yaml(workload({ annotations: SCRAPED, container: PORTS })),
  source: "prometheus/prometheus documentation/examples/prometheus-kubernetes.yml",
  check: (facts) =>
    scraped(facts).flatMap((one) => {
      const port = one.podAnnotations["prometheus.io/port"];
      const declared = listAt(one.manifest.body, "spec", "template", "spec", "containers").flatMap(
        (container) => listAt(container, "ports").map((each) => String(numberAt(each, "containerPort"))),
      );
      if (port === undefined || declared.length === 0 || declared.includes(port)) return [];
      return [
        report(
          one.manifest,
          [...ANNOTATIONS, "prometheus.io/port"],
          `prometheus.io/port is ${port}, and the containers of ${one.name} declare ${declared.join(", ")}.`,
          "name the port that serves the metrics, and declare it",
        ),
      ];
    }),
};

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

type Relabel = {
  readonly path: readonly (string | number)[];
  readonly target: string | null;
  readonly action: string;
};

const relabels = (facts: Facts): readonly (Relabel & { readonly job: number; readonly honours: boolean })[] =>
  listAt(facts.prometheus?.body, "scrape_configs").flatMap((config, job) =>
    listAt(config, "relabel_configs").map((step, i) => ({
      job,
      honours: at(config, "honor_labels") === true,
      path: ["scrape_configs", job, "relabel_configs", i],
      target: textAt(step, "target_label"),
      action: textAt(step, "action") ?? "replace",
    })),
  );

const labelClash: Rule = {
  code: "LIMPET-M104",
  family: "metrics",
  severity: "warning",
  title: "A target label that hides the program's own",
  why: "Where the scrape configuration attaches a label that the program exports too, Prometheus renames the program's to exported_…, and a query by it selects by what the *target* is: the gateway's own tier, not the tenants'.",
  wrong: yaml(
    prometheusDeployment(
      "global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: pods\n  relabel_configs:\n  - {source_labels: [__meta_kubernetes_pod_label_tier], target_label: tier}",
    ),
    workload(),
    scaledObject(),
  ),
  right: yaml(
    prometheusDeployment(
      "global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: pods\n  relabel_configs:\n  - {source_labels: [__meta_kubernetes_pod_label_tier], target_label: pod_tier}",
    ),
    workload(),
    scaledObject(),
  ),
  source: "prometheus/prometheus docs/configuration/configuration.md (honor_labels)",
  check: (facts) => {
    const { prometheus } = facts;
    if (prometheus === null) return [];
    const asked = new Set(
      queriesOf(facts).flatMap(({ expr }) =>
        expr === null ? [] : selectorsIn(expr).flatMap(({ matchers }) => matchers.map(({ name }) => name)),
      ),
    );
    asked.delete("__name__");
    const exported =
      facts.config.activeTenants === null ? null : Object.keys(facts.config.activeTenants.labels);
    // What is a target's own by its nature is meant so where nothing else is declared.
    const TARGETS = ["job", "instance", "namespace", "pod", "container", "service", "app", "node"];
    const clashes = [...asked].filter((label) =>
      exported === null ? !TARGETS.includes(label) : exported.includes(label),
    );
    return relabels(facts).flatMap(({ path, target, action, honours }) => {
      const label = action === "labelmap" ? clashes[0] : clashes.find((one) => one === target);
      if (label === undefined || honours) return [];
      return [
        {
          object: prometheus.object,
          at: prometheus.at(...path, action === "labelmap" ? "action" : "target_label"),
          message: `${action === "labelmap" ? "labelmap makes every pod label a target label, so a pod label" : "target_label"} ${label} hides the label ${label} that the metric has itself, and the triggers' queries select by it.`,
          remedy: `attach it under another name, e.g. pod_${label}`,
        },
      ];
    });
  },
};

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

const injectedPrometheus: Rule = {
  code: "LIMPET-M109",
  family: "metrics",
  severity: "info",
  title: "Prometheus with a sidecar",
  why: "Its scrapes and KEDA's queries then go through a proxy: more memory, one more thing that can be late, and under mTLS STRICT KEDA, which has no sidecar, cannot ask at all.",
  wrong: yaml(INJECTED, prometheusDeployment("scrape_configs:\n- job_name: pods")),
  right: yaml(
    INJECTED,
    prometheusDeployment(
      "scrape_configs:\n- job_name: pods",
      '{app: prometheus, sidecar.istio.io/inject: "false"}',
    ),
  ),
  source: "istio/istio samples/addons/prometheus.yaml",
  check: (facts) =>
    facts.workloads
      .filter((one) => facts.isPrometheus(one) && facts.mesh.injection(one) === "yes")
      .map((one) =>
        report(
          one.manifest,
          ["spec", "template", "metadata", "labels"],
          `the pods of ${one.name} get a sidecar, through which scrapes and KEDA's queries go.`,
          'label the pods sidecar.istio.io/inject: "false"',
        ),
      ),
};

const strict: Rule = {
  code: "LIMPET-M110",
  family: "metrics",
  severity: "warning",
  title: "mTLS STRICT between Prometheus, KEDA and the pods",
  why: "Under STRICT a pod takes no plain connection. KEDA has no sidecar and cannot ask a Prometheus that has one, and plain scrapes of program ports fail: no series, and by default the number 0.",
  wrong: yaml(
    INJECTED,
    workload({ annotations: UNMERGED }),
    scaledObject(),
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: shop}\nspec: {mtls: {mode: STRICT}}",
  ),
  right: yaml(
    INJECTED,
    workload({ annotations: UNMERGED }),
    scaledObject(),
    'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: shop}\nspec: {selector: {matchLabels: {app: api}}, mtls: {mode: STRICT}, portLevelMtls: {"8080": {mode: PERMISSIVE}}}',
  ),
  source: "istio.io PeerAuthentication; istio.io, Prometheus integration",
  check: (facts) =>
    facts.of("security.istio.io", "PeerAuthentication").flatMap((manifest) => {
      if (
        textAt(manifest.body, "spec", "mtls", "mode") !== "STRICT" ||
        at(manifest.body, "spec", "portLevelMtls") !== undefined
      )
        return [];
      const here = scraped(facts).filter(
        (one) =>
          (one.namespace === manifest.namespace || manifest.namespace === "istio-system") &&
          facts.mesh.injection(one) !== "off",
      );
      const [first] = here;
      if (first === undefined || first.podAnnotations["prometheus.istio.io/merge-metrics"] !== "false")
        return [];
      return [
        report(
          manifest,
          ["spec", "mtls", "mode"],
          `mode STRICT covers ${first.name}, whose port ${first.podAnnotations["prometheus.io/port"] ?? "for metrics"} is scraped in plain HTTP: the scrape fails and the series are gone.`,
          "make the metrics port PERMISSIVE by portLevelMtls, or scrape with the mesh's certificates",
        ),
      ];
    }),
};

const doubleTargets: Rule = {
  code: "LIMPET-M111",
  family: "metrics",
  severity: "warning",
  title: "Every container port becomes a target",
  why: "Discovery of pods gives one target for each declared port, the sidecar's too. With the address taken from the annotation they are the same place; kept apart by a container label a pod is read twice and counts twice.",
  wrong: yaml(
    prometheusDeployment(
      "global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: pods\n  kubernetes_sd_configs: [{role: pod}]\n  relabel_configs:\n  - {source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port], target_label: __address__}\n  - {source_labels: [__meta_kubernetes_pod_container_name], target_label: container}",
    ),
  ),
  right: yaml(
    prometheusDeployment(
      "global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: pods\n  kubernetes_sd_configs: [{role: pod}]\n  relabel_configs:\n  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_port], action: keepequal, target_label: __meta_kubernetes_pod_container_port_number}",
    ),
  ),
  source: "prometheus/prometheus 8069, 2208",
  check: (facts) => {
    const { prometheus } = facts;
    if (prometheus === null) return [];
    return listAt(prometheus.body, "scrape_configs").flatMap((config, job) => {
      const steps = listAt(config, "relabel_configs");
      const from = (step: (typeof steps)[number]) => wordsAt(step, "source_labels");
      const rewrites = steps.some(
        (step) =>
          textAt(step, "target_label") === "__address__" &&
          from(step).some((label) => /annotation.*_port$/.test(label)),
      );
      const keeps = steps.some(
        (step) =>
          /^(keep|keepequal|drop)$/.test(textAt(step, "action") ?? "") &&
          [...from(step), textAt(step, "target_label") ?? ""].some((label) =>
            /container_(port|name)/.test(label),
          ),
      );
      const labels = steps.findIndex(
        (step) =>
          textAt(step, "target_label") !== null && from(step).some((label) => /_pod_container_/.test(label)),
      );
      if (!rewrites || keeps || labels < 0) return [];
      return [
        {
          object: prometheus.object,
          at: prometheus.at("scrape_configs", job, "relabel_configs", labels),
          message: `job ${textAt(config, "job_name") ?? job} keeps targets of one address apart by ${textAt(steps[labels], "target_label")}: a pod with two ports is read twice and counts twice.`,
          remedy: "keep only the port that the annotation names (keepequal), or take the label out",
        },
      ];
    });
  },
};

export const METRICS_RULES: readonly Rule[] = [
  merged,
  wrongPort,
  notExported,
  labelClash,
  doubleCount,
  rawCounter,
  ownMetric,
  unknownValue,
  injectedPrometheus,
  strict,
  doubleTargets,
];
