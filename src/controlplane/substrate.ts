/**
 * What the control plane stands on: the part that really starts containers, asks their probes and carries requests. The
 * local engine's substrate has processes and HTTP, the simulated one's draws from distributions.
 */
import type { Container, Probe, Service, Workload } from "../topology/types.ts";

export type PodIdentity = {
  readonly name: string;
  readonly uid: string;
  /** Drawn from the seed; new for each pod object, kept over a container restart. */
  readonly podIP: string;
  readonly workload: Workload;
  readonly container: Container;
  readonly tier: string | null;
  /** StatefulSet ordinal; for a Deployment the number of its creation. */
  readonly ordinal: number;
};

export type ContainerEvents = {
  /** The program accepts connections; `startMsReal` since spawn. */
  readonly onListening: (startMsReal: number) => void;
  /** It ended, whoever ended it. */
  readonly onExit: (reason: string) => void;
};

export interface RunningContainer {
  /** One probe attempt; false for any failure or time-out. */
  probe(probe: Probe, kind: "startup" | "readiness" | "liveness"): boolean | Promise<boolean>;
  /** SIGTERM now, SIGKILL after `graceSeconds` of topology time. `onExit` follows. */
  terminate(graceSeconds: number): void;
}

export type PublishedEndpoint = {
  readonly pod: PodIdentity;
  readonly address: string;
  readonly ready: boolean;
};

export interface Substrate {
  /** A pod object came into being: give it an address. */
  addPod(pod: PodIdentity): Promise<void>;
  /** It is gone for good. */
  removePod(pod: PodIdentity): void;
  startContainer(pod: PodIdentity, events: ContainerEvents): RunningContainer;
  /** The text of one scrape; throws or rejects with the reason in words. */
  scrape(pod: PodIdentity, target: ScrapeTarget): string | Promise<string>;
  /** Hands a Service's endpoints to the client-side proxies. */
  publishEndpoints(service: Service, version: number, endpoints: readonly PublishedEndpoint[]): void;
}

export type ScrapeTarget = { readonly path: string; readonly port: number; readonly timeoutUs: number };
