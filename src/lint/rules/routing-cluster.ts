/** Consistent hashing that the cluster side drops: the route still shows its policy, and nothing hashes. */
import { portClass } from "../../routing/istio-hosts.ts";
import { at, listAt, numberAt, textAt } from "../../topology/json.ts";
import { destinationRule, HASH, HOST, service, virtualService, yaml } from "../examples.ts";
import { objectName, type Facts } from "../facts.ts";
import { fixedBy, hashPath, maybeCalled, meantToHash, place, report } from "../report.ts";
import { isHashing, type RouteView } from "../route-views.ts";
import type { Rule } from "../rule.ts";
import { setting } from "../fix.ts";

const CTP = "istio/istio pilot/pkg/networking/core/cluster_traffic_policy.go";
const headless = service({ spec: "clusterIP: None" });

/** Only a gateway's own proxy sends there, and that balances over a headless Service like over any other. */
function isForGatewaysOnly(facts: Facts, view: RouteView): boolean {
  if (facts.callersOf(view.service).length > 0) return false;
  const bound = facts.of("networking.istio.io", "VirtualService").filter((manifest) =>
    listAt(manifest.body, "spec", "http").some((route) =>
      listAt(route, "route").some((item) => {
        const host = textAt(item, "destination", "host");
        return (
          host === view.service.fqdn ||
          (host === view.service.name && manifest.namespace === view.service.namespace)
        );
      }),
    ),
  );
  const gateways = bound.map((manifest) => listAt(manifest.body, "spec", "gateways"));
  return bound.length > 0 && gateways.every((names) => names.length > 0 && !names.includes("mesh"));
}

const headlessHash: Rule = {
  code: "LIMPET-R101",
  family: "routing",
  severity: "error",
  title: "consistentHash on a headless Service",
  why: "For a Service with clusterIP None a sidecar gets an ORIGINAL_DST cluster: the caller's DNS answer picks the pod, once for each connection, and loadBalancer is discarded. The route still shows the hash policy, and istioctl analyze says nothing.",
  wrong: yaml(headless, destinationRule()),
  right: yaml(service(), service({ name: "api-headless", spec: "clusterIP: None" }), destinationRule()),
  source: `${CTP}; pilot/pkg/networking/core/cluster.go (convertResolution); istio/istio 50967`,
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) =>
      meantToHash(view)
        .filter(
          ({ resolved, service: to }) => resolved.cluster.type === "ORIGINAL_DST" && to?.headless === true,
        )
        .filter(() => !facts.mesh.isAmbient(view.caller?.namespace ?? view.service.namespace))
        .filter(() => !isForGatewaysOnly(facts, view))
        .map((one) =>
          report(
            one.rule,
            hashPath(one),
            `consistentHash is for Service ${one.service!.name}, which has clusterIP None (${place(one.service!.manifest.at("spec", "clusterIP"))}): a sidecar's cluster is ORIGINAL_DST and nothing hashes.`,
            "give the Service a ClusterIP, and the StatefulSet's serviceName a second, headless Service of its own",
          ),
        ),
    ),
};

const tcpPort: Rule = {
  code: "LIMPET-R102",
  family: "routing",
  severity: "error",
  title: "Hash on a part of HTTP, port of the TCP class",
  why: "The port's name or appProtocol says TCP, so the proxy never sees a header, cookie or query. The cluster is RING_HASH, no request has a hash, and each connection goes to a random pod.",
  wrong: yaml(service({ ports: "[{name: tcp-api, port: 80}]" }), destinationRule()),
  right: yaml(service({ ports: "[{name: http-api, port: 80}]" }), destinationRule()),
  source: "istio/istio pkg/config/kube/conversion.go, pilot/pkg/networking/core/networkfilter.go",
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) => {
      if (view.route.protocol !== "tcp" || view.route.hashPolicies.length > 0) return [];
      if (view.service.ports.some((port) => portClass(port) !== "tcp")) return [];
      const { name, appProtocol, port } = view.service.ports[view.portIndex]!;
      const field = appProtocol === null ? "name" : "appProtocol";
      return meantToHash(view).map((one) =>
        report(
          view.service.manifest,
          ["spec", "ports", view.portIndex, field],
          `port ${port} has ${field} ${appProtocol ?? name ?? "(none)"}, which is TCP to Istio, so consistentHash of DestinationRule ${one.rule.name} (${place(one.rule.at(...hashPath(one)))}) never sees a request.`,
          "name the port http…, http2… or grpc…, or set appProtocol: http",
        ),
      );
    }),
};

const sniffedPort: Rule = {
  code: "LIMPET-R103",
  family: "routing",
  severity: "warning",
  title: "Hash on a port whose protocol is guessed",
  why: "Without a known name or appProtocol Istio looks at each connection's first bytes. While they look like HTTP it hashes; otherwise it silently does not.",
  wrong: yaml(service({ ports: "[{name: web, port: 80}]" }), destinationRule()),
  right: yaml(service({ ports: "[{name: web, appProtocol: http, port: 80}]" }), destinationRule()),
  source: "istio/istio pkg/config/protocol/instance.go; istioctl analyze IST0118 (Info)",
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) => {
      const port = view.service.ports[view.portIndex]!;
      if (portClass(port) !== "auto" || view.service.ports.some((other) => portClass(other) === "http"))
        return [];
      return meantToHash(view).map(({ rule }) =>
        report(
          view.service.manifest,
          ["spec", "ports", view.portIndex, "name"],
          `port ${port.port} is named ${port.name ?? "(nothing)"}: Istio guesses its protocol, and DestinationRule ${rule.name} hashes only what it takes for HTTP.`,
          "set appProtocol: http, or name the port http…",
        ),
      );
    }),
};

const TOP_HASH = "spec.trafficPolicy.loadBalancer.consistentHash";

const portLevelReplaces: Rule = {
  code: "LIMPET-R105",
  family: "routing",
  severity: "error",
  title: "portLevelSettings without loadBalancer drop the hash",
  why: "An entry of portLevelSettings replaces the whole top-level policy for that port; nothing is inherited. The cluster falls back to LEAST_REQUEST while the route still shows the hash policy.",
  wrong: yaml(
    service(),
    destinationRule({
      policy: "portLevelSettings:\n- {port: {number: 80}, connectionPool: {tcp: {maxConnections: 500}}}",
    }),
  ),
  right: yaml(
    service(),
    destinationRule({
      policy: `portLevelSettings:\n- {port: {number: 80}, connectionPool: {tcp: {maxConnections: 500}}, loadBalancer: {consistentHash: ${HASH}}}`,
    }),
  ),
  source: "istio/istio pilot/pkg/networking/util/util.go (MergeTrafficPolicy, port level)",
  fix: "repeats the rule's loadBalancer in the port's entry, where that has none",
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) =>
      meantToHash(view).flatMap(({ rule, hashRule, resolved: { cluster } }) => {
        const isAtTop = hashRule!.hashes.some(({ path }) => path.join(".") === TOP_HASH);
        if (!isAtTop || cluster.type !== "EDS" || isHashing(cluster)) return [];
        const path = ["spec", "trafficPolicy", "portLevelSettings"] as const;
        return listAt(rule.body, ...path).flatMap((entry, i) => {
          if (numberAt(entry, "port", "number") !== cluster.port) return [];
          if (at(entry, "loadBalancer", "consistentHash") !== undefined) return [];
          // Another balancer, written out, can be meant; no balancer at all hardly is.
          const isOther = at(entry, "loadBalancer") !== undefined;
          const found = report(
            rule,
            isOther ? [...path, i, "loadBalancer"] : [...path, i],
            `portLevelSettings for port ${cluster.port} have ${isOther ? "another" : "no"} loadBalancer, so the cluster is ${cluster.lbPolicy} and consistentHash above does not count for it.`,
            "repeat loadBalancer.consistentHash in the port's entry",
            isOther ? "warning" : "error",
          );
          const above = at(rule.body, "spec", "trafficPolicy", "loadBalancer");
          return isOther || above === undefined
            ? [found]
            : [fixedBy(found, setting(rule, [...path, i, "loadBalancer"], above))];
        });
      }),
    ),
};

const subsetBalancer: Rule = {
  code: "LIMPET-R107",
  family: "routing",
  severity: "warning",
  title: "A subset's own loadBalancer drops the hash",
  why: "A subset's loadBalancer lies over that of the whole rule. The route takes its hash policy from the rule's top, the subset's cluster balances by something else: nothing hashes for requests to that subset.",
  wrong: yaml(
    service(),
    destinationRule({
      spec: "subsets:\n- {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}",
    }),
    virtualService({
      http: `route: [{destination: {host: ${HOST}, subset: v2, port: {number: 80}}}]\ntimeout: 5s`,
    }),
  ),
  right: yaml(
    service(),
    destinationRule({ spec: "subsets:\n- {name: v2, labels: {version: v2}}" }),
    virtualService({
      http: `route: [{destination: {host: ${HOST}, subset: v2, port: {number: 80}}}]\ntimeout: 5s`,
    }),
  ),
  source: CTP,
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) =>
      meantToHash(view).flatMap(({ rule, resolved: { cluster } }) => {
        const name = cluster.name.split("|")[2] ?? "";
        if (name === "" || cluster.type !== "EDS" || isHashing(cluster)) return [];
        const i = listAt(rule.body, "spec", "subsets").findIndex((subset) => textAt(subset, "name") === name);
        const path = ["spec", "subsets", i, "trafficPolicy", "loadBalancer"] as const;
        if (i < 0 || at(rule.body, ...path) === undefined) return [];
        return [
          report(
            rule,
            path,
            `subset ${name} balances by ${cluster.lbPolicy}, so the consistentHash of ${objectName(rule)} does not count for it.`,
            "take loadBalancer out of the subset, or give it consistentHash too",
          ),
        ];
      }),
    ),
};

const passthrough: Rule = {
  code: "LIMPET-R108",
  family: "routing",
  severity: "error",
  title: "PASSTHROUGH where a hash is wanted",
  why: "loadBalancer.simple PASSTHROUGH makes the cluster ORIGINAL_DST: the request goes to the address that the caller connected to, and a hash asked for elsewhere in the rule does not count.",
  wrong: yaml(
    service(),
    destinationRule({
      policy: "portLevelSettings:\n- {port: {number: 80}, loadBalancer: {simple: PASSTHROUGH}}",
    }),
  ),
  right: yaml(service(), destinationRule()),
  source: CTP,
  check: (facts) =>
    facts.routes.filter(maybeCalled).flatMap((view) =>
      meantToHash(view)
        .filter(
          ({ resolved, service: to }) => resolved.cluster.type === "ORIGINAL_DST" && to?.headless === false,
        )
        .map((one) =>
          report(
            one.rule,
            hashPath(one),
            `loadBalancer is PASSTHROUGH for port ${one.resolved.cluster.port}, so the cluster is ORIGINAL_DST and this consistentHash does not count.`,
            "take simple: PASSTHROUGH out",
          ),
        ),
    ),
};

export const CLUSTER_RULES: readonly Rule[] = [
  headlessHash,
  tcpPort,
  sniffedPort,
  portLevelReplaces,
  subsetBalancer,
  passthrough,
];
