/** The client-side proxies, one for each pod of the entry: what the engine asks of them, whoever they are. */
import type { WallClock } from "../../clock/wall-clock.ts";
import type { PodIdentity } from "../../controlplane/substrate.ts";
import type { Program, Supervisor } from "../../exec/supervisor.ts";
import type { AccessLogEntry, SidecarEndpoint, SidecarOrder } from "../../services/sidecar/protocol.ts";
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

export interface Sidecars {
  /** Starts the pod's proxy and resolves when it listens. */
  add(pod: PodIdentity): Promise<void>;
  remove(pod: PodIdentity): void;
  /** What the pod's own container sees of its proxy. */
  viewOf(pod: PodIdentity): SidecarView | null;
  /** The process that plays the proxy now. */
  programOf(pod: PodIdentity): Program | null;
  /** The whole endpoint list of one Service, for all proxies there are and will be. */
  publish(service: string, version: number, endpoints: readonly SidecarEndpoint[]): void;
  /** From now on nothing is restarted. */
  stop(): void;
}

const DNS_PORT = 5353;

/** Where each Service port is listened for, and DNS, in a pod of the entry. */
export async function newView(
  topology: Topology,
  addresses: Addresses,
): Promise<{ readonly view: SidecarView; readonly own: BindAddress }> {
  const own = await addresses.next(0);
  const listeners = await Promise.all(
    topology.routes.map(async (route) => {
      const bind = await addresses.next(route.port);
      const headless = topology.services.find(({ fqdn }) => fqdn === route.host)?.headless ?? false;
      return { host: route.host, port: route.port, ...bind, headless };
    }),
  );
  const dns = addresses.oneAddress ? own : { ...own, bindPort: DNS_PORT };
  return { view: { listeners, dns }, own };
}

/** The headless Services of the topology, as the programs that answer for their names want them. */
export const headlessOf = (
  topology: Topology,
): Extract<SidecarOrder, { readonly type: "start" }>["headless"] =>
  topology.services
    .filter(({ headless }) => headless)
    .map(({ fqdn, ports, publishNotReadyAddresses }) => ({
      service: fqdn,
      port: ports[0]?.port ?? 80,
      publishNotReadyAddresses,
    }));

/** Kubernetes restarts a container at once the first time, then after 10 s, 20 s, … up to 300 s. */
const RESTART_BASE_SECONDS = 10;
const RESTART_CAP_SECONDS = 300;

export const restartDelaySeconds = (restartsBefore: number): number =>
  restartsBefore === 0 ? 0 : Math.min(RESTART_CAP_SECONDS, RESTART_BASE_SECONDS * 2 ** (restartsBefore - 1));
