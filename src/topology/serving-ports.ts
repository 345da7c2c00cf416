/** Which of a Service's ports, and of a container's, requests go to: it is put first, where every reader looks. */
import { selects } from "./read-objects.ts";
import { addressesIn, namesOf } from "./references.ts";
import { targetPortOf } from "./target-port.ts";
import type { Service, Workload } from "./types.ts";

type Port = Service["ports"][number];

/** Ports beside the one that serves: `metrics`, `http-metrics`, `admin`, … */
const BESIDE = /metric|prom|admin|manage|health|probe|debug|status|stats/;
const HTTP = /^(http|http2|grpc|grpc-web|https)(-|$)/;

export function withServingPortsFirst<
  T extends { readonly services: readonly Service[]; readonly workloads: readonly Workload[] },
>(objects: T): T {
  const called = calledPorts(objects);
  const services = objects.services.map((service) => ({
    ...service,
    ports: firstBy(service.ports, (port) => rank(port, called.has(`${service.fqdn}:${port.port}`))),
  }));
  const workloads = objects.workloads.map((workload) => withServingPort(workload, services));
  return { ...objects, services, workloads };
}

/** `host:port` of every Service that a container's environment calls. */
function calledPorts({ services, workloads }: Parameters<typeof withServingPortsFirst>[0]): Set<string> {
  return new Set(
    workloads.flatMap(({ container, namespace }) =>
      addressesIn(container).flatMap(({ host, port }) =>
        services
          .filter((service) => namesOf(service, namespace).includes(host))
          .map(({ fqdn }) => `${fqdn}:${port}`),
      ),
    ),
  );
}

function rank({ name, appProtocol }: Port, isCalled: boolean): number {
  if (isCalled) return 0;
  if (BESIDE.test(name ?? "")) return 3;
  return HTTP.test(name ?? appProtocol ?? "") ? 1 : 2;
}

/** Stable: ports of the same rank stay in their order. */
const firstBy = <T>(items: readonly T[], rankOf: (item: T) => number): readonly T[] =>
  [...items].sort((a, b) => rankOf(a) - rankOf(b));

/** A container that declares no ports listens where its Service sends: Kubernetes wants no declaration. */
function withServingPort(workload: Workload, services: readonly Service[]): Workload {
  const { container, namespace, podLabels } = workload;
  const own = services.filter((service) => selects(service, namespace, podLabels));
  const service = own.find(({ headless }) => !headless) ?? own[0];
  const target = service === undefined ? null : targetPortOf(service, container);
  if (target === null) return workload;
  const ports =
    container.ports.length === 0
      ? [{ name: null, containerPort: target }]
      : firstBy(container.ports, ({ containerPort }) => (containerPort === target ? 0 : 1));
  return { ...workload, container: { ...container, ports } };
}
