/** Pods without processes: starts, probes, pages and pushes take the times that are drawn for them. */
import type { Clock } from "../../clock/clock.ts";
import type {
  ContainerEvents,
  PodIdentity,
  PublishedEndpoint,
  RunningContainer,
  ScrapeTarget,
  Substrate,
} from "../../controlplane/substrate.ts";
import type { Override } from "../../routing/compared/strategies.ts";
import type { ResolvedRoute } from "../../routing/types.ts";
import { type Random, stream } from "../../seed/seed.ts";
import { apiConfigFromEnv } from "../../services/api/config.ts";
import { gatewayConfigFromEnv } from "../../services/gateway/config.ts";
import type { Probe, Service, Topology } from "../../topology/types.ts";
import {
  answersAt,
  type ContainerRole,
  containerEnv,
  containerRole,
  declaredEnv,
} from "../container-role.ts";
import type { Population } from "../population.ts";
import { ApiPod } from "./api-pod.ts";
import { type WantedMetrics, wantedMetrics } from "./exposition.ts";
import { Gateway } from "./gateway.ts";
import type { EndpointList } from "./proxy.ts";
import type { ProbeKind } from "./server.ts";
import { Sidecar } from "./sidecar.ts";
import type { RequestTimes } from "./request-times.ts";
import { drawUs, type SimulatedTimings } from "./timings.ts";

export type SimulatedSubstrateOptions = {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number;
  readonly timings: SimulatedTimings;
  readonly times: RequestTimes;
  readonly population: Population;
  /** Called before anything that a request depends on is looked at, and before it is changed. */
  readonly before: (what: "look" | "change") => void;
  readonly overrideLbPolicy?: Override;
  /** A promise was settled: whoever waits for it goes before the next timer. */
  readonly onSettled: () => void;
  readonly onSidecar: (pod: PodIdentity, what: "exited" | "restarting" | "listening", reason: string) => void;
};

type Standing = {
  readonly identity: PodIdentity;
  readonly role: ContainerRole;
  readonly random: Random;
  readonly port: number;
  readonly sidecar: Sidecar | null;
  program: Gateway | ApiPod | null;
  starts: number;
  /** Ends the container that runs or starts now, whatever it was doing. */
  kill: ((reason: string) => void) | null;
};

const answers = ({ identity, role }: Standing, port: number): boolean =>
  answersAt(identity.container, role.standIn, port);

export class SimulatedSubstrate implements Substrate {
  readonly #options: SimulatedSubstrateOptions;
  readonly #wanted: WantedMetrics;
  readonly #pods = new Map<string, Standing>();
  readonly #byIP = new Map<string, Standing>();
  readonly #endpoints = new Map<string, EndpointList>();
  readonly #pushes: Random;
  #hostSets = 0;

  constructor(options: SimulatedSubstrateOptions) {
    this.#options = options;
    this.#wanted = wantedMetrics(options.topology);
    this.#pushes = stream(options.seed, "simulated/push");
  }

  addPod(pod: PodIdentity): Promise<void> {
    const { topology, seed, onSettled } = this.#options;
    const isEntry = pod.workload === topology.entry.workload;
    const standing: Standing = {
      identity: pod,
      role: containerRole(topology, pod.workload, pod.container),
      random: stream(seed, `simulated/pod/${pod.uid}`),
      port: pod.container.ports[0]?.containerPort ?? 8080,
      sidecar: isEntry ? this.#sidecarFor(pod) : null,
      program: null,
      starts: 0,
      kill: null,
    };
    this.#pods.set(pod.uid, standing);
    this.#byIP.set(pod.podIP, standing);
    onSettled();
    return Promise.resolve();
  }

  removePod(pod: PodIdentity): void {
    this.#pods.get(pod.uid)?.sidecar?.stop();
    this.#pods.delete(pod.uid);
    if (this.#byIP.get(pod.podIP)?.identity === pod) this.#byIP.delete(pod.podIP);
  }

  startContainer(pod: PodIdentity, events: ContainerEvents): RunningContainer {
    const { clock, timings, onSettled } = this.#options;
    const standing = this.#pods.get(pod.uid);
    if (!standing) throw new Error(`pod ${pod.name} has no address`);
    const startUs = drawUs(
      standing.starts++ === 0 ? timings.podStart : timings.containerRestart,
      standing.random,
    );
    let over = false;
    const { before } = this.#options;
    const exit = (reason: string): void => {
      if (over) return;
      before("change");
      over = true;
      starting.cancel();
      standing.program?.die();
      standing.program = null;
      standing.kill = null;
      events.onExit(reason);
      onSettled();
    };
    const starting = clock.at(clock.nowUs() + startUs, () => {
      before("change");
      standing.program = this.#program(standing, exit);
      events.onListening(startUs / 1000);
      // What the kubelet asks at once it asks in promises.
      onSettled();
    });
    standing.kill = exit;
    return {
      probe: (probe, kind) => this.#probe(standing, probe, kind),
      terminate: (graceSeconds) => {
        if (over) return;
        if (standing.program === null) return exit("SIGTERM");
        before("change");
        standing.program.drain();
        clock.at(clock.nowUs() + graceSeconds * 1e6, () => exit("SIGKILL"));
      },
    };
  }

  scrape(pod: PodIdentity, target: ScrapeTarget): string {
    const standing = this.#pods.get(pod.uid);
    if (!standing?.program || !answers(standing, target.port)) throw new Error("connect ECONNREFUSED");
    this.#options.before("look");
    return standing.program.scrape(target.path);
  }

  publishEndpoints(service: Service, version: number, endpoints: readonly PublishedEndpoint[]): void {
    const { clock, timings, before } = this.#options;
    const list: EndpointList = {
      version,
      endpoints: endpoints.map(({ pod, address, ready }) => ({ address, pod: pod.name, ready })),
    };
    this.#endpoints.set(service.fqdn, list);
    for (const { sidecar } of this.#pods.values()) {
      if (sidecar === null) continue;
      const atUs = clock.nowUs() + drawUs(timings.endpointsPush, this.#pushes);
      clock.at(atUs, () => {
        before("change");
        sidecar.proxy?.update(service.fqdn, list);
      });
    }
  }

  /** The gateway's program in a pod, while it takes connections. */
  gatewayIn(pod: PodIdentity): Gateway | null {
    const program = this.#pods.get(pod.uid)?.program;
    return program instanceof Gateway && program.accepting ? program : null;
  }

  /** SIGKILL; false where no container runs. */
  kill(pod: PodIdentity): boolean {
    const kill = this.#pods.get(pod.uid)?.kill;
    kill?.("SIGKILL");
    return kill !== null && kill !== undefined;
  }

  killSidecar(pod: PodIdentity): boolean {
    this.#options.before("change");
    return this.#pods.get(pod.uid)?.sidecar?.kill() ?? false;
  }

  stop(): void {
    for (const { sidecar } of this.#pods.values()) sidecar?.stop();
  }

  #probe(standing: Standing, probe: Probe, kind: ProbeKind): boolean {
    return answers(standing, probe.port) && standing.program !== null && standing.program.probe(probe, kind);
  }

  #sidecarFor(pod: PodIdentity): Sidecar {
    const { topology, clock, seed, timings, times, before, overrideLbPolicy, onSidecar } = this.#options;
    return new Sidecar({
      topology,
      clock,
      seed,
      timings,
      times,
      random: stream(seed, `simulated/sidecar/${pod.uid}`),
      sourceIp: pod.podIP,
      find: (address) => this.#apiAt(address),
      endpoints: this.#endpoints,
      nextHostSet: () => ++this.#hostSets,
      onContainer: (what, reason) => {
        before("change");
        onSidecar(pod, what, reason);
      },
      ...(overrideLbPolicy ? { overrideLbPolicy } : {}),
    });
  }

  #apiAt(address: string): ApiPod | null {
    const colon = address.lastIndexOf(":");
    const standing = this.#byIP.get(address.slice(0, colon));
    if (!standing || standing.port !== Number(address.slice(colon + 1))) return null;
    return standing.program instanceof ApiPod ? standing.program : null;
  }

  #program(standing: Standing, onExit: (reason: string) => void): Gateway | ApiPod {
    const { topology, clock, seed, timings, times } = this.#options;
    const { identity, role, random, port } = standing;
    const env = {
      ...containerEnv(identity),
      ...role.env,
      ...declaredEnv(topology, role.program),
      PORT: String(port),
      POD_NAME: identity.name,
      LIMPET_SEED: String(seed),
    };
    const common = { clock, random, timings, times, wanted: this.#wanted, standIn: role.standIn, onExit };
    if (role.program === "api") return new ApiPod({ ...common, config: apiConfigFromEnv(env) });
    return new Gateway({
      ...common,
      config: gatewayConfigFromEnv(env),
      proxy: () => standing.sidecar?.proxy ?? null,
      routeOf: (origin) => this.#routeOf(origin),
      tenantsAt: (address, within) => {
        const api = this.#apiAt(address);
        return api?.accepting === true ? { pod: api.pod, tenants: api.tenants(within) } : null;
      },
      fullyQualified: (name) => this.#fullyQualified(name),
      population: this.#options.population,
    });
  }

  #routeOf(origin: string): ResolvedRoute | null {
    const url = new URL(origin);
    const host = this.#fullyQualified(url.hostname);
    const port = url.port === "" ? 80 : Number(url.port);
    return this.#options.topology.routes.find((route) => route.host === host && route.port === port) ?? null;
  }

  /** `name`, `name.namespace`, `….svc` as cluster DNS completes them. */
  #fullyQualified(name: string): string {
    const [service = "", namespace = this.#options.topology.namespace, ...rest] = name.split(".");
    const known = rest.length === 0 || rest.join(".") === "svc" || rest.join(".") === "svc.cluster.local";
    return known ? `${service}.${namespace}.svc.cluster.local` : name;
  }
}
