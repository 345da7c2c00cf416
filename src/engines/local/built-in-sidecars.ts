/** Limpet's own proxy as the sidecar of each pod of the entry. */
import type { PodIdentity } from "../../controlplane/substrate.ts";
import { type Program, ownProgram } from "../../exec/supervisor.ts";
import type { SidecarEndpoint, SidecarOrder, SidecarReport } from "../../services/sidecar/protocol.ts";
import {
  type Sidecars,
  type SidecarView,
  type SidecarsOptions,
  headlessOf,
  newView,
  restartDelaySeconds,
} from "./sidecars.ts";

type Entry = { pod: PodIdentity; program: Program; view: SidecarView; removed: boolean; restarts: number };

export class BuiltInSidecars implements Sidecars {
  readonly #options: SidecarsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #endpoints = new Map<string, SidecarOrder>();
  #stopped = false;

  constructor(options: SidecarsOptions) {
    this.#options = options;
  }

  async add(pod: PodIdentity): Promise<void> {
    const { topology, addresses } = this.#options;
    const { view } = await newView(topology, addresses);
    const entry: Entry = {
      pod,
      program: undefined as unknown as Program,
      view,
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
      headless: headlessOf(topology),
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
    const delaySeconds = restartDelaySeconds(entry.restarts);
    entry.restarts++;
    clock.at(clock.nowUs() + delaySeconds * 1e6, () => {
      if (entry.removed || this.#stopped) return;
      this.#options.onContainer(entry.pod, "restarting", "istio-proxy");
      void this.#start(entry);
    });
  }
}

const tell = (program: Program, order: SidecarOrder): void => program.writeLine(JSON.stringify(order));
