/** What takes pods off one caller's ring and not another's. */
import { at, numberAt, textAt } from "../../topology/json.ts";
import type { Manifest } from "../../topology/types.ts";
import { caller, destinationRule, service, workload, yaml } from "../examples.ts";
import { type Facts } from "../facts.ts";
import { trafficPolicies, type Path } from "../hash-rules.ts";
import { maybeCalled, meantToHash, report } from "../report.ts";
import type { RouteView } from "../route-views.ts";
import type { Rule } from "../rule.ts";

const TAL = "envoyproxy/envoy source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc";

const hashed = (facts: Facts): readonly RouteView[] =>
  facts.routes.filter((view) => view.hashes && maybeCalled(view));

/** The `outlierDetection`s of a DestinationRule, each with its path. */
const outlierDetections = (manifest: Manifest): readonly Path[] =>
  trafficPolicies(manifest)
    .map((policy) => [...policy, "outlierDetection"])
    .filter((path) => at(manifest.body, ...path) !== undefined);

const OUTLIER = "outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 50}";
const OUTLIER_FLAT = `${OUTLIER}\nloadBalancer:\n  localityLbSetting: {enabled: false}\n  consistentHash: {httpHeaderName: x-tenant-id}`;
const flatRule = destinationRule({ policy: OUTLIER_FLAT }).replace(
  "    loadBalancer:\n      consistentHash: {httpHeaderName: x-tenant-id}\n",
  "",
);

const localities: Rule = {
  code: "LIMPET-R114",
  family: "routing",
  severity: "warning",
  title: "Callers that do not see the same ring",
  why: "outlierDetection switches locality failover on, trafficDistribution does so by itself, and internalTrafficPolicy Local shows each caller only its own node's pods. Callers in different places then hash over different pods, and one tenant has several homes.",
  wrong: yaml(service({ spec: "trafficDistribution: PreferClose" }), destinationRule()),
  right: yaml(service(), flatRule),
  source: "istio/istio 41674; istio/api networking/v1alpha3/destination_rule.proto (ConsistentHashLB)",
  check: (facts) =>
    hashed(facts).flatMap((view) => {
      const to = view.destinations[0]!.service?.manifest;
      const fields =
        to === undefined
          ? []
          : (["trafficDistribution", "internalTrafficPolicy"] as const).filter((field) => {
              const value = textAt(to.body, "spec", field);
              return value !== null && value !== "Cluster";
            });
      return [
        ...fields.map((field) =>
          report(
            to!,
            ["spec", field],
            `${field} ${textAt(to!.body, "spec", field)} gives callers in different places different rings, so a tenant has a home in each.`,
            `take ${field} out, or hash nothing here`,
          ),
        ),
        ...meantToHash(view).flatMap(({ rule }) =>
          outlierDetections(rule)
            .filter(
              (path) =>
                at(rule.body, ...path.slice(0, -1), "loadBalancer", "localityLbSetting", "enabled") !== false,
            )
            .map((path) =>
              report(
                rule,
                path,
                "outlierDetection switches locality failover on: callers in different zones hash over different pods.",
                "set loadBalancer.localityLbSetting.enabled: false beside consistentHash",
                "info",
              ),
            ),
        ),
      ];
    }),
};

const neverEjects: Rule = {
  code: "LIMPET-R115",
  family: "routing",
  severity: "warning",
  title: "outlierDetection that can never eject",
  why: "A pod is ejected only while 100·(ejected + 1)/pods stays within maxEjectionPercent. At the default of 10 % fewer than ten pods never lose one, however broken it is.",
  wrong: yaml(
    service(),
    destinationRule({ policy: "outlierDetection: {consecutive5xxErrors: 5}" }),
    workload({ spec: "replicas: 3" }),
  ),
  right: yaml(
    service(),
    destinationRule({ policy: "outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 50}" }),
    workload({ spec: "replicas: 3" }),
  ),
  source: "envoyproxy/envoy source/common/upstream/outlier_detection_impl.cc; measured with 1.40",
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) =>
      view.destinations.flatMap(({ rule, service: to }) => {
        if (rule === null || to === null) return [];
        const workloads = facts.workloadsOf(to);
        if (workloads.length === 0) return [];
        const pods = Math.max(...workloads.map((one) => facts.maxPods(one)));
        return outlierDetections(rule).flatMap((path) => {
          const percent = numberAt(rule.body, ...path, "maxEjectionPercent");
          if (100 / pods <= (percent ?? 10)) return [];
          return [
            report(
              rule,
              path,
              `with at most ${pods} pods and maxEjectionPercent ${percent ?? "10 (the default)"} no pod is ever ejected.`,
              `set maxEjectionPercent to ${Math.ceil(100 / pods)} or more, or take outlierDetection out`,
            ),
          ];
        });
      }),
    ),
};

const ejectionPerReplica: Rule = {
  code: "LIMPET-R116",
  family: "routing",
  severity: "info",
  title: "Ejection by each calling replica on its own",
  why: "Each caller's proxy ejects by what it has seen itself. Until the pod is back, that replica's ring is another than its neighbours': the same tenant goes to different pods, and moves twice.",
  wrong: yaml(service(), destinationRule({ policy: OUTLIER }), workload(), caller({ spec: "replicas: 2" })),
  right: yaml(service(), destinationRule(), workload(), caller({ spec: "replicas: 2" })),
  source: `${TAL}; outlier_detection_impl.cc`,
  check: (facts) =>
    hashed(facts).flatMap((view) => {
      const replicas = view.caller === null ? 0 : facts.maxPods(view.caller);
      if (view.caller === null || replicas < 2) return [];
      return meantToHash(view).flatMap(({ rule }) =>
        outlierDetections(rule).map((path) =>
          report(
            rule,
            path,
            `${replicas} replicas of ${view.caller!.kind} ${view.caller!.name} eject each on its own, so for a time they disagree about a tenant's pod.`,
            "leave unhealthy pods to their readiness probe, or accept the moves",
          ),
        ),
      );
    }),
};

export const OUTLIER_RULES: readonly Rule[] = [localities, neverEjects, ejectionPerReplica];
