/** The client-side proxies, one for each pod of the entry, and what each of them was told. */
import type { WallClock } from "../../clock/wall-clock.ts";
import type { PodIdentity } from "../../controlplane/substrate.ts";
import { type Program, type Supervisor, ownProgram } from "../../exec/supervisor.ts";
import type {
  AccessLogEntry,
  SidecarEndpoint,
  SidecarOrder,
  SidecarReport,
} from "../../services/sidecar/protocol.ts";
import type { Topology } from "../../topology/types.ts";
import type { Addresses, BindAddress } from "./addresses.ts";
import type { Listener } from "./programs.ts";

export type SidecarView = {
  readonly listeners: readonly (Listener & { readonly headless: boolean })[];
  readonly dns: BindAddress;
};

export type SidecarsOptions = {
  readonly topology: Topology;
  readonly clock: WallClock;
  readonly seed: number;
  readonly supervisor: Supervisor;
  readonly addresses: Addresses;
  readonly overrideLbPolicy?: "RANDOM";
  readonly onAccess: (pod: PodIdentity, entry: AccessLogEntry) => void;
  readonly onLog: (level: "info" | "warn" | "error", message: string) => void;
  /** The proxy's own container: it exited, it is back. */
  readonly onContainer: (
    pod: PodIdentity,
    what: "exited" | "restarting" | "listening",
    reason: string,
  ) => void;
};

type Entry = { pod: PodIdentity; program: Program; view: SidecarView; removed: boolean; restarts: number };

const DNS_PORT = 5353;

/** Kubernetes restarts a container at once the first time, then after 10 s, 20 s, … up to 300 s. */
const RESTART_BASE_SECONDS = 10;
const RESTART_CAP_SECONDS = 300;

export class Sidecars {
  readonly #options: SidecarsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #endpoints = new Map<string, SidecarOrder>();
  #stopped = false;

  constructor(options: SidecarsOptions) {
    this.#options = options;
  }

  async add(pod: PodIdentity): Promise<void> {
    const { topology, addresses } = this.#options;
    const own = await addresses.next(0);
    const listeners = await Promise.all(
      topology.routes.map(async (route) => {
        const bind = await addresses.next(route.port);
        const headless = topology.services.find(({ fqdn }) => fqdn === route.host)?.headless ?? false;
        return { host: route.host, port: route.port, ...bind, headless };
      }),
    );
    const dns = addresses.oneAddress ? own : { ...own, bindPort: DNS_PORT };
    const entry: Entry = {
      pod,
      program: undefined as unknown as Program,
      view: { listeners, dns },
      removed: false,
      restarts: 0,
    };
    this.#entries.set(pod.uid, entry);
    await this.#start(entry);
  }

  remove(pod: PodIdentity): void {
    const entry = this.#entries.get(pod.uid);
    if (!entry) return;
    entry.removed = true;
    entry.program.signal("SIGTERM");
    this.#entries.delete(pod.uid);
  }

  viewOf(pod: PodIdentity): SidecarView | null {
    return this.#entries.get(pod.uid)?.view ?? null;
  }

  programOf(pod: PodIdentity): Program | null {
    return this.#entries.get(pod.uid)?.program ?? null;
  }

  publish(service: string, version: number, endpoints: readonly SidecarEndpoint[]): void {
    const order: SidecarOrder = { type: "endpoints", service, version, endpoints };
    this.#endpoints.set(service, order);
    for (const { program } of this.#entries.values()) tell(program, order);
  }

  stop(): void {
    this.#stopped = true;
  }

  #start(entry: Entry): Promise<void> {
    const { topology, clock, seed, supervisor, overrideLbPolicy } = this.#options;
    let started: () => void = () => {};
    const listening = new Promise<void>((resolve) => (started = resolve));
    const program = supervisor.start({
      name: `${entry.pod.name} istio-proxy`,
      command: ownProgram("services/sidecar"),
      env: { ...clock.env(), LIMPET_SEED: String(seed), POD_NAME: entry.pod.name },
      onStdoutLine: (line) => {
        const report = JSON.parse(line) as SidecarReport;
        if (report.type === "access") this.#options.onAccess(entry.pod, report);
        else {
          started();
          if (entry.restarts > 0) this.#options.onContainer(entry.pod, "listening", "istio-proxy");
        }
      },
      onStderrLine: (line) =>
        this.#options.onLog("warn", `istio-proxy of ${entry.pod.name}: ${line.slice(0, 500)}`),
    });
    entry.program = program;
    tell(program, {
      type: "start",
      seed,
      listeners: topology.routes.map((route, index) => {
        const { bindAddress, bindPort } = entry.view.listeners[index]!;
        return { route, bindAddress, bindPort };
      }),
      dns: entry.view.dns,
      headless: topology.services
        .filter(({ headless }) => headless)
        .map(({ fqdn, ports, publishNotReadyAddresses }) => ({
          service: fqdn,
          port: ports[0]?.port ?? 80,
          publishNotReadyAddresses,
        })),
      ...(overrideLbPolicy ? { overrideLbPolicy } : {}),
    });
    for (const order of this.#endpoints.values()) tell(program, order);
    void program.exited.then((exit) => {
      if (entry.removed || this.#stopped) return;
      this.#options.onContainer(
        entry.pod,
        "exited",
        `istio-proxy: ${exit.error ?? exit.signal ?? `exit code ${exit.code}`}`,
      );
      this.#restart(entry);
    });
    return Promise.race([listening, program.exited.then(() => {})]);
  }

  #restart(entry: Entry): void {
    const { clock } = this.#options;
    const delaySeconds =
      entry.restarts === 0
        ? 0
        : Math.min(RESTART_CAP_SECONDS, RESTART_BASE_SECONDS * 2 ** (entry.restarts - 1));
    entry.restarts++;
    clock.at(clock.nowUs() + delaySeconds * 1e6, () => {
      if (entry.removed || this.#stopped) return;
      this.#options.onContainer(entry.pod, "restarting", "istio-proxy");
      void this.#start(entry);
    });
  }
}

const tell = (program: Program, order: SidecarOrder): void => program.writeLine(JSON.stringify(order));
