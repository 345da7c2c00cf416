/**
 * The engine's own routes, each with the objects that it came from, so that a rule can point at a line and cannot
 * disagree with the engine. Only the rules that can apply to a Service are handed over, which keeps this linear.
 */
import { destinationRuleFor } from "../routing/destination-rule.ts";
import { hostMatches, portClass, qualifyHost, type IstioResource } from "../routing/istio-hosts.ts";
import { resolveRoutes } from "../routing/resolve-route.ts";
import type { ResolvedDestination, ResolvedRoute } from "../routing/types.ts";
import { pickRoute, virtualServiceFor } from "../routing/virtual-service.ts";
import { isObject, at, listAt, objectAt, textAt } from "../topology/json.ts";
import type { Mention } from "../topology/references.ts";
import type { JsonObject, Manifest, Service, Workload } from "../topology/types.ts";
import type { HashRule, Path } from "./hash-rules.ts";
import type { LintInput } from "./lint-input.ts";
import type { Mesh } from "./mesh.ts";
import { wordsAt } from "./words.ts";

/** A workload whose environment names a Service, and how. */
export type Caller = { readonly workload: Workload; readonly mention: Mention };

export type ViewedDestination = {
  readonly resolved: ResolvedDestination;
  /** Null: not in the input. */
  readonly service: Service | null;
  /** The DestinationRule in force for this caller. */
  readonly rule: Manifest | null;
  /** The same, where it asks for a hash anywhere. */
  readonly hashRule: HashRule | null;
};

export type RouteView = {
  readonly service: Service;
  readonly portIndex: number;
  /** A workload that names the Service in its environment; null where none does, a nominal one of its namespace. */
  readonly caller: Workload | null;
  /**
   * `yes`: a workload or a VirtualService names it; `no`: none does, but another Service of the same pods is named;
   * `unknown`: nobody names any.
   */
  readonly called: "yes" | "no" | "unknown";
  readonly route: ResolvedRoute;
  readonly via: { readonly manifest: Manifest; readonly path: Path; readonly spec: JsonObject } | null;
  readonly destinations: readonly ViewedDestination[];
  /** Whether every request with the key goes by its hash. */
  readonly hashes: boolean;
};

type LookUps = {
  of(group: string, kind: string): readonly Manifest[];
  readonly mesh: Mesh;
  readonly hashRules: readonly HashRule[];
  serviceNamed(fqdn: string): Service | null;
  workloadsOf(service: Service): readonly Workload[];
  servicesOf(workload: Workload): readonly Service[];
  callersOf(service: Service): readonly Caller[];
};

/** Istio objects by the host that they are for, in the order given; wildcards apart. */
class ByHost {
  readonly #exact = new Map<string, number[]>();
  readonly #wild: { readonly host: string; readonly at: number }[] = [];
  readonly all: readonly (IstioResource & { readonly manifest: Manifest })[];

  constructor(manifests: readonly Manifest[], hostsOf: (manifest: Manifest) => readonly string[]) {
    this.all = manifests.map((manifest) => ({
      name: manifest.name,
      namespace: manifest.namespace,
      spec: objectAt(manifest.body, "spec"),
      manifest,
    }));
    for (const [i, manifest] of manifests.entries()) {
      for (const written of hostsOf(manifest)) {
        const host = qualifyHost(written, manifest.namespace);
        if (host.startsWith("*")) this.#wild.push({ host, at: i });
        else this.#exact.set(host, [...(this.#exact.get(host) ?? []), i]);
      }
    }
  }

  for(hosts: readonly string[]) {
    const found = new Set(hosts.flatMap((host) => this.#exact.get(host) ?? []));
    for (const { host, at } of this.#wild) if (hosts.some((one) => hostMatches(host, one))) found.add(at);
    return [...found].sort((a, b) => a - b).map((i) => this.all[i]!);
  }
}

const hostsIn = (manifest: Manifest): readonly string[] => wordsAt(manifest.body, "spec", "hosts");

/** Hosts that a VirtualService sends to, completed. */
export const destinationHosts = (manifest: Manifest): string[] =>
  ["http", "tcp", "tls"].flatMap((kind) =>
    listAt(manifest.body, "spec", kind).flatMap((route) =>
      listAt(route, "route").map((item) =>
        qualifyHost(textAt(item, "destination", "host") ?? "", manifest.namespace),
      ),
    ),
  );

export function routeViews(input: LintInput, lookUps: LookUps): RouteView[] {
  const virtualServices = new ByHost(lookUps.of("networking.istio.io", "VirtualService"), hostsIn);
  const destinationRules = new ByHost(lookUps.of("networking.istio.io", "DestinationRule"), (manifest) => [
    textAt(manifest.body, "spec", "host") ?? "",
  ]);
  const hashRuleOf = new Map(lookUps.hashRules.map((rule) => [rule.manifest, rule]));
  const isNamed = (service: Service): boolean =>
    lookUps.callersOf(service).some(({ mention }) => mention === "url") ||
    virtualServices.for([service.fqdn]).length > 0;
  return input.services.flatMap((service) => {
    const via = virtualServices.for([service.fqdn]);
    const sentTo = via.flatMap(({ manifest }) => destinationHosts(manifest));
    const hosts = [...new Set([service.fqdn, ...sentTo])];
    const services = hosts.flatMap((host) => lookUps.serviceNamed(host) ?? []);
    const rules = destinationRules.for(hosts);
    const called = isNamed(service)
      ? "yes"
      : lookUps.workloadsOf(service).some((workload) => lookUps.servicesOf(workload).some(isNamed))
        ? "no"
        : "unknown";
    return callersOf(service, lookUps).flatMap(({ workload, namespace, labels }) => {
      const caller = { namespace, labels };
      const routes = resolveRoutes({
        services,
        virtualServices: via,
        destinationRules: rules,
        callerNamespace: namespace,
        callerLabels: labels,
        edsForHeadless: lookUps.mesh.edsForHeadless,
      }).slice(0, service.ports.length);
      const resource = virtualServiceFor(via, service.fqdn, caller);
      const picked = (port: Service["ports"][number]): RouteView["via"] => {
        if (resource === null) return null;
        const found = pickRoute(resource, portClass(port) === "tcp" ? "tcp" : "http", port.port, caller);
        const manifest = via.find((one) => one === resource)?.manifest;
        const [, kind = "http", index = "0"] = /^spec\.(\w+)\[(\d+)\]$/.exec(found?.path ?? "") ?? [];
        if (found === null || manifest === undefined) return null;
        const path = ["spec", kind, Number(index)];
        const spec = at(manifest.body, ...path);
        return { manifest, path, spec: isObject(spec) ? spec : {} };
      };
      return routes.map((route, portIndex): RouteView => {
        const destinations = route.destinations.map((resolved): ViewedDestination => {
          const found = lookUps.serviceNamed(resolved.cluster.service);
          const named = resolved.cluster.service;
          const inForce = destinationRuleFor(
            rules,
            { fqdn: named, namespace: found?.namespace ?? named.split(".")[1] ?? "" },
            caller,
          );
          const rule =
            rules.find((one) => `${one.namespace}/${one.name}` === inForce?.label)?.manifest ?? null;
          const hashRule = (rule && hashRuleOf.get(rule)) ?? null;
          return { resolved, service: found, rule, hashRule };
        });
        const [only] = destinations;
        const hashes =
          destinations.length === 1 &&
          route.hashPolicies.length > 0 &&
          isHashing(only!.resolved.cluster) &&
          only!.resolved.cluster.missing !== true;
        return {
          service,
          portIndex,
          caller: workload,
          called,
          route,
          via: picked(service.ports[portIndex]!),
          destinations,
          hashes,
        };
      });
    });
  });
}

export const isHashing = ({ lbPolicy }: { readonly lbPolicy: string }): boolean =>
  lbPolicy === "RING_HASH" || lbPolicy === "MAGLEV";

type CallerLike = {
  readonly workload: Workload | null;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** One caller of each namespace and set of labels; without any, a nominal pod beside the Service. */
function callersOf(service: Service, lookUps: LookUps): readonly CallerLike[] {
  const found = new Map<string, CallerLike>();
  for (const { workload } of lookUps.callersOf(service)) {
    const { namespace, podLabels: labels } = workload;
    const key = JSON.stringify([namespace, labels]);
    if (!found.has(key)) found.set(key, { workload, namespace, labels });
  }
  return found.size > 0
    ? [...found.values()].slice(0, 20)
    : [{ workload: null, namespace: service.namespace, labels: {} }];
}
