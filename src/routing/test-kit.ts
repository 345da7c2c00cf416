/** For tests: short ways to write Services, VirtualServices and DestinationRules. */
import { resolveRoutes } from "./resolve-route.ts";
import type { IstioResource, ResolveInput, RoutedService } from "./resolve-route.ts";
import type { ResolvedRoute } from "./types.ts";

export const NS = "shop";
export const fqdn = (name: string, namespace = NS) => `${name}.${namespace}.svc.cluster.local`;
export const service = (name: string, over: Partial<RoutedService> = {}): RoutedService => ({
  name,
  namespace: NS,
  fqdn: fqdn(name),
  headless: false,
  ports: [{ name: "http", port: 8000, appProtocol: null }],
  ...over,
});
export const rule = (spec: IstioResource["spec"], over: Partial<IstioResource> = {}): IstioResource => ({
  name: "rule",
  namespace: NS,
  spec,
  ...over,
});
export const port = (name: string | null, appProtocol: string | null = null) => ({
  ports: [{ name, port: 8000, appProtocol }],
});

export const byHeader = { loadBalancer: { consistentHash: { httpHeaderName: "X-Tenant-ID" } } };
export const hashing = (host = "api", more: object = {}) =>
  rule({ host, trafficPolicy: { ...byHeader, ...more } });
export const to = (...hosts: string[]) =>
  hosts.map((host) => ({ destination: { host, port: { number: 8000 } } }));
export const via = (http: object = {}, more: object = {}) =>
  rule({ hosts: ["api"], http: [{ route: to("api"), ...http }], ...more });

export const resolveAll = (input: Partial<ResolveInput>): ResolvedRoute[] =>
  resolveRoutes({
    services: [service("api")],
    virtualServices: [],
    destinationRules: [],
    callerNamespace: NS,
    ...input,
  });
export const resolve = (input: Partial<ResolveInput> = {}): ResolvedRoute => resolveAll(input)[0]!;
export const brief = (route: ResolvedRoute) => {
  const cluster = route.destinations[0]?.cluster;
  return [
    cluster?.type ?? "none",
    cluster?.lbPolicy ?? "none",
    route.hashPolicies.map((policy) => policy.kind).join(),
    route.retryPolicy === null ? "no retries" : route.retryPolicy.previousHosts ? "other hosts" : "same host",
  ];
};
export const headless = [service("api", { headless: true })];
