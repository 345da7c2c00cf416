/** How Prometheus comes by the series: annotations, labels, targets, the mesh in between. */
import { at, listAt, numberAt, textAt } from "../../topology/json.ts";
import { scaledObject, namespace, workload, yaml, SCRAPED } from "../examples.ts";
import { prometheusDeployment } from "../examples-prometheus.ts";
import type { Facts } from "../facts.ts";
import { queriesOf, selectorsIn } from "../queries.ts";
import { report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { scraped } from "../scraped.ts";
import { wordsAt } from "../words.ts";

const UNMERGED =
  '{prometheus.io/scrape: "true", prometheus.io/port: "8080", prometheus.istio.io/merge-metrics: "false"}';
const INJECTED = namespace("{istio-injection: enabled}");
const ANNOTATIONS = ["spec", "template", "metadata", "annotations"] as const;
const PORTS = "ports: [{name: http, containerPort: 8080}]";

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
        (container) =>
          listAt(container, "ports").flatMap((each) => numberAt(each, "containerPort")?.toString() ?? []),
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

export const SCRAPE_RULES: readonly Rule[] = [
  merged,
  wrongPort,
  labelClash,
  injectedPrometheus,
  strict,
  doubleTargets,
];
