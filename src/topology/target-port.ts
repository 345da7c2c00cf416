import type { Container, Service } from "./types.ts";

/** The port of the pod behind a Service's first port: a number, or a container port by its name; null: no such name. */
export function targetPortOf(
  service: Pick<Service, "ports">,
  container: Pick<Container, "ports">,
): number | null {
  const first = service.ports[0];
  const target = first?.targetPort ?? 80;
  if (typeof target === "number") return target;
  return container.ports.find(({ name }) => name === target)?.containerPort ?? null;
}
