/** Who is on the ring, and whether every caller has the same one. */
import { at, listAt, textAt } from "../../topology/json.ts";
import type { Workload } from "../../topology/types.ts";
import { caller, destinationRule, scaledObject, service, workload, yaml } from "../examples.ts";
import { containersOf, type Facts } from "../facts.ts";
import { trafficPolicies } from "../hash-rules.ts";
import { maybeCalled, meantToHash, report } from "../report.ts";
import type { RouteView } from "../route-views.ts";
import type { Rule } from "../rule.ts";

const TAL = "envoyproxy/envoy source/extensions/load_balancing_policies/common/thread_aware_lb_impl.cc";

const hashed = (facts: Facts): readonly RouteView[] =>
  facts.routes.filter((view) => view.hashes && maybeCalled(view));

const podsBehind = (facts: Facts, view: RouteView): readonly Workload[] => {
  const to = view.destinations[0]?.service;
  return to === null || to === undefined ? [] : facts.workloadsOf(to);
};

const notReadyOnRing: Rule = {
  code: "LIMPET-R117",
  family: "routing",
  severity: "warning",
  title: "publishNotReadyAddresses on the Service that carries requests",
  why: "Kubernetes then reports every endpoint ready, starting and terminating ones too, and Istio takes that at its word: tenants are sent to pods that cannot answer.",
  wrong: yaml(service({ spec: "publishNotReadyAddresses: true" }), destinationRule()),
  right: yaml(
    service(),
    service({ name: "api-headless", spec: "clusterIP: None\npublishNotReadyAddresses: true" }),
    destinationRule(),
  ),
  source:
    "kubernetes/kubernetes staging/src/k8s.io/endpointslice/utils.go; istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go",
  check: (facts) =>
    hashed(facts)
      .map((view) => view.destinations[0]!.service)
      .filter((to) => to !== null && to.publishNotReadyAddresses)
      .map((to) =>
        report(
          to!.manifest,
          ["spec", "publishNotReadyAddresses"],
          `publishNotReadyAddresses is true on ${to!.name}, over which requests are hashed: starting and terminating pods get tenants.`,
          "take it out here; a second, headless Service may list pods that are not ready",
        ),
      ),
};

const fixedRing: Rule = {
  code: "LIMPET-R125",
  family: "routing",
  severity: "info",
  title: "Ring hash over a set of pods that scales far",
  why: "The ring's size is fixed, so each pod that is added also takes entries from the others: from n to n + 1 pods (2n+1)/((n+1)(n+2)) of the tenants move, towards twice the least possible. Maglev stays within half a point of it.",
  wrong: yaml(service(), destinationRule(), workload(), scaledObject({ spec: "maxReplicaCount: 20" })),
  right: yaml(
    service(),
    destinationRule({ hash: "{httpHeaderName: x-tenant-id, maglev: {tableSize: 65537}}" }),
    workload(),
    scaledObject({ spec: "maxReplicaCount: 20" }),
  ),
  source: "istio/istio 41814, envoyproxy/envoy 22558; computed from ring_hash_lb.cc",
  check: (facts) =>
    hashed(facts).flatMap((view) => {
      if (view.destinations[0]!.resolved.cluster.lbPolicy !== "RING_HASH") return [];
      const scaled = podsBehind(facts, view).filter(
        (one) => facts.scaledObjectsOf(one).length + facts.hpasOf(one).length > 0,
      );
      const pods = Math.max(0, ...scaled.map((one) => facts.maxPods(one)));
      // From here on a step moves 1.7 times the least possible, or more.
      if (pods < 8) return [];
      const n = pods - 1;
      const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
      return meantToHash(view).map((one) =>
        report(
          one.rule,
          one.hashRule!.hashes[0]!.path,
          `ring hash over up to ${pods} pods: the step from ${n} to ${pods} moves ${percent((2 * n + 1) / ((n + 1) * (n + 2)))} of the tenants, the least possible is ${percent(1 / (n + 1))}.`,
          "add maglev: {tableSize: 65537} to consistentHash",
        ),
      );
    }),
};

const volumeOfOrdinal: Rule = {
  code: "LIMPET-R126",
  family: "routing",
  severity: "warning",
  title: "Hashing by address over pods whose state belongs to their name",
  why: "The ring's key is podIP:port. A StatefulSet's pod comes back with its name and volume and with a new address, so it is a new member of the ring: its tenants go elsewhere and their volume stays behind.",
  wrong: yaml(
    service(),
    destinationRule(),
    workload({
      kind: "StatefulSet",
      spec: "volumeClaimTemplates:\n- {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}",
    }),
  ),
  right: yaml(service(), destinationRule(), workload({ kind: "StatefulSet" })),
  source: `${TAL} (hashKey); kubernetes StatefulSet identity`,
  check: (facts) =>
    hashed(facts).flatMap((view) =>
      podsBehind(facts, view)
        .filter(({ manifest }) => listAt(manifest.body, "spec", "volumeClaimTemplates").length > 0)
        .map(({ manifest }) =>
          report(
            manifest,
            ["spec", "volumeClaimTemplates"],
            `each pod of ${manifest.name} keeps a volume by its ordinal, while tenants are hashed by pod address: after a restart a tenant's volume is on another pod than its requests.`,
            "keep tenant state outside the pod, or assign tenants to ordinals instead of hashing addresses",
          ),
        ),
    ),
};

const headlessTargetPort: Rule = {
  code: "LIMPET-R129",
  family: "routing",
  severity: "warning",
  title: "Headless Service whose targetPort is not its port",
  why: "DNS gives the pods' addresses and no port, so the caller's own port is used as it stands; targetPort is never looked at, and the connection goes to the wrong container port.",
  wrong: yaml(
    service({ spec: "clusterIP: None", ports: "[{name: http, port: 80, targetPort: 8080}]" }),
    caller(),
  ),
  right: yaml(
    service({ spec: "clusterIP: None", ports: "[{name: http, port: 8080, targetPort: 8080}]" }),
    caller(),
  ),
  source: "istio/istio 51908; kubernetes headless Services",
  check: (facts) =>
    facts.services
      .filter((one) => one.headless && facts.callersOf(one).some(({ mention }) => mention === "url"))
      .flatMap((one) =>
        one.ports.flatMap(({ port, targetPort }, i) =>
          typeof targetPort === "string" || targetPort === port
            ? []
            : [
                report(
                  one.manifest,
                  ["spec", "ports", i, "targetPort"],
                  `${one.name} is headless: a caller of port ${port} connects to port ${port} of the pod, not to targetPort ${targetPort}.`,
                  `set port to ${targetPort} and call that, or give the Service a ClusterIP`,
                ),
              ],
        ),
      ),
};

const VERSION = /(?:^|\/)(?:pilot|proxyv2)(?:-[a-z]+)?:1\.30\.0(?:$|[-@])/;

const staleRing: Rule = {
  code: "LIMPET-R124",
  family: "routing",
  severity: "error",
  title: "Istio 1.30.0: rings are not rebuilt",
  why: "Its Envoy coalesces the rebuilding of load balancers and forgets it for hash rings: a pod that is added gets nothing, and a cluster that began without pods answers 503 for ever. Gauges show the new values all the while.",
  wrong: yaml(
    workload({ image: "docker.io/istio/pilot:1.30.0", name: "istiod" }),
    service(),
    destinationRule(),
  ),
  right: yaml(
    workload({ image: "docker.io/istio/pilot:1.30.1", name: "istiod" }),
    service(),
    destinationRule(),
  ),
  source: "istio/istio 60312 (fixed in 1.30.1); envoyproxy/envoy 45212",
  check: (facts) => [
    ...facts.workloads.flatMap(({ manifest }) =>
      containersOf(manifest).flatMap((container, i) =>
        VERSION.test(textAt(container, "image") ?? "")
          ? [
              report(
                manifest,
                ["spec", "template", "spec", "containers", i, "image"],
                `image ${textAt(container, "image")} is of Istio 1.30.0, whose proxies do not rebuild hash rings when pods come and go.`,
                "take 1.30.1 or later",
              ),
            ]
          : [],
      ),
    ),
    ...facts
      .of("", "Namespace")
      .filter((manifest) => manifest.labels["istio.io/rev"] === "1-30-0")
      .map((manifest) =>
        report(
          manifest,
          ["metadata", "labels", "istio.io/rev"],
          "istio.io/rev is 1-30-0, whose proxies do not rebuild hash rings when pods come and go.",
          "take 1.30.1 or later",
        ),
      ),
  ],
};

const limits: Rule = {
  code: "LIMPET-R133",
  family: "routing",
  severity: "warning",
  title: "connectionPool limits that one busy tenant can fill",
  why: "The limits hold for one calling proxy and the whole Service, not for a pod. Beyond them every tenant alike is answered 503 UO at once, and idle connections to other pods count too. Below 32 requests in flight for each pod of the full set one slow pod can take all of them.",
  wrong: yaml(
    service(),
    destinationRule({
      policy: "connectionPool: {http: {http2MaxRequests: 100, http1MaxPendingRequests: 50}}",
    }),
    workload(),
    scaledObject({ spec: "maxReplicaCount: 5" }),
  ),
  right: yaml(
    service(),
    destinationRule({
      policy: "connectionPool: {http: {http2MaxRequests: 512, http1MaxPendingRequests: 256}}",
    }),
    workload(),
    scaledObject({ spec: "maxReplicaCount: 5" }),
  ),
  source:
    "envoyproxy/envoy circuit breakers, measured with 1.40: overflow is never retried and counts per client proxy",
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) =>
      view.destinations.flatMap(({ resolved: { cluster }, rule, service: to }) => {
        const pods = to === null ? 0 : Math.max(0, ...facts.workloadsOf(to).map((one) => facts.maxPods(one)));
        const { maxRequests, maxConnections } = cluster.circuitBreakers;
        const atOnce = Math.min(maxRequests, maxConnections);
        if (rule === null || pods < 2 || atOnce / pods >= 32) return [];
        const field =
          maxRequests <= maxConnections ? ["http", "http2MaxRequests"] : ["tcp", "maxConnections"];
        const policy = trafficPolicies(rule).find(
          (path) => at(rule.body, ...path, "connectionPool") !== undefined,
        );
        return [
          report(
            rule,
            [...(policy ?? ["spec", "trafficPolicy"]), "connectionPool", ...field],
            `${field[1]} ${atOnce} holds for the whole Service and one calling proxy: over ${pods} pods that is ${Math.floor(atOnce / pods)} at once for each, and the next request of any tenant is answered 503.`,
            "set it from the load that is expected in flight, with room for a pod that is slow",
          ),
        ];
      }),
    ),
};

export const HOST_RULES: readonly Rule[] = [
  notReadyOnRing,
  staleRing,
  fixedRing,
  volumeOfOrdinal,
  headlessTargetPort,
  limits,
];
