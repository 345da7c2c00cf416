/** How Istio reads host names and visibility. Source: istio/istio pkg/config/host, pilot/pkg/model/push_context.go. */
import { textsAt } from "./json.ts";
import type { Spec } from "./json.ts";

/** A Service as far as routing looks at it; `fqdn` is `name.namespace.svc.cluster.local`. */
export type RoutedService = {
  readonly name: string;
  readonly namespace: string;
  readonly fqdn: string;
  readonly headless: boolean;
  readonly ports: readonly {
    readonly name: string | null;
    readonly port: number;
    readonly appProtocol: string | null;
  }[];
};

/** A VirtualService or DestinationRule as written. */
export type IstioResource = { readonly name: string; readonly namespace: string; readonly spec: Spec };

/**
 * A name without a dot is completed with the resource's own namespace. One with a dot is taken as it stands:
 * `api.shop` is *not* the Service `api` in `shop`.
 */
export const qualifyHost = (host: string, namespace: string): string =>
  host === "*" || host.includes(".")
    ? host.toLowerCase()
    : `${host.toLowerCase()}.${namespace}.svc.cluster.local`;

/** Whether `pattern` (a qualified host or `*`-suffix wildcard) covers `fqdn`. */
export const hostMatches = (pattern: string, fqdn: string): boolean =>
  pattern === fqdn || pattern === "*" || (pattern.startsWith("*.") && fqdn.endsWith(pattern.slice(1)));

/** An exact host beats a wildcard, a longer wildcard a shorter one. */
export const specificity = (pattern: string): number => (pattern.startsWith("*") ? pattern.length : Infinity);

/** `exportTo` seen from `namespace`; absent = everywhere. `~` is nobody. */
export function exportedTo(resource: IstioResource, namespace: string): boolean {
  const exportTo = textsAt(resource.spec, "exportTo");
  if (exportTo.length === 0) return true;
  return exportTo.some(
    (to) => to === "*" || to === namespace || (to === "." && resource.namespace === namespace),
  );
}

export type PortClass = "http" | "tcp" | "auto";

const HTTP_NAMES = new Set(["http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"]);
const TCP_NAMES = new Set(["tcp", "https", "tls", "mongo", "redis", "mysql", "kubernetes.io/wss"]);
/** Ports where servers speak first, so Istio does not sniff them. */
const SERVER_FIRST_PORTS = new Set([25, 53, 3306, 27017]);

/**
 * `appProtocol` if set, else the port name up to its first `-` (`grpc-web` whole); any other word is sniffed.
 * Source: istio/istio pkg/config/kube/conversion.go.
 */
export function portClass(port: RoutedService["ports"][number]): PortClass {
  const word = (port.appProtocol ?? port.name ?? "").toLowerCase();
  const known = (name: string): PortClass | null =>
    HTTP_NAMES.has(name) ? "http" : TCP_NAMES.has(name) ? "tcp" : null;
  const found = known(word) ?? (port.appProtocol === null ? known(word.split("-")[0]!) : null);
  return found ?? (SERVER_FIRST_PORTS.has(port.port) ? "tcp" : "auto");
}
