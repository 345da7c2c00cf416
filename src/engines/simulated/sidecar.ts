/** The container of a gateway pod's proxy: ends, and is started again with back-off, as the kubelet does it. */
import type { Clock, Timer } from "../../clock/clock.ts";
import type { Override } from "../../routing/compared/strategies.ts";
import type { Random } from "../../seed/seed.ts";
import type { Topology } from "../../topology/types.ts";
import type { ApiPod } from "./api-pod.ts";
import { type EndpointList, Proxy } from "./proxy.ts";
import type { RequestTimes } from "./request-times.ts";
import { drawUs, type SimulatedTimings } from "./timings.ts";

/** Kubernetes restarts a container at once the first time, then after 10 s, 20 s, … up to 300 s. */
const RESTART_BASE_SECONDS = 10;
const RESTART_CAP_SECONDS = 300;

export type SidecarOptions = {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number;
  readonly timings: SimulatedTimings;
  readonly times: RequestTimes;
  readonly random: Random;
  readonly sourceIp: string;
  readonly find: (address: string) => ApiPod | null;
  /** The latest list of each Service: what a proxy that starts is told. */
  readonly endpoints: ReadonlyMap<string, EndpointList>;
  readonly nextHostSet: () => number;
  readonly overrideLbPolicy?: Override;
  readonly onContainer: (what: "exited" | "restarting" | "listening", reason: string) => void;
};

export class Sidecar {
  readonly #options: SidecarOptions;
  #proxy: Proxy | null;
  #restarts = 0;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(options: SidecarOptions) {
    this.#options = options;
    this.#proxy = this.#start();
  }

  /** Null while it is down. */
  get proxy(): Proxy | null {
    return this.#proxy;
  }

  /** SIGKILL; false where it is down already. */
  kill(): boolean {
    const { clock, timings, random, onContainer } = this.#options;
    if (this.#proxy === null) return false;
    this.#proxy.die();
    this.#proxy = null;
    onContainer("exited", "SIGKILL");
    const waitSeconds =
      this.#restarts === 0
        ? 0
        : Math.min(RESTART_CAP_SECONDS, RESTART_BASE_SECONDS * 2 ** (this.#restarts - 1));
    this.#restarts++;
    this.#timer = clock.at(clock.nowUs() + waitSeconds * 1e6, () => {
      onContainer("restarting", "");
      this.#timer = clock.at(clock.nowUs() + drawUs(timings.containerRestart, random), () => {
        if (this.#stopped) return;
        this.#proxy = this.#start();
        onContainer("listening", "");
      });
    });
    return true;
  }

  /** The pod is gone. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #start(): Proxy {
    const { endpoints } = this.#options;
    const proxy = new Proxy(this.#options);
    for (const [service, list] of endpoints) proxy.update(service, list);
    return proxy;
  }
}
