/** Calls of the entry that come to no pod, whatever is scaled: a name, a port or a selector that does not fit. */
import { at, listAt, textAt } from "./json.ts";
import { selects } from "./read-objects.ts";
import { addressesIn, namesOf, type Address } from "./references.ts";
import { nearest } from "./suggest.ts";
import type { Finding, Service, Source, Topology, Workload } from "./types.ts";

type Objects = { readonly workloads: readonly Workload[]; readonly services: readonly Service[] };

export function callFindings({ workload, container }: Topology["entry"], objects: Objects): Finding[] {
  const { namespace } = workload;
  const byName = new Map(
    objects.services.flatMap((service) =>
      namesOf(service, namespace).map((name) => [name, service] as const),
    ),
  );
  const found = addressesIn(container).flatMap((address): Finding[] => {
    const service = byName.get(address.host);
    const where = placeOf(workload, container.name, address.env);
    if (service === undefined) return unknownName(address, namespace, objects, where);
    return [...emptyService(service, objects), ...wrongPort(address, service, where)];
  });
  // Several variables may name one Service.
  const messages = found.map(({ message }) => message);
  return found.filter(({ message }, i) => messages.indexOf(message) === i);
}

function placeOf(workload: Workload, container: string, env: string): Source {
  const containers = listAt(workload.manifest.body, "spec", "template", "spec", "containers");
  const index = containers.findIndex((one) => textAt(one, "name") === container);
  const variable = listAt(containers[index], "env").findIndex((one) => at(one, "name") === env);
  return workload.manifest.at("spec", "template", "spec", "containers", index, "env", variable, "value");
}

/** Only a slip of the pen: names of elsewhere are nobody's mistake. */
function unknownName(
  { host, env }: Address,
  namespace: string,
  { services }: Objects,
  where: Source,
): Finding[] {
  const [name = "", inNamespace = namespace] = host.split(".");
  const there = services
    .filter((service) => service.namespace === inNamespace)
    .map((service) => service.name);
  const meant = nearest(name, there);
  if (meant === null || there.includes(name)) return [];
  return [
    {
      ...where,
      about: "call",
      message: `${env} names ${host}, and there is no Service ${name} in namespace ${inNamespace}`,
      remedy: `did you mean ${meant}?`,
    },
  ];
}

function wrongPort({ env, port }: Address, { name, headless, ports }: Service, where: Source): Finding[] {
  if (port === null || headless || ports.length === 0 || ports.some((one) => one.port === port)) return [];
  const there = ports.map((one) => one.port).join(", ");
  return [
    {
      ...where,
      about: "call",
      message: `${env} names port ${port} of Service ${name}, which has ${there}`,
      remedy: `use port ${ports[0]!.port}`,
    },
  ];
}

function emptyService(service: Service, { workloads }: Objects): Finding[] {
  const { name, namespace, selector, manifest } = service;
  const wanted = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  if (wanted.length === 0 || workloads.some((one) => selects(service, one.namespace, one.podLabels)))
    return [];
  return [
    {
      ...manifest.at("spec", "selector"),
      about: "call",
      message: `Service ${name}, which the entry calls, selects no pods: no workload in namespace ${namespace} has ${wanted.join(", ")}`,
      remedy: "correct the selector, or the pods' labels",
    },
  ];
}
