/** A real Envoy as the sidecar of each pod of the entry, configured as istiod would. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PodIdentity } from "../../../controlplane/substrate.ts";
import { type Program, ownProgram } from "../../../exec/supervisor.ts";
import type { ResolvedRoute } from "../../../routing/types.ts";
import type { Door, RedirectOrder } from "../../../services/redirect/protocol.ts";
import type { SidecarEndpoint } from "../../../services/sidecar/protocol.ts";
import type { JsonObject } from "../../../topology/types.ts";
import type { BindAddress } from "../addresses.ts";
import {
  type Sidecars,
  type SidecarView,
  type SidecarsOptions,
  headlessOf,
  newView,
  restartDelaySeconds,
} from "../sidecars.ts";
import { accessLogEntry } from "./access-log.ts";
import { type EnvoyListener, envoyBootstrap } from "./bootstrap.ts";
import { writeEndpoints } from "./endpoint-files.ts";
import { startEnvoy } from "./envoy-process.ts";

export type EnvoySidecarsOptions = SidecarsOptions & {
  /** Path of the program. */
  readonly envoy: string;
};

/** Where an Istio proxy has its administration too. */
const ADMIN_PORT = 15_000;
/** Discard: nobody listens there. */
const NOWHERE_PORT = 9;

type Entry = {
  readonly pod: PodIdentity;
  readonly view: SidecarView;
  readonly admin: BindAddress;
  readonly bootstrap: JsonObject;
  readonly redirect: Program;
  envoy: Program | null;
  removed: boolean;
  restarts: number;
};

export class EnvoySidecars implements Sidecars {
  readonly #options: EnvoySidecarsOptions;
  readonly #folder: string;
  readonly #entries = new Map<string, Entry>();
  readonly #published = new Map<string, Extract<RedirectOrder, { type: "endpoints" }>>();
  /** Every endpoint there is or was, by the address that Envoy knows it by. */
  readonly #endpoints = new Map<string, SidecarEndpoint>();
  #stopped = false;

  constructor(options: EnvoySidecarsOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), "limpet-envoy-"));
    options.supervisor.removeAtEnd(this.#folder);
    // Envoy waits for the file of every Service that a cluster is over.
    for (const { fqdn } of options.topology.services) writeEndpoints(this.#folder, fqdn, 0, []);
  }

  async add(pod: PodIdentity): Promise<void> {
    const { topology, addresses, clock, overrideLbPolicy } = this.#options;
    const { view, own } = await newView(topology, addresses);
    const admin = await addresses.next(ADMIN_PORT);
    const doors: Door[] = [];
    const listeners: EnvoyListener[] = [];
    for (const [index, route] of topology.routes.entries()) {
      const { bindAddress, bindPort, headless } = view.listeners[index]!;
      const open = { bindAddress, bindPort };
      const proxyProtocol = headless || needsDestination(route);
      const at = proxyProtocol ? await addresses.next(route.port) : open;
      listeners.push({ route, proxyProtocol, ...at });
      if (proxyProtocol) doors.push({ service: route.host, port: route.port, open, proxy: at });
    }
    const bootstrap = envoyBootstrap({
      node: pod.name,
      listeners,
      admin,
      endpointsFolder: this.#folder,
      speed: clock.speed,
      ...(overrideLbPolicy ? { overrideLbPolicy } : {}),
    });
    const { program: redirect, started } = this.#startRedirect(pod, view, doors, own);
    const entry: Entry = {
      pod,
      view,
      admin,
      bootstrap,
      redirect,
      envoy: null,
      removed: false,
      restarts: 0,
    };
    this.#entries.set(pod.uid, entry);
    await Promise.all([started, this.#start(entry)]);
  }

  remove(pod: PodIdentity): void {
    const entry = this.#entries.get(pod.uid);
    if (!entry) return;
    entry.removed = true;
    entry.envoy?.signal("SIGTERM");
    entry.redirect.signal("SIGTERM");
    this.#entries.delete(pod.uid);
  }

  viewOf(pod: PodIdentity): SidecarView | null {
    return this.#entries.get(pod.uid)?.view ?? null;
  }

  programOf(pod: PodIdentity): Program | null {
    return this.#entries.get(pod.uid)?.envoy ?? null;
  }

  publish(service: string, version: number, endpoints: readonly SidecarEndpoint[]): void {
    for (const endpoint of endpoints)
      this.#endpoints.set(`${endpoint.bindAddress}:${endpoint.bindPort}`, endpoint);
    writeEndpoints(this.#folder, service, version, endpoints);
    const order = { type: "endpoints", service, version, endpoints } as const;
    this.#published.set(service, order);
    for (const { redirect } of this.#entries.values()) tell(redirect, order);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The names of headless Services, and what a connection was opened to: Envoy does not do these for itself. */
  #startRedirect(
    pod: PodIdentity,
    view: SidecarView,
    doors: readonly Door[],
    own: BindAddress,
  ): { readonly program: Program; readonly started: Promise<void> } {
    const { supervisor, topology, seed, onLog } = this.#options;
    let heard: () => void = () => {};
    const started = new Promise<void>((resolve) => (heard = resolve));
    const program = supervisor.start({
      name: `${pod.name} redirect`,
      command: ownProgram("services/redirect"),
      env: {},
      onStdoutLine: () => heard(),
      onStderrLine: (line) => onLog("error", line.slice(0, 500)),
    });
    tell(program, {
      type: "start",
      seed,
      doors,
      dns: view.dns,
      headless: headlessOf(topology),
      nowhere: { bindAddress: own.bindAddress, bindPort: NOWHERE_PORT },
    });
    for (const order of this.#published.values()) tell(program, order);
    return { program, started: Promise.race([started, program.exited.then(() => {})]) };
  }

  async #start(entry: Entry): Promise<void> {
    const { supervisor, envoy, onLog, onContainer } = this.#options;
    const { pod, admin, bootstrap } = entry;
    const { program, live } = startEnvoy({
      supervisor,
      envoy,
      name: `${pod.name} istio-proxy`,
      folder: this.#folder,
      file: `${pod.uid}.bootstrap.json`,
      bootstrap,
      admin,
      onStdoutLine: (line) => this.#logged(pod, line),
      onStderrLine: (line) => onLog("warn", `istio-proxy of ${pod.name}: ${line.slice(0, 500)}`),
    });
    entry.envoy = program;
    void program.exited.then((exit) => {
      if (entry.removed || this.#stopped) return;
      const how = exit.error ?? exit.signal ?? `exit code ${exit.code}`;
      onContainer(pod, "exited", `istio-proxy: ${how}`);
      this.#restart(entry);
    });
    const listens = await live;
    if (listens && entry.restarts > 0) onContainer(pod, "listening", "istio-proxy");
  }

  #restart(entry: Entry): void {
    const { clock, onContainer } = this.#options;
    const delaySeconds = restartDelaySeconds(entry.restarts);
    entry.restarts++;
    clock.at(clock.nowUs() + delaySeconds * 1e6, () => {
      if (entry.removed || this.#stopped) return;
      onContainer(entry.pod, "restarting", "istio-proxy");
      void this.#start(entry);
    });
  }

  #logged(pod: PodIdentity, line: string): void {
    const { clock, onAccess } = this.#options;
    const entry = accessLogEntry(line, {
      speed: clock.speed,
      atUsOf: (unixMs) => clock.usAtRealUnixMs(unixMs),
      endpointAt: (address) => this.#endpoints.get(address),
    });
    if (entry !== null) onAccess(pod, entry);
  }
}

/** Whether a pod is chosen by the address that the client's connection was opened to. */
const needsDestination = (route: ResolvedRoute): boolean =>
  route.destinations.some(({ cluster }) => cluster.type === "ORIGINAL_DST");

const tell = (program: Program, order: RedirectOrder): void => program.writeLine(JSON.stringify(order));
