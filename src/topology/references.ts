/** Service names in a pod's environment: whom a program says it calls. */
import type { Container, Service } from "./types.ts";

/** The forms in which a pod in `namespace` can write a Service's name. */
export function namesOf(service: Pick<Service, "name" | "namespace">, namespace: string): readonly string[] {
  const full = `${service.name}.${service.namespace}`;
  const dotted = [full, `${full}.svc`, `${full}.svc.cluster.local`, `${full}.svc.cluster.local.`];
  return service.namespace === namespace ? [service.name, ...dotted] : dotted;
}

/** `url`: with a scheme or a port behind it, so as an address that is called; `name`: as a bare word. */
export type Mention = "url" | "name";

/** What stands between addresses in text, JSON and lists. */
const BETWEEN = /[\s"'`,;=|<>(){}[\]]+/;
/** `scheme://user@host:port/…`; only the host is needed. Anchored, so that long values cost no more than their length. */
const ADDRESS = /^([a-z][a-z0-9+.-]*:\/\/)?(?:[^@/]*@)?([a-z0-9][a-z0-9.-]*)(:\d+)?(?:[/?#]|$)/i;

/** An address in a container's environment: a host with a scheme or a port. */
export type Address = {
  readonly env: string;
  readonly host: string;
  /** As written, else the scheme's. */
  readonly port: number | null;
};

const SCHEME_PORTS: Readonly<Record<string, number>> = { "http://": 80, "https://": 443 };

/** The addresses that a container's environment names. */
export const addressesIn = (container: Container): Address[] =>
  container.env.flatMap((one) =>
    "value" in one
      ? one.value.split(BETWEEN).flatMap((word) => {
          const [, scheme, host, port] = ADDRESS.exec(word) ?? [];
          if (host === undefined || (scheme === undefined && port === undefined)) return [];
          const written = port === undefined ? null : Number(port.slice(1));
          const byScheme = SCHEME_PORTS[(scheme ?? "").toLowerCase()] ?? null;
          return [{ env: one.name, host: host.toLowerCase(), port: written ?? byScheme }];
        })
      : [],
  );

/** How a container's environment mentions each Service, the strongest mention counting. */
export function mentions(
  container: Container,
  namespace: string,
  services: readonly Service[],
): ReadonlyMap<Service, Mention> {
  const byName = new Map(
    services.flatMap((service) => namesOf(service, namespace).map((name) => [name, service] as const)),
  );
  const found = new Map<Service, Mention>();
  for (const word of container.env.flatMap((one) => ("value" in one ? one.value.split(BETWEEN) : []))) {
    const [, scheme, host, port] = ADDRESS.exec(word) ?? [];
    const service = byName.get((host ?? "").toLowerCase());
    if (service === undefined) continue;
    const url = scheme !== undefined || port !== undefined;
    if (url || !found.has(service)) found.set(service, url ? "url" : "name");
  }
  return found;
}
