/** Pods as processes: starts them on loopback addresses of their own, asks their probes, scrapes them. */
import { connect } from "node:net";
import { Agent, request } from "undici";
import { realMs } from "../../clock/real-time.ts";
import type { WallClock } from "../../clock/wall-clock.ts";
import type {
  ContainerEvents,
  PodIdentity,
  PublishedEndpoint,
  RunningContainer,
  ScrapeTarget,
  Substrate,
} from "../../controlplane/substrate.ts";
import type { Program, Supervisor } from "../../exec/supervisor.ts";
import type { Probe, Service, Topology } from "../../topology/types.ts";
import type { SidecarEndpoint } from "../../services/sidecar/protocol.ts";
import type { Addresses, BindAddress } from "./addresses.ts";
import { answersAt, containerEnv, declaredEnv } from "../container-role.ts";
import { type ContainerProgram, programFor, rewriteServiceNames } from "./programs.ts";
import type { Sidecars } from "./sidecars.ts";

/** Time-outs that guard real input and output never get shorter than this, however fast topology time runs. */
const MIN_REAL_TIMEOUT_MS = 1_000;
const MAX_SCRAPE_BYTES = 16 << 20;

export type LocalSubstrateOptions = {
  readonly topology: Topology;
  readonly clock: WallClock;
  readonly seed: number;
  readonly supervisor: Supervisor;
  readonly addresses: Addresses;
  readonly sidecars: Sidecars;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly onLog: (level: "info" | "warn" | "error", message: string) => void;
};

/** tcpmux: refuses on any machine. */
const NOBODYS_PORT = 1;

export class LocalSubstrate implements Substrate {
  readonly #options: LocalSubstrateOptions;
  readonly #binds = new Map<string, BindAddress>();
  readonly #programs = new Map<string, Program>();
  readonly #http = new Agent({
    connections: 4,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: { timeout: 2_000 },
  });
  #stopped = false;

  constructor(options: LocalSubstrateOptions) {
    this.#options = options;
  }

  async addPod(pod: PodIdentity): Promise<void> {
    const port = pod.container.ports[0]?.containerPort ?? 8080;
    this.#binds.set(pod.uid, await this.#options.addresses.next(port));
    if (this.#isEntry(pod)) await this.#options.sidecars.add(pod);
  }

  removePod(pod: PodIdentity): void {
    this.#binds.delete(pod.uid);
    this.#programs.delete(pod.uid);
    if (this.#isEntry(pod)) this.#options.sidecars.remove(pod);
  }

  bindAddressOf(pod: PodIdentity): BindAddress | null {
    return this.#binds.get(pod.uid) ?? null;
  }

  /** The process that plays the pod's container now. */
  programOf(pod: PodIdentity): Program | null {
    return this.#programs.get(pod.uid) ?? null;
  }

  startContainer(pod: PodIdentity, events: ContainerEvents): RunningContainer {
    const plan = programFor(this.#options.topology, pod.workload, pod.container);
    const bind = this.#binds.get(pod.uid);
    if (!bind) throw new Error(`pod ${pod.name} has no address`);
    const startedMs = realMs();
    let heard = false;
    const listening = (): void => {
      if (heard) return;
      heard = true;
      events.onListening(realMs() - startedMs);
    };
    let lastError = "";
    const program = this.#options.supervisor.start({
      name: pod.name,
      command: plan.command,
      ...(plan.cwd === undefined ? {} : { cwd: plan.cwd }),
      env: this.#envOf(pod, plan, bind),
      onStdoutLine: (line) => {
        if (plan.own && line.includes('"listening"')) listening();
      },
      onStderrLine: (line) => {
        lastError = line.slice(0, 500);
        if (!plan.own) this.#options.onLog("info", `${pod.name}: ${lastError}`);
      },
    });
    this.#programs.set(pod.uid, program);
    void program.exited.then((exit) => {
      const how = exit.error ?? (exit.signal === null ? `exit code ${exit.code}` : exit.signal);
      events.onExit(
        exit.code === 0 || exit.signal !== null || lastError === "" ? how : `${how}: ${lastError}`,
      );
    });
    if (!plan.own) this.#waitForConnection(bind, program, listening);
    return {
      probe: (probe, kind) => this.#probe(pod, plan, probe, kind),
      terminate: (graceSeconds) => this.#terminate(program, graceSeconds),
    };
  }

  /** Where a pod's metrics are on this machine; null where the pod is not. A stand-in has them on a page of its own. */
  scrapeAddressOf(
    pod: PodIdentity,
    target: Pick<ScrapeTarget, "path" | "port">,
  ): (BindAddress & { readonly path: string }) | null {
    const plan = programFor(this.#options.topology, pod.workload, pod.container);
    const address = this.#reach(pod, target.port);
    return address && { ...address, path: plan.standIn ? "/metrics" : target.path };
  }

  async scrape(pod: PodIdentity, target: ScrapeTarget): Promise<string> {
    const at = this.scrapeAddressOf(pod, target);
    if (!at) throw new Error("no address");
    const timeoutMs = Math.max(1, target.timeoutUs / 1000 / this.#options.clock.speed);
    const url = `http://${at.bindAddress}:${at.bindPort}${at.path}`;
    const { statusCode, body } = await request(url, {
      dispatcher: this.#http,
      headersTimeout: Math.max(MIN_REAL_TIMEOUT_MS, timeoutMs),
      bodyTimeout: Math.max(MIN_REAL_TIMEOUT_MS, timeoutMs),
    });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`server returned HTTP status ${statusCode}`);
    }
    let text = "";
    for await (const chunk of body) {
      text += String(chunk);
      if (text.length > MAX_SCRAPE_BYTES) throw new Error("body size limit exceeded");
    }
    return text;
  }

  publishEndpoints(service: Service, version: number, endpoints: readonly PublishedEndpoint[]): void {
    const known = endpoints.flatMap(({ pod, address, ready }): SidecarEndpoint[] => {
      const bind = this.#reach(pod, Number(address.split(":").at(-1)));
      return bind ? [{ address, pod: pod.name, ...bind, weight: 1, ready }] : [];
    });
    this.#options.sidecars.publish(service.fqdn, version, known);
  }

  /** Whether the pod takes connections now, whatever its probes say (it may have none). */
  accepts(pod: PodIdentity): Promise<boolean> {
    const bind = this.#binds.get(pod.uid);
    if (!bind) return Promise.resolve(false);
    return new Promise((resolve) => {
      const socket = connect(bind.bindPort, bind.bindAddress);
      const settle = (accepted: boolean): void => {
        socket.destroy();
        resolve(accepted);
      };
      socket.once("connect", () => settle(true)).once("error", () => settle(false));
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#http.destroy();
  }

  #isEntry(pod: PodIdentity): boolean {
    return pod.workload === this.#options.topology.entry.workload;
  }

  /** Where a container port of the pod is on this machine. */
  #reach(pod: PodIdentity, containerPort: number): BindAddress | null {
    const bind = this.#binds.get(pod.uid);
    if (!bind) return null;
    const { addresses, topology } = this.#options;
    const { standIn, own } = programFor(topology, pod.workload, pod.container);
    if (answersAt(pod.container, standIn, containerPort)) return bind;
    if (!addresses.oneAddress) return { ...bind, bindPort: containerPort };
    // Pods differ by port: a user's program has only the one that it was given, ours has nothing at any other.
    return own === null ? bind : { ...bind, bindPort: NOBODYS_PORT };
  }

  #envOf(pod: PodIdentity, plan: ContainerProgram, bind: BindAddress): Record<string, string> {
    const { topology, clock, seed, hostEnv, addresses } = this.#options;
    const view = this.#isEntry(pod) ? this.#options.sidecars.viewOf(pod) : null;
    const env: Record<string, string> = {
      ...containerEnv(pod),
      ...plan.env,
      ...declaredEnv(topology, plan.own),
    };
    // A headless name stays as it is for our own gateway: it asks the proxy's DNS, as it would in a cluster. Where pods
    // differ by port, an address alone does not lead to them.
    const listeners = (view?.listeners ?? []).filter(
      ({ headless }) => !headless || plan.own === null || addresses.oneAddress,
    );
    const rewritten = Object.entries(env).map(([name, value]) => [
      name,
      rewriteServiceNames(value, listeners, topology.namespace),
    ]);
    return {
      ...(plan.own === null ? definedOf(hostEnv) : {}),
      ...(Object.fromEntries(rewritten) as Record<string, string>),
      PORT: String(bind.bindPort),
      LISTEN_ADDRESS: bind.bindAddress,
      HOST: bind.bindAddress,
      POD_NAME: env["POD_NAME"] ?? pod.name,
      POD_IP: pod.podIP,
      LIMPET_SEED: String(seed),
      ...(plan.honoursSpeed ? clock.env() : {}),
      ...(view?.dns ? { DNS_SERVER: `${view.dns.bindAddress}:${view.dns.bindPort}` } : {}),
    };
  }

  async #probe(pod: PodIdentity, plan: ContainerProgram, probe: Probe, kind: string): Promise<boolean> {
    const address = this.#reach(pod, probe.port);
    if (!address || this.#stopped) return false;
    // A stand-in has pages of its own for this, whatever the image it stands for would have had.
    const path = plan.standIn ? (kind === "readiness" ? "/ready" : "/health") : probe.path;
    const timeoutMs = Math.max(
      MIN_REAL_TIMEOUT_MS,
      (probe.timeoutSeconds * 1000) / this.#options.clock.speed,
    );
    try {
      const { statusCode, body } = await request(`http://${address.bindAddress}:${address.bindPort}${path}`, {
        dispatcher: this.#http,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      await body.dump();
      return statusCode >= 200 && statusCode < 400;
    } catch {
      return false;
    }
  }

  #terminate(program: Program, graceSeconds: number): void {
    program.signal("SIGTERM");
    const graceMs = Math.max(MIN_REAL_TIMEOUT_MS, (graceSeconds * 1000) / this.#options.clock.speed);
    const timer = setTimeout(() => program.signal("SIGKILL"), graceMs);
    void program.exited.then(() => clearTimeout(timer));
  }

  /** A user's program does not say when it listens: try until a connection is taken. */
  #waitForConnection(bind: BindAddress, program: Program, listening: () => void): void {
    let gone = false;
    void program.exited.then(() => (gone = true));
    const attempt = (): void => {
      if (gone || this.#stopped) return;
      const socket = connect(bind.bindPort, bind.bindAddress);
      socket.once("connect", () => {
        socket.destroy();
        listening();
      });
      socket.once("error", () => setTimeout(attempt, 10));
    };
    attempt();
  }
}

const definedOf = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
