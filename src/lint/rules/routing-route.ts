/** Consistent hashing that the route side drops, weakens or turns: hosts, ports, weights, header edits, retries. */
import { exportedTo, hostMatches, qualifyHost } from "../../routing/istio-hosts.ts";
import { at, listAt, objectAt, textAt } from "../../topology/json.ts";
import type { Manifest } from "../../topology/types.ts";
import {
  caller,
  destinationRule,
  HOST,
  scaledObject,
  service,
  virtualService,
  workload,
  yaml,
} from "../examples.ts";
import type { Facts } from "../facts.ts";
import { fixedBy, hashPath, meantToHash, place, report } from "../report.ts";
import { isHashing, type RouteView } from "../route-views.ts";
import type { Rule } from "../rule.ts";
import { wordsAt } from "../words.ts";
import { setting } from "../fix.ts";

const ROUTE_GO = "istio/istio pilot/pkg/networking/core/route/route.go";
/** Calls to other Services of the pods of `host`, that somebody makes and that go by no hash. */
function callsPast(facts: Facts, host: string): RouteView[] {
  const named = facts.serviceNamed(host);
  if (named === null) return [];
  const beside = new Set([named, ...facts.workloadsOf(named).flatMap((one) => facts.servicesOf(one))]);
  return [...beside]
    .flatMap((one) => facts.callsNaming(one))
    .filter((view) => view.called === "yes" && !view.hashes && view.destinations.length > 0)
    .filter((view) => !view.destinations.some(({ resolved }) => resolved.cluster.service === host));
}

const otherHost: Rule = {
  code: "LIMPET-R104",
  family: "routing",
  severity: "error",
  title: "DestinationRule for another host than requests go to",
  why: "The DestinationRule that counts is the one for the destination's host. One for another Service of the same pods is accepted and changes nothing.",
  wrong: yaml(
    service(),
    service({ name: "api-headless", spec: "clusterIP: None" }),
    destinationRule({ host: "api-headless.shop.svc.cluster.local" }),
    workload(),
    caller(),
  ),
  right: yaml(
    service(),
    service({ name: "api-headless", spec: "clusterIP: None" }),
    destinationRule(),
    workload(),
    caller(),
  ),
  source: `${ROUTE_GO}; routing by destination host`,
  check: (facts) =>
    facts.hashRules
      .filter(({ isExact }) => isExact)
      .flatMap(({ manifest, host }) => {
        const isUsed = facts.callsTo(host).some((view) => view.called === "yes");
        const [past] = isUsed ? [] : callsPast(facts, host);
        if (past === undefined) return [];
        const to = past.destinations[0]!.resolved.cluster.service;
        return [
          report(
            manifest,
            ["spec", "host"],
            `host is ${host}, while requests go to ${to}, whose cluster is ${past.destinations[0]!.resolved.cluster.lbPolicy}: this consistentHash does not count.`,
            `set host to ${to}`,
          ),
        ];
      }),
};

const hashOnlyOnPort: Rule = {
  code: "LIMPET-R106",
  family: "routing",
  severity: "error",
  title: "Hash only in portLevelSettings, destination without a port",
  why: "A VirtualService takes a port's hash only where its destination names the port. Without it the cluster is RING_HASH, the route has no hash policy, and every request goes to a random pod.",
  wrong: yaml(
    service(),
    destinationRule({
      policy:
        "portLevelSettings:\n- {port: {number: 80}, loadBalancer: {consistentHash: {httpHeaderName: x-tenant-id}}}",
    }).replace("    loadBalancer:\n      consistentHash: {httpHeaderName: x-tenant-id}\n", ""),
    virtualService({ http: `route: [{destination: {host: ${HOST}}}]\ntimeout: 5s` }),
  ),
  right: yaml(
    service(),
    destinationRule({
      policy:
        "portLevelSettings:\n- {port: {number: 80}, loadBalancer: {consistentHash: {httpHeaderName: x-tenant-id}}}",
    }).replace("    loadBalancer:\n      consistentHash: {httpHeaderName: x-tenant-id}\n", ""),
    virtualService(),
  ),
  source: `${ROUTE_GO} (hashForHTTPDestination)`,
  fix: "adds the port, which is the one that requests go to already",
  check: (facts) =>
    facts.routes.flatMap((view) => {
      if (view.via === null || view.route.hashPolicies.length > 0 || view.route.protocol === "tcp") return [];
      const { manifest, path } = view.via;
      return meantToHash(view)
        .filter(
          ({ resolved, hashRule }) =>
            isHashing(resolved.cluster) &&
            hashRule!.hashes.every(({ path: p }) => p.includes("portLevelSettings")),
        )
        .map((one) => {
          const destination = [...path, "route", 0, "destination"];
          const port = { number: one.resolved.cluster.port };
          return fixedBy(
            report(
              manifest,
              destination,
              `the destination names no port, so the hash in portLevelSettings of DestinationRule ${one.rule.name} (${place(one.rule.at(...hashPath(one)))}) is not put on the route: a random pod each time.`,
              `add port: {number: ${port.number}} to the destination`,
            ),
            setting(manifest, [...destination, "port"], port),
          );
        });
    }),
};

const weighted: Rule = {
  code: "LIMPET-R109",
  family: "routing",
  severity: "warning",
  title: "Weighted destinations with a hash",
  why: "The destination is drawn by weight for each request, whatever its tenant; only then is the hash looked up. A tenant is on one pod of each destination, not on one pod, and retries may move it.",
  wrong: yaml(
    service(),
    service({ name: "api2", app: "api2" }),
    destinationRule(),
    virtualService({
      http: `route:\n- {destination: {host: ${HOST}}, weight: 90}\n- {destination: {host: api2.shop.svc.cluster.local}, weight: 10}`,
    }),
  ),
  right: yaml(service(), destinationRule(), virtualService()),
  source: ROUTE_GO,
  check: (facts) =>
    facts.routes
      .filter(
        ({ via, destinations, route }) =>
          via !== null && destinations.length > 1 && route.hashPolicies.length > 0,
      )
      .map((view) =>
        report(
          view.via!.manifest,
          [...view.via!.path, "route"],
          `${view.destinations.length} weighted destinations (${view.destinations.map(({ resolved }) => resolved.weight).join(" to ")}): one is drawn for each request, so a tenant is not on one pod.`,
          "split tenants by a match on the header instead of by weight",
        ),
      ),
};

/** A rule that the caller's proxy does not look at, and why. */
function hiddenFrom(facts: Facts, manifest: Manifest, host: string): string | null {
  const views = facts.callsTo(host);
  if (views.length === 0 || views.some((view) => view.destinations.some(({ rule }) => rule === manifest)))
    return null;
  const [view] = views;
  const from = view?.caller?.namespace ?? view?.service.namespace ?? "";
  const resource = {
    name: manifest.name,
    namespace: manifest.namespace,
    spec: objectAt(manifest.body, "spec"),
  };
  if (!exportedTo(resource, from)) return `exportTo does not let namespace ${from} see it`;
  if (at(manifest.body, "spec", "workloadSelector") !== undefined)
    return "workloadSelector does not select the calling pods";
  const own = host.split(".")[1];
  if (manifest.namespace !== from && manifest.namespace !== own && manifest.namespace !== "istio-system")
    return `it is in namespace ${manifest.namespace}, neither the caller's (${from}) nor the Service's (${own})`;
  return null;
}

const notVisible: Rule = {
  code: "LIMPET-R130",
  family: "routing",
  severity: "error",
  title: "Rule that the caller's sidecar does not see",
  why: "A VirtualService bound only to gateways, a DestinationRule in a third namespace, or one that is not exported, is not looked at: the sidecar takes the default route and the default load balancer.",
  wrong: yaml(service(), destinationRule({ metadata: "config" })),
  right: yaml(service(), destinationRule()),
  source: "istio/istio pilot/pkg/model/push_context.go; VirtualService gateways default to mesh",
  check: (facts) => [
    ...facts.hashRules
      .filter(({ isExact, host }) => isExact && facts.serviceNamed(host) !== null)
      .flatMap(({ manifest, host, hashes }) => {
        const reason = hiddenFrom(facts, manifest, host);
        return reason === null
          ? []
          : [
              report(
                manifest,
                hashes[0]!.path,
                `no caller's sidecar looks at this consistentHash for ${host}: ${reason}.`,
                "put the rule into the Service's namespace and export it to the caller's",
              ),
            ];
      }),
    ...boundToGateways(facts),
  ],
};

function boundToGateways(facts: Facts) {
  return facts.of("networking.istio.io", "VirtualService").flatMap((manifest) => {
    const gateways = wordsAt(manifest.body, "spec", "gateways");
    if (gateways.length === 0 || gateways.includes("mesh")) return [];
    const hosts = wordsAt(manifest.body, "spec", "hosts").map((host) =>
      qualifyHost(host, manifest.namespace),
    );
    const called = facts.services.find(
      (service) =>
        hosts.some((host) => host !== "*" && hostMatches(host, service.fqdn)) &&
        facts.callersOf(service).length > 0,
    );
    if (called === undefined) return [];
    const by = facts.callersOf(called)[0]!.workload;
    return [
      report(
        manifest,
        ["spec", "gateways"],
        `gateways are ${gateways.join(", ")} without mesh, so the sidecar of ${by.kind} ${by.name}, which calls ${called.name}, does not see this VirtualService.`,
        "add mesh to gateways",
        "warning",
      ),
    ];
  });
}

const danglingDestination: Rule = {
  code: "LIMPET-R131",
  family: "routing",
  severity: "error",
  title: "Route to a port or subset that is not there",
  why: "Envoy has no such cluster: every request of the route is answered 503 with the flag NC, at once.",
  wrong: yaml(
    service(),
    virtualService({ http: `route: [{destination: {host: ${HOST}, port: {number: 8080}}}]\ntimeout: 5s` }),
  ),
  right: yaml(service(), virtualService()),
  source: "istio/istio pilot/pkg/networking/core/cluster.go; flag NC",
  check: (facts) =>
    facts.routes.flatMap((view) =>
      view.destinations
        .filter(
          ({ resolved, service: to }) =>
            resolved.cluster.missing === true && to !== null && view.via !== null,
        )
        .map(({ resolved: { cluster }, service: to }) => {
          const index = listAt(view.via!.spec, "route").findIndex(
            (item) => textAt(item, "destination", "subset") === (cluster.name.split("|")[2] || null),
          );
          const lacks = to!.ports.some(({ port }) => port === cluster.port)
            ? `no DestinationRule in the input has subset ${cluster.name.split("|")[2]}`
            : `Service ${to!.name} has no port ${cluster.port}, only ${to!.ports.map(({ port }) => port).join(", ")}`;
          return report(
            view.via!.manifest,
            [...view.via!.path, "route", Math.max(index, 0), "destination"],
            `${lacks}, so the cluster does not exist and requests are answered 503.`,
            "name a port and subset that are there",
          );
        }),
    ),
};

const threshold: Rule = {
  code: "LIMPET-R128",
  family: "routing",
  severity: "info",
  title: "One tenant a pod cannot be had by hashing",
  why: "A threshold is an average over the fleet. Hashing spreads tenants independently: with as many tenants as pods about 37 % of the pods are idle and others have two or three.",
  wrong: yaml(
    service(),
    destinationRule(),
    workload(),
    scaledObject({ metadata: 'threshold: "1"\nquery: max(active_tenants)\nignoreNullValues: "false"' }),
  ),
  right: yaml(service(), destinationRule(), workload(), scaledObject()),
  source: "binomial distribution: (1 − 1/n)ⁿ → 1/e of the pods without a tenant",
  check: (facts) =>
    facts.routes
      .filter(({ hashes }) => hashes)
      .flatMap((view) => facts.workloadsOf(view.destinations[0]!.service ?? view.service))
      .flatMap((workload) => facts.scaledObjectsOf(workload))
      .flatMap(({ manifest, triggers }) =>
        triggers.flatMap(({ metadata }, i) =>
          metadata.threshold !== undefined &&
          Number(metadata.threshold) > 0 &&
          Number(metadata.threshold) <= 1
            ? [
                report(
                  manifest,
                  ["spec", "triggers", i, "metadata", "threshold"],
                  `threshold ${metadata.threshold} asks for a pod a tenant on average; hashing leaves about 37 % of such pods idle and gives others two or three tenants.`,
                  "size a pod for several tenants and raise the threshold",
                ),
              ]
            : [],
        ),
      ),
};

export const ROUTE_RULES: readonly Rule[] = [
  otherHost,
  hashOnlyOnPort,
  weighted,
  threshold,
  notVisible,
  danglingDestination,
];
