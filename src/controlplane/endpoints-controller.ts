/** Which pods are endpoints of which Service, pushed to the client-side proxies as istiod does it: debounced. */
import type { Clock } from "../clock/clock.ts";
import type { EndpointsEvent } from "../events/types.ts";
import { targetPortOf } from "../topology/target-port.ts";
import type { Service } from "../topology/types.ts";
import { debounceCheck, debounceEvent, debouncePushed, newDebounce } from "../workloads/debounce.ts";
import { edsHealth, endpointConditions } from "../workloads/endpoints.ts";
import type { DebounceState } from "../workloads/types.ts";
import { type LivePod, type Kubelet, viewOf } from "./kubelet.ts";
import type { PublishedEndpoint, Substrate } from "./substrate.ts";

export type EndpointsControllerOptions = {
  readonly clock: Clock;
  readonly kubelet: Kubelet;
  readonly substrate: Substrate;
  readonly services: readonly Service[];
  readonly tierOf: (service: Service) => string | null;
  readonly emit: (event: EndpointsEvent) => void;
};

export class EndpointsController {
  readonly #options: EndpointsControllerOptions;
  readonly #published = new Map<string, { key: string; version: number; ready: readonly string[] }>();
  #debounce: DebounceState = newDebounce();

  constructor(options: EndpointsControllerOptions) {
    this.#options = options;
  }

  /** Addresses of a Service that the proxies balance over now. */
  ready(service: Service): readonly string[] {
    return this.#published.get(service.fqdn)?.ready ?? [];
  }

  changed(): void {
    const waiting = this.#debounce.checkAtUs !== null;
    this.#debounce = debounceEvent(this.#debounce, this.#options.clock.nowUs());
    if (!waiting) this.#arm();
  }

  /** Sends every Service's list once, empty ones too: a proxy must know what it has nothing for. */
  publishAll(): void {
    for (const service of this.#options.services) this.#publish(service);
  }

  #arm(): void {
    const { clock } = this.#options;
    const { checkAtUs } = this.#debounce;
    if (checkAtUs === null) return;
    clock.at(checkAtUs, () => {
      const check = debounceCheck(this.#debounce, clock.nowUs());
      this.#debounce = check.state;
      if (!check.push) return this.#arm();
      this.publishAll();
      this.#debounce = debouncePushed(this.#debounce, clock.nowUs()).state;
      this.#arm();
    });
  }

  #publish(service: Service): void {
    const { clock, kubelet, substrate, tierOf, emit } = this.#options;
    const endpoints = kubelet
      .pods()
      .filter((pod) => selects(service, pod))
      .sort((a, b) => (a.identity.name < b.identity.name ? -1 : 1))
      .flatMap((pod) => endpointOf(service, pod));
    const key = endpoints.map(({ pod, address, ready }) => `${pod.uid} ${address} ${ready}`).join();
    const before = this.#published.get(service.fqdn);
    if (before?.key === key) return;
    const version = (before?.version ?? 0) + 1;
    const ready = endpoints.filter((endpoint) => endpoint.ready);
    this.#published.set(service.fqdn, { key, version, ready: ready.map(({ address }) => address) });
    substrate.publishEndpoints(service, version, endpoints);
    emit({
      type: "endpoints",
      atUs: clock.nowUs(),
      service: service.fqdn,
      tier: tierOf(service),
      version,
      ready: ready.map(({ pod, address }) => ({ pod: pod.name, address })),
    });
  }
}

function selects(service: Service, { identity }: LivePod): boolean {
  const labels = { ...identity.workload.podLabels, "statefulset.kubernetes.io/pod-name": identity.name };
  const wanted = Object.entries(service.selector);
  return (
    identity.workload.namespace === service.namespace &&
    wanted.length > 0 &&
    wanted.every(([key, value]) => (labels as Record<string, string>)[key] === value)
  );
}

function endpointOf(service: Service, pod: LivePod): PublishedEndpoint[] {
  const { identity } = pod;
  const conditions = endpointConditions(viewOf(pod), service.publishNotReadyAddresses);
  const health = conditions && edsHealth(conditions);
  const port = targetPortOf(service, identity.container);
  // A targetPort by a name that no container port has: Kubernetes lists no endpoint.
  if (health === null || port === null) return [];
  return [
    {
      pod: identity,
      address: `${identity.podIP}:${port}`,
      ready: health === "HEALTHY",
    },
  ];
}
