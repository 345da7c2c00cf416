/** Brings faults about on a running topology, and says whether they were seen to take effect. */
import type { Clock } from "../../clock/clock.ts";
import type { ControlPlane } from "../../controlplane/control-plane.ts";
import type { PodIdentity } from "../../controlplane/substrate.ts";
import type { Topology } from "../../topology/types.ts";
import type { Fault } from "../engine.ts";
import type { LocalSubstrate } from "./local-substrate.ts";
import type { Metrics } from "./metrics.ts";
import type { Sidecars } from "./sidecars.ts";

const FAULT_LIMIT_SECONDS = 30;
const FAULT_MIN_REAL_MS = 5_000;

export type FaultsOptions = {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly plane: ControlPlane;
  readonly substrate: LocalSubstrate;
  readonly sidecars: Sidecars;
  readonly metrics: Metrics;
  readonly ownerOf: (tier: string, tenant: string) => string | undefined;
  /** Waits in real time until `holds`; false when the limit has passed. */
  readonly until: (holds: () => boolean, limitMs: number) => Promise<boolean>;
};

export class Faults {
  readonly #options: FaultsOptions;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  async bringAbout(fault: Fault): Promise<{ target: string; effective: boolean; detail: string }> {
    if (fault.kind === "stopPrometheus") return this.#stopPrometheus(fault.forSeconds);
    const pod = this.#victim(fault);
    if (!pod) return { target: "none", effective: false, detail: "there was no such pod" };
    if (fault.kind === "deletePod") {
      this.#options.plane.kubelet.delete(pod.name);
      const gone = await this.#options.until(
        () => this.#options.plane.kubelet.find(pod.name)?.identity.uid !== pod.uid,
        this.#faultLimitMs(),
      );
      return { target: pod.name, effective: gone, detail: gone ? "deleted" : "still there" };
    }
    const program =
      fault.kind === "killSidecar"
        ? this.#options.sidecars.programOf(pod)
        : this.#options.substrate.programOf(pod);
    if (!program) return { target: pod.name, effective: false, detail: "its container was not running" };
    program.signal("SIGKILL");
    let exited = false;
    void program.exited.then(() => (exited = true));
    const effective = await this.#options.until(() => exited, this.#faultLimitMs());
    return { target: pod.name, effective, detail: effective ? "killed" : "still running" };
  }

  #victim(fault: Exclude<Fault, { kind: "stopPrometheus" }>): PodIdentity | undefined {
    const { kubelet } = this.#options.plane;
    if (fault.kind === "killSidecar" || fault.kind === "killGateway") {
      const name = this.#options.plane.readyPods(this.#options.topology.entry.workload)[fault.gateway];
      return name === undefined ? undefined : kubelet.find(name)?.identity;
    }
    const workload = this.#options.topology.tiers.find(({ name }) => name === fault.tier)?.workload;
    const owner = fault.tenant === undefined ? undefined : this.#options.ownerOf(fault.tier, fault.tenant);
    const name = owner ?? (workload ? this.#options.plane.readyPods(workload).at(-1) : undefined);
    return name === undefined ? undefined : kubelet.find(name)?.identity;
  }

  async #stopPrometheus(forSeconds: number): Promise<{ target: string; effective: boolean; detail: string }> {
    await this.#options.metrics.stopFor(forSeconds);
    return { target: "prometheus", effective: true, detail: `away for ${forSeconds} s` };
  }

  #faultLimitMs(): number {
    return Math.max(FAULT_MIN_REAL_MS, (FAULT_LIMIT_SECONDS * 1000) / this.#options.clock.speed);
  }
}
