/**
 * What stands between a client and a real Envoy on this machine: the names of headless Services, and the address that a
 * connection was opened to. In a cluster that is CoreDNS, kube-proxy and the pod's redirect into its proxy.
 */
import { stream } from "../../seed/seed.ts";
import type { Random } from "../../seed/seed.ts";
import { startDnsServer } from "../sidecar/dns-server.ts";
import type { DnsServer } from "../sidecar/dns-server.ts";
import { HeadlessService } from "../sidecar/headless.ts";
import type { Listener } from "../sidecar/listener.ts";
import type { SidecarEndpoint } from "../sidecar/protocol.ts";
import type { Door, RedirectOrder } from "./protocol.ts";
import { type At, relay } from "./relay.ts";

type Start = Extract<RedirectOrder, { type: "start" }>;

export class Redirect {
  readonly #endpoints = new Map<string, readonly SidecarEndpoint[]>();
  readonly #headless = new Map<string, HeadlessService>();
  readonly #listeners = new Set<Listener>();
  #dns: DnsServer | null = null;
  #lastOrder: Promise<void> = Promise.resolve();

  /** Carries an order out after the ones before it. */
  order(order: RedirectOrder): Promise<void> {
    const done = this.#lastOrder.then(() =>
      order.type === "start" ? this.#begin(order) : this.#update(order.service, order.endpoints),
    );
    this.#lastOrder = done.catch(() => {});
    return done;
  }

  close(): void {
    this.#dns?.close();
    this.#dns = null;
    for (const listener of this.#listeners) listener.close();
  }

  async #begin(start: Start): Promise<void> {
    const accepts = stream(start.seed, "sidecar/accept");
    for (const service of new Set(start.headless.map((entry) => entry.service)))
      this.#headless.set(service, this.#headlessService(start, service));
    for (const [service, headless] of this.#headless)
      await headless.update(this.#endpoints.get(service) ?? []);
    for (const door of start.doors)
      await this.#relay(door.open, door, () => this.#destination(door.service, start.nowhere, accepts));
    const names = () => [...this.#headless.values()];
    if (start.dns !== null)
      this.#dns = await startDnsServer(start.dns, names, stream(start.seed, "sidecar/dns"));
  }

  async #update(service: string, endpoints: readonly SidecarEndpoint[]): Promise<void> {
    this.#endpoints.set(service, endpoints);
    await this.#headless.get(service)?.update(endpoints);
  }

  #headlessService(start: Start, service: string): HeadlessService {
    const doors = start.doors.filter((door) => door.service === service);
    const entries = start.headless.filter((entry) => entry.service === service);
    return new HeadlessService({
      service,
      ports: entries.map(({ port }) => port),
      publishNotReadyAddresses: entries.some((entry) => entry.publishNotReadyAddresses),
      random: stream(start.seed, `sidecar/addresses/${service}`),
      open: (endpoint, port, bindAddress, bindPort) => {
        const door = doors.find((candidate) => candidate.port === port);
        if (door === undefined) throw new Error(`Cannot open ${service}:${port}: the proxy has no such port`);
        return this.#relay({ bindAddress, bindPort }, door, () => endpoint);
      },
    });
  }

  async #relay(open: At, { proxy }: Door, destination: () => At | null): Promise<Listener> {
    const listener = await relay({ open, proxy, destination });
    this.#listeners.add(listener);
    void listener.ended.then(() => this.#listeners.delete(listener));
    return listener;
  }

  /** A headless name leads to one of its pods, or nowhere at all; a Service's own address to a random ready pod. */
  #destination(service: string, nowhere: At, random: Random): At | null {
    const headless = this.#headless.get(service);
    const pods =
      headless?.listed ?? (this.#endpoints.get(service) ?? []).filter((endpoint) => endpoint.ready);
    const chosen = pods.length === 0 ? null : random.shuffled(pods)[0]!;
    return chosen ?? (headless === undefined ? nowhere : null);
  }
}
