/** The key of a hash, and what stands beside it in the rule. */
import { at } from "../../topology/json.ts";
import { destinationRule, HASH, HOST, service, workload, yaml } from "../examples.ts";
import { fixedBy, hashPath, meantToHash, report } from "../report.ts";
import type { Rule } from "../rule.ts";
import { removing } from "../fix.ts";

const CTP = "istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go";
const noKey: Rule = {
  code: "LIMPET-R136",
  family: "routing",
  severity: "error",
  title: "consistentHash without a key",
  why: "consistentHash that names only an algorithm makes the cluster RING_HASH or MAGLEV and gives the route no hash policy, so every request goes to a random pod.",
  wrong: yaml(service(), destinationRule({ hash: "{maglev: {tableSize: 65537}}" })),
  right: yaml(
    service(),
    destinationRule({ hash: "{httpHeaderName: x-tenant-id, maglev: {tableSize: 65537}}" }),
  ),
  source: "istio/istio pilot/pkg/networking/core/route/route.go (consistentHashToHashPolicy)",
  check: (facts) =>
    facts.hashRules.flatMap(({ manifest, hashes }) =>
      hashes
        .filter(
          ({ spec }) =>
            !["httpHeaderName", "httpCookie", "httpQueryParameterName"].some(
              (key) => spec[key] !== undefined,
            ) && spec["useSourceIp"] !== true,
        )
        .map(({ path, spec }) =>
          report(
            manifest,
            path,
            `consistentHash has only ${Object.keys(spec).join(", ") || "nothing in it"} and no key, so requests go to random pods.`,
            "add httpHeaderName, httpCookie, useSourceIp or httpQueryParameterName",
          ),
        ),
    ),
};

const emptyHeader: Rule = {
  code: "LIMPET-R127",
  family: "routing",
  severity: "error",
  title: "Empty httpHeaderName",
  why: "Istio's validation lets an empty name through; Envoy refuses the whole route table with it. Proxies that run keep their old routes, a new one answers every request of that port with 404.",
  wrong: yaml(service(), destinationRule({ hash: '{httpHeaderName: ""}' })),
  right: yaml(service(), destinationRule()),
  source:
    "istio/istio pkg/config/validation/validation.go; Envoy: HeaderName value length must be at least 1",
  check: (facts) =>
    facts.hashRules.flatMap(({ manifest, hashes }) =>
      hashes
        .filter(({ spec }) => spec["httpHeaderName"] === "")
        .map(({ path }) =>
          report(
            manifest,
            [...path, "httpHeaderName"],
            'httpHeaderName is "": Envoy refuses the whole route table, and a new proxy answers 404 for every host in it.',
            "name the header, e.g. x-tenant-id",
          ),
        ),
    ),
};

const warmup: Rule = {
  code: "LIMPET-R118",
  family: "routing",
  severity: "warning",
  title: "warmup with consistentHash",
  why: "Istio writes slow start only for LEAST_REQUEST and ROUND_ROBIN. With consistentHash it is dropped: a new pod takes its full share of tenants at once.",
  wrong: yaml(
    service(),
    destinationRule().replace(
      `consistentHash: ${HASH}`,
      `consistentHash: ${HASH}\n      warmupDurationSecs: 30s`,
    ),
  ),
  right: yaml(service(), destinationRule()),
  source: `${CTP}; istio/api networking/v1alpha3/destination_rule.proto`,
  fix: "takes the field out, which changes nothing that happens",
  check: (facts) =>
    facts.hashRules.flatMap(({ manifest, hashes }) =>
      hashes.flatMap(({ path }) =>
        ["warmup", "warmupDurationSecs"]
          .filter((field) => at(manifest.body, ...path.slice(0, -1), field) !== undefined)
          .map((field) =>
            fixedBy(
              report(
                manifest,
                [...path.slice(0, -1), field],
                `${field} has no effect beside consistentHash: a new pod takes its full share of tenants at once.`,
                "take it out; let readiness wait until the pod is warm",
              ),
              removing(manifest, [...path.slice(0, -1), field]),
            ),
          ),
      ),
    ),
};

const sourceIp: Rule = {
  code: "LIMPET-R137",
  family: "routing",
  severity: "warning",
  title: "useSourceIp from a sidecar",
  why: "Seen by the caller's sidecar the source of every request is the calling pod itself, so all requests of that pod, whatever their tenant, have one hash and go to one pod.",
  wrong: yaml(
    service(),
    destinationRule({ hash: "{useSourceIp: true}" }),
    workload({ name: "edge", container: `env: [{name: API_URL, value: "http://${HOST}"}]` }),
  ),
  right: yaml(
    service(),
    destinationRule(),
    workload({ name: "edge", container: `env: [{name: API_URL, value: "http://${HOST}"}]` }),
  ),
  source: "istio/istio pilot/pkg/networking/core/route/route.go; Envoy connection_properties.source_ip",
  check: (facts) =>
    facts.routes.flatMap((view) => {
      if (view.caller === null || !view.route.hashPolicies.some(({ kind }) => kind === "source_ip"))
        return [];
      const { caller } = view;
      return meantToHash(view).map((one) =>
        report(
          one.rule,
          [...hashPath(one), "useSourceIp"],
          `useSourceIp hashes the address of the calling pod, so all that ${caller.kind} ${caller.name} sends, of whatever tenant, goes to one pod.`,
          "hash on what names the tenant: httpHeaderName",
        ),
      );
    }),
};

export const KEY_RULES: readonly Rule[] = [warmup, emptyHeader, noKey, sourceIp];
