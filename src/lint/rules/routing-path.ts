/** Whether the proxy that hashes is on the path at all, and whether names mean what they look like. */
import { hostMatches, qualifyHost } from "../../routing/istio-hosts.ts";
import { listAt, textAt } from "../../topology/json.ts";

import type { Manifest, Workload } from "../../topology/types.ts";
import { caller, destinationRule, namespace, service, virtualService, yaml } from "../examples.ts";
import type { Facts } from "../facts.ts";
import type { Path } from "../hash-rules.ts";
import { isSlip } from "../is-slip.ts";
import { fixedBy, hashPath, meantToHash, place, report } from "../report.ts";
import type { RouteView } from "../route-views.ts";
import type { Rule } from "../rule.ts";
import { wordsAt } from "../words.ts";
import { setting } from "../fix.ts";

/** Calls of a known workload that are meant to be hashed. */
const meantCalls = (facts: Facts): readonly (RouteView & { readonly caller: Workload })[] =>
  facts.routes.filter(
    (view): view is RouteView & { readonly caller: Workload } =>
      view.caller !== null && view.called === "yes" && meantToHash(view).length > 0,
  );

const INJECT = ["spec", "template", "metadata"] as const;

const noSidecar: Rule = {
  code: "LIMPET-R122",
  family: "routing",
  severity: "error",
  title: "Caller without a sidecar",
  why: "Hashing is done by the caller's proxy. Without one, or with the port taken out of its reach, kube-proxy picks a pod for each connection; requests succeed and nothing hashes.",
  wrong: yaml(
    namespace("{istio-injection: enabled}"),
    service(),
    destinationRule(),
    caller({ labels: '{app: edge, sidecar.istio.io/inject: "false"}' }),
  ),
  right: yaml(namespace("{istio-injection: enabled}"), service(), destinationRule(), caller()),
  source: "istio/istio pkg/kube/inject; annotation traffic.sidecar.istio.io/excludeOutboundPorts",
  check: (facts) =>
    meantCalls(facts).flatMap((view) => {
      const { caller: from, service: to } = view;
      const injection = facts.mesh.injection(from);
      const excluded = (from.podAnnotations["traffic.sidecar.istio.io/excludeOutboundPorts"] ?? "").split(
        ",",
      );
      if (injection === "off" || (injection === "unlabelled" && !facts.mesh.isAmbient(from.namespace)))
        return [
          report(
            from.manifest,
            injection === "off" ? [...INJECT, "labels", "sidecar.istio.io/inject"] : ["metadata", "name"],
            injection === "off"
              ? `${from.kind} ${from.name} calls ${to.name} and has no sidecar (injection is off), so nothing hashes its requests.`
              : `${from.kind} ${from.name} calls ${to.name}, and its namespace ${from.namespace} is not labelled for injection: without a sidecar nothing hashes its requests.`,
            'let it have a sidecar: istio-injection: enabled on the namespace, or sidecar.istio.io/inject: "true" on the pod',
            injection === "off" ? "error" : "warning",
          ),
        ];
      if (excluded.some((port) => port.trim() === String(view.route.port)))
        return [
          report(
            from.manifest,
            [...INJECT, "annotations", "traffic.sidecar.istio.io/excludeOutboundPorts"],
            `excludeOutboundPorts has ${view.route.port}, the port of ${to.name}: these calls pass the sidecar by and nothing hashes them.`,
            `take ${view.route.port} out of the list`,
          ),
        ];
      return [];
    }),
};

const ambient: Rule = {
  code: "LIMPET-R123",
  family: "routing",
  severity: "error",
  title: "Ambient without a waypoint that hashes",
  why: "ztunnel works on connections: it knows no DestinationRule and picks a pod at random. Only a waypoint in front of a Service with a ClusterIP hashes, and before Istio 1.31 only with a VirtualService.",
  wrong: yaml(namespace("{istio.io/dataplane-mode: ambient}"), service(), destinationRule(), caller()),
  right: yaml(
    namespace("{istio.io/dataplane-mode: ambient}"),
    service({ labels: "{istio.io/use-waypoint: waypoint}" }),
    destinationRule(),
    virtualService(),
    caller(),
  ),
  source: "istio/ztunnel src/state.rs, src/proxy/outbound.rs; istio/istio 59323, 56218, 61045",
  check: (facts) =>
    meantCalls(facts)
      .filter(({ caller: from }) => facts.mesh.isAmbient(from.namespace))
      .flatMap((view) =>
        meantToHash(view).flatMap((one) => {
          const to = one.service;
          if (to === null) return [];
          const at = hashPath(one);
          if (!facts.mesh.hasWaypoint(to))
            return [
              report(
                one.rule,
                at,
                `${view.caller.name} is in ambient mode and ${to.name} has no waypoint: ztunnel picks a pod for each connection and nothing hashes.`,
                "label the Service istio.io/use-waypoint, and deploy the waypoint",
              ),
            ];
          if (to.headless)
            return [
              report(
                one.rule,
                at,
                `${to.name} is headless, so its waypoint is not on the path: ztunnel sends to the pod that DNS named.`,
                "give the Service a ClusterIP",
              ),
            ];
          if (view.via !== null) return [];
          return [
            report(
              one.rule,
              at,
              `${to.name} has a waypoint and no VirtualService: before Istio 1.31 the waypoint's route has no hash policy and picks a random pod.`,
              "add a VirtualService for it",
              "info",
            ),
          ];
        }),
      ),
};

const twoKinds: Rule = {
  code: "LIMPET-R121",
  family: "routing",
  severity: "warning",
  title: "Two kinds of proxy hash one Service",
  why: "A waypoint hashes over envoy://connect_originate/IP:PORT, a sidecar over IP:PORT. Both are consistent by themselves and put the same tenant on different pods.",
  wrong: yaml(
    namespace("{istio-injection: enabled}"),
    service({ labels: "{istio.io/use-waypoint: waypoint}" }),
    destinationRule(),
    virtualService(),
    caller(),
  ),
  right: yaml(
    namespace("{istio-injection: enabled}"),
    service(),
    destinationRule(),
    virtualService(),
    caller(),
  ),
  source:
    "istio/istio pilot/pkg/xds/endpoints/endpoint_builder.go; envoyproxy/envoy source/common/network/address_impl.cc",
  check: (facts) =>
    meantCalls(facts)
      .filter(({ caller: from, hashes }) => hashes && facts.mesh.injection(from) === "yes")
      .flatMap((view) => {
        const to = view.destinations[0]!.service;
        if (to === null || !facts.mesh.hasWaypoint(to)) return [];
        return [
          report(
            to.manifest,
            ["metadata", "labels", "istio.io/use-waypoint"],
            `${to.name} has a waypoint and ${view.caller.name} a sidecar: they hash over different names of the same pods, so a tenant has two homes.`,
            "let all callers of the Service use one kind of proxy",
          ),
        ];
      }),
};

type Named = { readonly manifest: Manifest; readonly path: Path; readonly host: string };

/** Host names that DestinationRules and VirtualServices give, as written. */
const namedHosts = (facts: Facts): readonly Named[] => [
  ...facts.of("networking.istio.io", "DestinationRule").map((manifest) => ({
    manifest,
    path: ["spec", "host"],
    host: textAt(manifest.body, "spec", "host") ?? "",
  })),
  ...facts.of("networking.istio.io", "VirtualService").flatMap((manifest) =>
    listAt(manifest.body, "spec", "http").flatMap((route, i) =>
      listAt(route, "route").map((item, j) => ({
        manifest,
        path: ["spec", "http", i, "route", j, "destination", "host"],
        host: textAt(item, "destination", "host") ?? "",
      })),
    ),
  ),
];

const dottedHost: Rule = {
  code: "LIMPET-R132",
  family: "routing",
  severity: "error",
  title: "Short host name with a dot",
  why: "Istio completes only names without a dot. `api.shop` is taken as it stands, a host of that very name, and not as the Service api in shop: the rule covers nothing.",
  wrong: yaml(service(), destinationRule({ host: "api.shop" })),
  right: yaml(service(), destinationRule()),
  source: "istio/istio pkg/config/host, pilot/pkg/model (ResolveShortnameToFQDN)",
  fix: "writes the Service's full name",
  check: (facts) =>
    namedHosts(facts).flatMap(({ manifest, path, host }) => {
      const [name = "", inNamespace = "", ...rest] = host.split(".");
      const fqdn = `${name}.${inNamespace}.svc.cluster.local`;
      if (
        inNamespace === "" ||
        (rest.length > 0 && rest.join(".") !== "svc") ||
        facts.serviceNamed(fqdn) === null
      )
        return [];
      return [
        fixedBy(
          report(
            manifest,
            path,
            `host ${host} is taken as it stands: it is not ${fqdn}, and no Service has that name.`,
            `write ${fqdn}`,
          ),
          setting(manifest, path, fqdn),
        ),
      ];
    }),
};

const misspelt: Rule = {
  code: "LIMPET-R135",
  family: "routing",
  severity: "warning",
  title: "Host that no Service has, and one has nearly",
  why: "A DestinationRule for a host that is not there is accepted and covers nothing; a route to one answers 503.",
  wrong: yaml(service(), destinationRule({ host: "apl.shop.svc.cluster.local" })),
  right: yaml(service(), destinationRule()),
  source: "istioctl analyze IST0174, IST0101 (cluster state is needed for those)",
  check: (facts) => {
    return namedHosts(facts).flatMap(({ manifest, path, host }) => {
      const full = qualifyHost(host, manifest.namespace);
      if (host === "" || full.startsWith("*") || facts.serviceNamed(full) !== null) return [];
      const [name = "", inNamespace = ""] = full.split(".");
      const meant = facts
        .servicesIn(inNamespace)
        .find((one) => name.length > 2 && isSlip(name, one.name))?.name;
      if (meant === undefined) return [];
      const fqdn = `${meant}.${inNamespace}.svc.cluster.local`;
      return [
        report(
          manifest,
          path,
          `no Service ${full} is in the input; there is ${meant} (${place(facts.serviceNamed(fqdn)!.manifest.at("metadata", "name"))}).`,
          `did you mean ${fqdn}?`,
        ),
      ];
    });
  },
};

const isForMesh = (manifest: Manifest): boolean => {
  const gateways = listAt(manifest.body, "spec", "gateways");
  return gateways.length === 0 || gateways.includes("mesh");
};

const twoForOneHost: Rule = {
  code: "LIMPET-R134",
  family: "routing",
  severity: "warning",
  title: "Two VirtualServices for one host",
  why: "A sidecar uses one of them for the host, the oldest; the others' routes, retries and timeouts are not there, and nothing says which it is.",
  wrong: yaml(service(), virtualService(), virtualService({ name: "api-timeouts" })),
  right: yaml(service(), virtualService()),
  source: "istioctl analyze IST0109 ConflictingMeshGatewayVirtualServiceHosts",
  check: (facts) => {
    const first = new Map<string, Manifest>();
    return facts
      .of("networking.istio.io", "VirtualService")
      .filter(isForMesh)
      .flatMap((manifest) =>
        wordsAt(manifest.body, "spec", "hosts").flatMap((written, i) => {
          const host = qualifyHost(written, manifest.namespace);
          const before = first.get(host);
          if (before === undefined) first.set(host, manifest);
          if (
            before === undefined ||
            before === manifest ||
            !facts.services.some(({ fqdn }) => hostMatches(host, fqdn))
          )
            return [];
          return [
            report(
              manifest,
              ["spec", "hosts", i],
              `host ${host} is also that of VirtualService ${before.name} (${place(before.at("spec", "hosts"))}): sidecars use one of the two.`,
              "put the routes into one VirtualService",
            ),
          ];
        }),
      );
  },
};

export const PATH_RULES: readonly Rule[] = [
  twoKinds,
  noSidecar,
  ambient,
  dottedHost,
  twoForOneHost,
  misspelt,
];
