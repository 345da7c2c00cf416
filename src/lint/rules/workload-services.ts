/** Services, selectors and budgets around the pods. */
import { portClass } from "../../routing/istio-hosts.ts";
import { listAt, textAt, textsAt } from "../../topology/json.ts";
import { caller, scaledObject, service, workload, yaml } from "../examples.ts";
import { containersOf, objectName, type Facts } from "../facts.ts";
import { isSlip } from "../is-slip.ts";
import { place, report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { selecting } from "../selecting.ts";

const budget = (name: string): string => `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: ${name}, namespace: shop}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: ${name}}}}`;

const loadBalancer: Rule = {
  code: "LIMPET-W103",
  family: "workload",
  severity: "info",
  title: "Service of type LoadBalancer",
  why: "Without a controller that provides one, on kind for example, it stays <pending> and looks like a fault. With one, the Service is on the network for everybody.",
  wrong: yaml(service({ spec: "type: LoadBalancer" })),
  right: yaml(service()),
  source: "kind documentation, LoadBalancer; kubernetes documentation, Service",
  check: (facts) =>
    facts.services
      .filter(({ manifest }) => textAt(manifest.body, "spec", "type") === "LoadBalancer")
      .map(({ manifest, name }) =>
        report(
          manifest,
          ["spec", "type"],
          `${name} is of type LoadBalancer: where no controller provides one it stays pending, elsewhere it is open to everybody.`,
          "use ClusterIP with a port-forward or an ingress, unless the address is meant for the outside",
        ),
      ),
};

/** Workloads that requests are sent to: called by name, scaled, or routed by a rule of Istio. */
const inUse = (facts: Facts) =>
  facts.workloads.filter(
    (one) =>
      !facts.isPrometheus(one) &&
      facts
        .servicesOf(one)
        .some(
          (each) =>
            facts.callersOf(each).length > 0 || facts.callsTo(each.fqdn).some((view) => view.via !== null),
        ),
  );

const callersInUse = (facts: Facts) => [
  ...new Set(
    inUse(facts)
      .flatMap((one) => facts.servicesOf(one))
      .flatMap((one) => facts.callersOf(one))
      .map(({ workload }) => workload),
  ),
];

const noBudget: Rule = {
  code: "LIMPET-W104",
  family: "workload",
  severity: "info",
  title: "No PodDisruptionBudget for pods that hold tenants",
  why: "Draining a node takes all its pods at once, and with them the warm state of their tenants. A budget makes the drain go one by one.",
  wrong: yaml(service(), workload(), caller()),
  right: yaml(service(), workload(), caller(), budget("api"), budget("edge")),
  source: "kubernetes documentation, Specifying a Disruption Budget",
  check: (facts) => {
    const isCovered = selecting(facts.of("policy", "PodDisruptionBudget"), "spec", "selector");
    return [...new Set([...inUse(facts), ...callersInUse(facts)])]
      .filter((one) => !isCovered(one))
      .map(({ manifest, kind, name }) =>
        report(
          manifest,
          ["metadata", "name"],
          `no PodDisruptionBudget in the input selects the pods of ${kind} ${name}: a node drain takes them all at once.`,
          "add one with maxUnavailable: 1",
        ),
      );
  },
};

const governing: Rule = {
  code: "LIMPET-W109",
  family: "workload",
  severity: "warning",
  title: "serviceName of a Service that is not headless",
  why: "Only a headless Service gives the pods names of their own. With a ClusterIP <pod>.<service> does not resolve. serviceName cannot be changed later without creating the StatefulSet anew.",
  wrong: yaml(service(), workload({ kind: "StatefulSet" })),
  right: yaml(
    service(),
    service({ name: "api-headless", spec: "clusterIP: None" }),
    workload({ kind: "StatefulSet" }).replace("serviceName: api", "serviceName: api-headless"),
  ),
  source: "kubernetes documentation, StatefulSet: stable network ID",
  check: (facts) =>
    facts.workloads.flatMap((one) => {
      if (one.serviceName === null) return [];
      const named = facts.serviceNamed(`${one.serviceName}.${one.namespace}.svc.cluster.local`);
      if (named === null || named.headless) return [];
      return [
        report(
          one.manifest,
          ["spec", "serviceName"],
          `serviceName is ${one.serviceName}, which has a ClusterIP (${place(named.manifest.at("metadata", "name"))}): the pods get no DNS names.`,
          "name a second Service with clusterIP: None",
        ),
      ];
    }),
};

const selectsNothing: Rule = {
  code: "LIMPET-W110",
  family: "workload",
  severity: "warning",
  title: "Selector that misses its pods by a letter",
  why: "A Service without endpoints is accepted: its name resolves and every request is refused, or answered 503.",
  wrong: yaml(service({ app: "apl" }), workload()),
  right: yaml(service(), workload()),
  source: "kubernetes documentation, Service",
  check: (facts) =>
    facts.services
      .filter((one) => Object.keys(one.selector).length > 0 && facts.workloadsOf(one).length === 0)
      .flatMap((one) =>
        facts.workloadsIn(one.namespace).flatMap((workload) => {
          const wrong = Object.entries(one.selector).filter(
            ([key, value]) => workload.podLabels[key] !== value,
          );
          const [key, value] = wrong[0] ?? [];
          if (key === undefined || value === undefined || wrong.length > 1) return [];
          const there = workload.podLabels[key];
          if (there === undefined || !isSlip(there, value)) return [];
          return [
            report(
              one.manifest,
              ["spec", "selector", key],
              `the selector ${key}: ${value} selects no pods; those of ${workload.kind} ${workload.name} have ${key}: ${there}.`,
              `did you mean ${key}: ${there}?`,
            ),
          ];
        }),
      ),
};

const namedTargetPort: Rule = {
  code: "LIMPET-W111",
  family: "workload",
  severity: "error",
  title: "targetPort by a name that no container port has",
  why: "The endpoints get no port: the Service has no usable address, whatever runs behind it.",
  wrong: yaml(
    service({ ports: "[{name: http, port: 80, targetPort: web}]" }),
    workload({ container: "ports: [{name: http, containerPort: 8080}]" }),
  ),
  right: yaml(
    service({ ports: "[{name: http, port: 80, targetPort: http}]" }),
    workload({ container: "ports: [{name: http, containerPort: 8080}]" }),
  ),
  source: "kubernetes/kubernetes staging/src/k8s.io/endpointslice (FindPort)",
  check: (facts) =>
    facts.services.flatMap((one) =>
      one.ports.flatMap(({ targetPort }, i) =>
        facts.workloadsOf(one).flatMap((workload) => {
          if (typeof targetPort !== "string") return [];
          const names = containersOf(workload.manifest).flatMap((container) =>
            listAt(container, "ports").flatMap((port) => textAt(port, "name") ?? []),
          );
          if (names.includes(targetPort)) return [];
          return [
            report(
              one.manifest,
              ["spec", "ports", i, "targetPort"],
              `targetPort is ${targetPort}, and the pods of ${workload.name} have ${names.length === 0 ? "no named ports" : `the ports ${names.join(", ")}`}: the endpoints have no port.`,
              "name a port of the container, or give the number",
            ),
          ];
        }),
      ),
    ),
};

const conflictingServices: Rule = {
  code: "LIMPET-W113",
  family: "workload",
  severity: "warning",
  title: "Two Services give one port two protocols",
  why: "Istio has one inbound listener for a container port. Where two Services over the same pods say HTTP and TCP, which of them counts is not defined.",
  wrong: yaml(
    service(),
    service({ name: "api-raw", ports: "[{name: tcp, port: 81, targetPort: 8080}]" }),
    workload(),
  ),
  right: yaml(
    service(),
    service({ name: "api-raw", ports: "[{name: http, port: 81, targetPort: 8080}]" }),
    workload(),
  ),
  source: "istioctl analyze IST0116, which looks at Deployments only",
  check: (facts) =>
    facts.workloads.flatMap((workload) => {
      const first = new Map<string, { readonly name: string; readonly kind: string }>();
      return facts.servicesOf(workload).flatMap((one) =>
        one.ports.flatMap((port, i) => {
          const kind = portClass(port);
          const key = String(port.targetPort);
          const before = first.get(key);
          if (before === undefined) first.set(key, { name: one.name, kind });
          if (before === undefined || before.kind === kind || before.kind === "auto" || kind === "auto")
            return [];
          return [
            report(
              one.manifest,
              ["spec", "ports", i],
              `targetPort ${key} of ${workload.name} is ${kind} here and ${before.kind} in Service ${before.name}: which counts is not defined.`,
              "give both the same protocol",
            ),
          ];
        }),
      );
    }),
};

const templateLabels: Rule = {
  code: "LIMPET-W115",
  family: "workload",
  severity: "error",
  title: "selector that does not select its own template",
  why: "The API server refuses such a workload.",
  wrong: yaml(workload({ labels: "{app: web}" })),
  right: yaml(workload(), scaledObject()),
  source: "kubernetes/kubernetes pkg/apis/apps/validation/validation.go",
  check: (facts) =>
    facts.workloads.flatMap(({ manifest, podLabels }) =>
      Object.entries(textsAt(manifest.body, "spec", "selector", "matchLabels"))
        .filter(([key, value]) => podLabels[key] !== value)
        .map(([key, value]) =>
          report(
            manifest,
            ["spec", "selector", "matchLabels", key],
            `selector.matchLabels has ${key}: ${value}, the pods of ${objectName(manifest)} have ${podLabels[key] === undefined ? "no such label" : `${key}: ${podLabels[key]}`}: the API server refuses it.`,
            "make selector and template labels agree",
          ),
        ),
    ),
};

export const SERVICE_RULES: readonly Rule[] = [
  loadBalancer,
  noBudget,
  governing,
  selectsNothing,
  namedTargetPort,
  conflictingServices,
  templateLabels,
];
