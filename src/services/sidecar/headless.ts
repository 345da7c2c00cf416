/**
 * Headless Services as a client in the mesh meets them: a name that lists pods, and an address for each pod. Every
 * endpoint gets a loopback listener of its own, and DNS answers with those.
 */
import type { Random } from "../../seed/seed.ts";
import type { NamedPod } from "./dns-answers.ts";
import type { Listener } from "./listener.ts";
import { endpointKey } from "./pool.ts";
import type { SidecarEndpoint } from "./protocol.ts";

type PodAddress = {
  readonly endpoint: SidecarEndpoint;
  readonly listeners: readonly (readonly [number, Listener])[];
};

export type HeadlessOptions = {
  readonly service: string;
  /** Ports of the Service; the first one is what SRV calls `http`. */
  readonly ports: readonly number[];
  readonly publishNotReadyAddresses: boolean;
  readonly random: Random;
  readonly open: (endpoint: SidecarEndpoint, port: number, at: string, bindPort: number) => Promise<Listener>;
};

const ATTEMPTS = 8;

export class HeadlessService {
  readonly #options: HeadlessOptions;
  #pods = new Map<string, PodAddress>();
  #endpoints: readonly SidecarEndpoint[] = [];

  constructor(options: HeadlessOptions) {
    this.#options = options;
  }

  get service(): string {
    return this.#options.service;
  }

  /** Endpoints that the name lists: ready ones, or all where the Service publishes the others too. */
  get listed(): readonly SidecarEndpoint[] {
    return this.#endpoints.filter(({ ready }) => ready || this.#options.publishNotReadyAddresses);
  }

  /** What DNS says of it, in the order of the endpoint list. */
  get pods(): readonly NamedPod[] {
    return this.listed.flatMap((endpoint) => {
      const first = this.#pods.get(endpointKey(endpoint))?.listeners[0]?.[1];
      return first ? [{ pod: endpoint.pod, address: first.bindAddress, port: first.bindPort }] : [];
    });
  }

  async update(endpoints: readonly SidecarEndpoint[]): Promise<void> {
    this.#endpoints = endpoints;
    const kept = new Set(endpoints.map(endpointKey));
    for (const [key, { listeners }] of this.#pods) {
      if (kept.has(key)) continue;
      this.#pods.delete(key);
      for (const [, listener] of listeners) listener.stopAccepting();
    }
    for (const endpoint of endpoints) {
      const key = endpointKey(endpoint);
      if (!this.#pods.has(key)) this.#pods.set(key, { endpoint, listeners: await this.#openFor(endpoint) });
    }
  }

  /**
   * One loopback address with the Service's own ports, where the machine has all of 127.0.0.0/8 and the ports are
   * ours to bind; else 127.0.0.1 and any free ports, which SRV tells.
   */
  async #openFor(endpoint: SidecarEndpoint): Promise<PodAddress["listeners"]> {
    const { ports, random } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const at = `127.${64 + random.below(64)}.${random.below(256)}.${1 + random.below(254)}`;
      const opened = await this.#openAll(endpoint, at, ports);
      if (opened !== null) return opened;
    }
    const anyPort = ports.map(() => 0);
    return (await this.#openAll(endpoint, "127.0.0.1", anyPort)) ?? [];
  }

  async #openAll(
    endpoint: SidecarEndpoint,
    at: string,
    bindPorts: readonly number[],
  ): Promise<PodAddress["listeners"] | null> {
    const opened: [number, Listener][] = [];
    try {
      for (const [index, port] of this.#options.ports.entries())
        opened.push([port, await this.#options.open(endpoint, port, at, bindPorts[index]!)]);
      return opened;
    } catch {
      // Taken, not there, or not permitted: all the same, another address is tried.
      for (const [, listener] of opened) listener.close();
      return null;
    }
  }
}
