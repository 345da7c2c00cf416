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

const HOST =
  /([a-z][a-z0-9+.-]*:\/\/)?(?:[^\s"'/@,;]+@)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9.])?)(:\d+)?(?![a-z0-9_])/gi;

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
  for (const variable of container.env) {
    if (!("value" in variable)) continue;
    for (const match of variable.value.matchAll(HOST)) {
      const service = byName.get((match[2] ?? "").toLowerCase());
      if (service === undefined) continue;
      const url = match[1] !== undefined || match[3] !== undefined;
      if (url || !found.has(service)) found.set(service, url ? "url" : "name");
    }
  }
  return found;
}
