/** What a Prometheus trigger's fields do that nobody reads out of them. */
import { ignoresNullValues, scalerProblems, withoutNulls } from "../../scaling/scaled-object.ts";
import { at } from "../../topology/json.ts";
import type { ScaledObject, Trigger } from "../../topology/types.ts";
import { scaledObject, service, workload, yaml } from "../examples.ts";
import type { Facts } from "../facts.ts";
import type { Path } from "../hash-rules.ts";
import { isSlip } from "../is-slip.ts";
import { fixedBy, report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { removing, renaming } from "../fix.ts";

type Found = { readonly one: ScaledObject; readonly trigger: Trigger; readonly path: Path };

const prometheusTriggers = (facts: Facts): readonly Found[] =>
  facts.scaledObjects.flatMap((one) =>
    one.triggers.flatMap((trigger, i) =>
      trigger.type === "prometheus" ? [{ one, trigger, path: ["spec", "triggers", i] }] : [],
    ),
  );

const ignoresNull = (trigger: Trigger): boolean =>
  ignoresNullValues({ type: trigger.type, metadata: trigger.metadata });

const removedField: Rule = {
  code: "LIMPET-K103",
  family: "keda",
  severity: "warning",
  title: "Trigger field that KEDA no longer reads",
  why: "metricName is silently ignored since 2.12: the metric is served as s<index>-prometheus whatever it says. cortexOrgID is refused by 2.12 to 2.14 and ignored after that.",
  wrong: yaml(
    workload(),
    scaledObject({
      metadata:
        'metricName: active_tenants\nthreshold: "2"\nquery: max(active_tenants)\nignoreNullValues: "false"',
    }),
  ),
  right: yaml(workload(), scaledObject({ trigger: "name: active-tenants" })),
  source: "kedacore/keda CHANGELOG.md (4220, 4899), pkg/scalers/prometheus_scaler.go",
  fix: "takes metricName out, which changes nothing that happens; cortexOrgID is left to you",
  check: (facts) =>
    prometheusTriggers(facts).flatMap(({ one, trigger, path }) =>
      ["metricName", "cortexOrgID"]
        .filter((field) => trigger.metadata[field] !== undefined)
        .map((field) => {
          const found = report(
            one.manifest,
            [...path, "metadata", field],
            `${field} ${trigger.metadata[field]} is not read: KEDA ${field === "metricName" ? `serves this metric as s${path[2]}-prometheus` : "takes the tenant from customHeaders"}.`,
            field === "metricName"
              ? "take it out; a trigger's name is for people"
              : "write customHeaders: X-Scope-OrgID=…",
          );
          return field === "metricName"
            ? fixedBy(found, removing(one.manifest, [...path, "metadata", field]))
            : found;
        }),
    ),
};

const KNOWN_KEYS = [
  "serverAddress",
  "query",
  "threshold",
  "activationThreshold",
  "namespace",
  "customHeaders",
  "queryParameters",
  "ignoreNullValues",
  "unsafeSsl",
  "timeout",
  "authModes",
  "awsRegion",
  "identityOwner",
  "metricName",
  "cortexOrgID",
];

const unknownKey: Rule = {
  code: "LIMPET-K104",
  family: "keda",
  severity: "warning",
  title: "Trigger metadata that KEDA does not know",
  why: "Unknown keys of a trigger's metadata are dropped without an event: the default holds instead.",
  wrong: yaml(
    workload(),
    scaledObject({ metadata: 'threshold: "2"\nquery: max(active_tenants)\nignoreNullValue: "false"' }),
  ),
  right: yaml(workload(), scaledObject()),
  source:
    "kedacore/keda pkg/scalers/scalersconfig/typed_config.go (KEDA_CHECK_UNEXPECTED_SCALERS_PARAMS is off)",
  fix: "renames a key that differs from a known one by a letter or by upper and lower case, where that is not given too",
  check: (facts) =>
    prometheusTriggers(facts).flatMap(({ one, trigger, path }) =>
      Object.keys(trigger.metadata)
        .filter((key) => !KNOWN_KEYS.includes(key) && !key.endsWith("FromEnv"))
        .map((key) => {
          const meant = KNOWN_KEYS.find(
            (word) => word.toLowerCase() === key.toLowerCase() || isSlip(word, key),
          );
          const found = report(
            one.manifest,
            [...path, "metadata", key],
            `${key} is no field of the prometheus trigger, so ${JSON.stringify(trigger.metadata[key])} is dropped.`,
            meant === undefined
              ? `take it out; the fields are ${KNOWN_KEYS.slice(0, 11).join(", ")}`
              : `did you mean ${meant}?`,
          );
          return meant === undefined || trigger.metadata[meant] !== undefined
            ? found
            : fixedBy(found, renaming(one.manifest, [...path, "metadata", key], meant));
        }),
    ),
};

const nullIsZero: Rule = {
  code: "LIMPET-K105",
  family: "keda",
  severity: "warning",
  title: "A missing series counts as zero",
  why: "ignoreNullValues is true by default: an empty answer is the number 0. While the exporter restarts, is not scraped or its label changed, KEDA sees no load and after the cooldown takes every pod from under its tenants.",
  wrong: yaml(workload(), scaledObject({ metadata: 'threshold: "2"\nquery: max(active_tenants)' })),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda pkg/scalers/prometheus_scaler.go; kedacore/keda 3065",
  check: (facts) =>
    prometheusTriggers(facts)
      .filter(({ trigger }) => ignoresNull(trigger))
      .map(({ one, trigger, path }) => {
        const given = trigger.metadata.ignoreNullValues;
        return report(
          one.manifest,
          given === undefined ? [...path, "metadata"] : [...path, "metadata", "ignoreNullValues"],
          `ignoreNullValues is ${given === undefined ? "not given and so true" : JSON.stringify(given)}: when the query finds no series, KEDA reads 0 and scales to ${one.minReplicaCount}.`,
          'set ignoreNullValues: "false", with a query that has a value whenever its exporter is up',
        );
      }),
};

const noFallback: Rule = {
  code: "LIMPET-K106",
  family: "keda",
  severity: "warning",
  title: "No fallback",
  why: "While the metric source fails KEDA does nothing: at zero nothing ever wakes, above zero the number is frozen, and only the Ready condition tells.",
  wrong: yaml(workload(), scaledObject()),
  right: yaml(
    workload(),
    scaledObject({ spec: "fallback: {failureThreshold: 3, replicas: 1, behavior: currentReplicasIfHigher}" }),
  ),
  source: "kedacore/keda pkg/scaling/executor/scale_scaledobjects.go, pkg/fallback/fallback.go",
  check: (facts) =>
    facts.scaledObjects
      .filter(
        ({ spec, triggers }) =>
          at(spec, "fallback") === undefined && triggers.some(({ type }) => type === "prometheus"),
      )
      .map(({ manifest, minReplicaCount }) =>
        report(
          manifest,
          ["spec"],
          `no fallback is given: with Prometheus away ${minReplicaCount === 0 ? "nothing wakes from zero, and above zero " : ""}the number of pods is frozen.`,
          "add fallback: {failureThreshold: 3, replicas: 1, behavior: currentReplicasIfHigher}",
        ),
      ),
};

const activation: Rule = {
  code: "LIMPET-K110",
  family: "keda",
  severity: "warning",
  title: "activationThreshold not below threshold",
  why: "A value at or below activationThreshold is inactive, and inactive wins: after the cooldown the target goes to its minimum although the HPA, which looks at threshold, wants pods.",
  wrong: yaml(
    workload(),
    scaledObject({
      metadata:
        'threshold: "2"\nactivationThreshold: "5"\nquery: max(active_tenants)\nignoreNullValues: "false"',
    }),
  ),
  right: yaml(
    workload(),
    scaledObject({
      metadata:
        'threshold: "2"\nactivationThreshold: "1"\nquery: max(active_tenants)\nignoreNullValues: "false"',
    }),
  ),
  source: "kedacore/keda pkg/scaling/scale_handler.go; kedacore/keda 2042",
  check: (facts) =>
    prometheusTriggers(facts).flatMap(({ one, trigger: { metadata }, path }) => {
      const [limit, wakes] = [Number(metadata.threshold), Number(metadata.activationThreshold ?? 0)];
      if (!(wakes >= limit && limit > 0)) return [];
      return [
        report(
          one.manifest,
          [...path, "metadata", "activationThreshold"],
          `activationThreshold ${wakes} is not below threshold ${limit}: at a value of ${wakes} the HPA wants ${Math.ceil(wakes / limit)} pods and KEDA scales to ${one.minReplicaCount}.`,
          "lower it below threshold; 0 wakes for any value above 0",
        ),
      ];
    }),
};

const valueType: Rule = {
  code: "LIMPET-K115",
  family: "keda",
  severity: "warning",
  title: "metricType Value with a total",
  why: "Value does not divide by the number of pods: desired = ceil(ready × total / threshold), so a constant total above the threshold multiplies the pods at every sync until the maximum.",
  wrong: yaml(workload(), scaledObject({ trigger: "metricType: Value" })),
  right: yaml(workload(), scaledObject()),
  source: "kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go",
  check: (facts) =>
    prometheusTriggers(facts)
      .filter(({ trigger }) => trigger.metricType === "Value")
      .map(({ one, trigger, path }) =>
        report(
          one.manifest,
          [...path, "metricType"],
          `metricType is Value with threshold ${trigger.metadata.threshold ?? "(none)"}: a total that stays above it grows the target to ${one.maxReplicaCount} pods.`,
          "take metricType out: AverageValue shares a total among the pods",
        ),
      ),
};

const unbuildable: Rule = {
  code: "LIMPET-K118",
  family: "keda",
  severity: "error",
  title: "Trigger from which KEDA cannot build a scaler",
  why: "The object is admitted; every check ends before anything is decided, and nothing scales.",
  wrong: yaml(
    workload(),
    scaledObject({ metadata: 'threshold: two\nquery: max(active_tenants)\nignoreNullValues: "false"' }),
  ),
  right: yaml(workload(), scaledObject()),
  source: "kedacore/keda pkg/scalers/prometheus_scaler.go (parsePrometheusMetadata)",
  check: (facts) => [
    ...facts.scaledObjects.flatMap((one) =>
      scalerProblems(withoutNulls(one.spec)).map((problem) => {
        const index = Number(/^trigger (\d+)/.exec(problem)?.[1] ?? 0);
        const field = /metricType/.test(problem) ? ["metricType"] : ["metadata", "threshold"];
        return report(
          one.manifest,
          ["spec", "triggers", index, ...field],
          `${problem}.`,
          "correct the field; KEDA uses it as a number",
        );
      }),
    ),
    ...prometheusTriggers(facts).flatMap(({ one, trigger, path }) =>
      ["serverAddress", "query"]
        .filter(
          (field) =>
            (trigger.metadata[field] ?? "") === "" &&
            at(one.spec, ...path.slice(1), "metadata", `${field}FromEnv`) === undefined,
        )
        .map((field) =>
          report(
            one.manifest,
            [...path, "metadata"],
            `the trigger has no ${field}, so no scaler can be built.`,
            `add ${field}`,
          ),
        ),
    ),
  ],
};

const fallbackToZero: Rule = {
  code: "LIMPET-K119",
  family: "keda",
  severity: "warning",
  title: "fallback with 0 replicas",
  why: "An error together with fallback.replicas 0 is treated as inactivity: after the cooldown the target is scaled to zero because the metric source is away.",
  wrong: yaml(workload(), scaledObject({ spec: "fallback: {failureThreshold: 3, replicas: 0}" })),
  right: yaml(
    workload(),
    scaledObject({ spec: "fallback: {failureThreshold: 3, replicas: 1, behavior: currentReplicasIfHigher}" }),
  ),
  source: "kedacore/keda pkg/scaling/executor/scale_scaledobjects.go, run with 2.21.0",
  check: (facts) =>
    facts.scaledObjects
      .filter(
        ({ spec }) => at(spec, "fallback") !== undefined && (at(spec, "fallback", "replicas") ?? 0) === 0,
      )
      .map(({ manifest }) =>
        report(
          manifest,
          ["spec", "fallback", "replicas"],
          "fallback.replicas is 0: with Prometheus away KEDA scales to zero under traffic.",
          "set at least 1, with behavior: currentReplicasIfHigher",
        ),
      ),
};

const ADDRESS = /^https?:\/\/([a-z0-9-]+)\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?(?::(\d+))?(?:\/|$)/;

const serverNotThere: Rule = {
  code: "LIMPET-K121",
  family: "keda",
  severity: "error",
  title: "serverAddress with a port that the Service lacks",
  why: "KEDA asks in vain: each poll is an error, at zero nothing ever wakes.",
  wrong: yaml(
    service({ name: "prometheus", app: "prometheus", ports: "[{name: http, port: 80}]" }),
    workload(),
    scaledObject().replace("prometheus.monitoring:9090", "prometheus.shop:9090"),
  ),
  right: yaml(
    service({ name: "prometheus", app: "prometheus", ports: "[{name: http, port: 9090}]" }),
    workload(),
    scaledObject().replace("prometheus.monitoring:9090", "prometheus.shop:9090"),
  ),
  source: "kedacore/keda pkg/scalers/prometheus_scaler.go",
  check: (facts) =>
    prometheusTriggers(facts).flatMap(({ one, trigger, path }) => {
      const address = trigger.metadata.serverAddress ?? "";
      const [, name = "", namespace = "", port] = ADDRESS.exec(address) ?? [];
      const found = facts.serviceNamed(`${name}.${namespace}.svc.cluster.local`);
      const wanted = Number(port ?? (address.startsWith("https") ? 443 : 80));
      const where = [...path, "metadata", "serverAddress"];
      if (found !== null)
        return found.headless || found.ports.some((each) => each.port === wanted)
          ? []
          : [
              report(
                one.manifest,
                where,
                `${address}: Service ${name} has no port ${wanted}, only ${found.ports.map((each) => each.port).join(", ")}.`,
                `use port ${found.ports[0]?.port ?? "(none)"}`,
              ),
            ];
      const near = facts.servicesIn(namespace).find((each) => isSlip(each.name, name));
      return near === undefined
        ? []
        : [
            report(
              one.manifest,
              where,
              `${address}: no Service ${name} is in the input; there is ${near.name}.`,
              `did you mean ${near.name}?`,
              "warning",
            ),
          ];
    }),
};

export const TRIGGER_RULES: readonly Rule[] = [
  removedField,
  unknownKey,
  nullIsZero,
  noFallback,
  activation,
  valueType,
  unbuildable,
  fallbackToZero,
  serverNotThere,
];
