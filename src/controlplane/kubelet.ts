/** Carries pods through their lives: starts containers, probes them, restarts them, ends them. */
import type { Clock, Timer } from "../clock/clock.ts";
import type { PodEvent } from "../events/types.ts";
import { stream } from "../seed/seed.ts";
import type { Probe, Workload } from "../topology/types.ts";
import {
  containerExited,
  containerStarted,
  newPod,
  nextProbe,
  podDeleted,
  podView,
  probed,
} from "../workloads/pod-lifecycle.ts";
import { drawPodAddress } from "../workloads/pod-identity.ts";
import type { Pod, PodView, ProbeKind } from "../workloads/types.ts";
import type { PodIdentity, RunningContainer, Substrate } from "./substrate.ts";

export type LivePod = { readonly identity: PodIdentity; state: Pod; container: RunningContainer | null };

type Tracked = LivePod & { probeTimer: Timer | null; timers: Timer[]; gone: boolean };

export type KubeletOptions = {
  readonly clock: Clock;
  readonly seed: number;
  readonly substrate: Substrate;
  readonly tierOf: (workload: Workload) => string | null;
  readonly emit: (event: PodEvent) => void;
  readonly onLate: (loop: string, lateUs: number) => void;
  /** Something that controllers look at has changed. */
  readonly onChange: () => void;
};

/** Beyond this, starting is the machine's slowness, not the program's: it counts as lateness. */
const ORDINARY_START_MS = 100;

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #pods = new Map<string, Tracked>();
  readonly #incarnations = new Map<string, number>();
  readonly #addresses = new Set<string>();
  #stopped = false;

  constructor(options: KubeletOptions) {
    this.#options = options;
  }

  pods(): LivePod[] {
    return [...this.#pods.values()];
  }

  podsOf(workload: Workload): LivePod[] {
    return this.pods().filter(({ identity }) => identity.workload === workload);
  }

  find(name: string): LivePod | undefined {
    return this.#pods.get(name);
  }

  create(workload: Workload, name: string, ordinal: number): void {
    const { clock, seed, tierOf } = this.#options;
    const incarnation = (this.#incarnations.get(name) ?? 0) + 1;
    this.#incarnations.set(name, incarnation);
    const identity: PodIdentity = {
      name,
      uid: uidOf(seed, name, incarnation),
      podIP: drawPodAddress(seed, name, incarnation, this.#addresses),
      workload,
      container: workload.container,
      tier: tierOf(workload),
      ordinal,
    };
    const { container } = workload;
    const state = newPod(
      {
        name,
        startupProbe: container.startupProbe,
        readinessProbe: container.readinessProbe,
        livenessProbe: container.livenessProbe,
        terminationGracePeriodSeconds: workload.terminationGracePeriodSeconds,
        preStopSleepSeconds: container.preStopSleepSeconds,
      },
      clock.nowUs(),
    );
    const pod: Tracked = { identity, state, container: null, probeTimer: null, timers: [], gone: false };
    this.#pods.set(name, pod);
    this.#emit(pod, "created");
    void this.#options.substrate.addPod(identity).then(() => {
      if (pod.state.deletion) this.#remove(pod);
      else this.#start(pod);
    });
  }

  delete(name: string): void {
    const pod = this.#pods.get(name);
    if (!pod || pod.state.deletion) return;
    const { clock } = this.#options;
    pod.state = podDeleted(pod.state, clock.nowUs());
    this.#emit(pod, "terminating");
    const deletion = pod.state.deletion;
    if (!pod.container || !deletion) return void (pod.container || this.#remove(pod));
    const graceSeconds = (deletion.sigkillAtUs - deletion.sigtermAtUs) / 1e6;
    pod.timers.push(clock.at(deletion.sigtermAtUs, () => pod.container?.terminate(graceSeconds)));
    this.#options.onChange();
  }

  stop(): void {
    this.#stopped = true;
    for (const pod of this.#pods.values()) cancelTimers(pod);
  }

  #start(pod: Tracked): void {
    if (this.#stopped || pod.gone) return;
    const { clock, substrate, onLate, onChange } = this.#options;
    pod.container = substrate.startContainer(pod.identity, {
      onListening: (startMsReal) => {
        this.#emit(pod, "listening", { startMsReal: Math.round(startMsReal * 10) / 10 });
        if (Number.isFinite(clock.speed))
          onLate(
            `start ${pod.identity.name}`,
            Math.max(0, startMsReal - ORDINARY_START_MS) * 1000 * clock.speed,
          );
        // The kubelet probes at once when it sees a started container that is not ready.
        this.#probeNow(pod);
      },
      onExit: (reason) => this.#exited(pod, reason),
    });
    this.#change(pod, containerStarted(pod.state, clock.nowUs()));
    this.#armProbe(pod);
    onChange();
  }

  #exited(pod: Tracked, reason: string): void {
    if (this.#stopped || pod.gone) return;
    const { clock, onChange } = this.#options;
    pod.container = null;
    pod.probeTimer?.cancel();
    if (pod.state.deletion) return this.#remove(pod);
    this.#emit(pod, "exited", { reason });
    this.#change(pod, containerExited(pod.state, clock.nowUs(), reason === "exit code 0" ? 0 : 1));
    const { container } = pod.state;
    if (container.state === "waiting") {
      pod.timers.push(
        clock.at(container.startAtUs, () => {
          if (pod.state.deletion || pod.gone) return;
          this.#emit(pod, "restarting", { reason: container.reason });
          this.#start(pod);
        }),
      );
    }
    onChange();
  }

  #remove(pod: Tracked): void {
    if (pod.gone) return;
    pod.gone = true;
    cancelTimers(pod);
    this.#pods.delete(pod.identity.name);
    this.#addresses.delete(pod.identity.podIP);
    this.#options.substrate.removePod(pod.identity);
    this.#emit(pod, "deleted");
    this.#options.onChange();
  }

  #armProbe(pod: Tracked): void {
    pod.probeTimer?.cancel();
    const next = nextProbe(pod.state);
    if (!next || this.#stopped || pod.gone) return;
    pod.probeTimer = this.#options.clock.at(next.atUs, () => this.#probe(pod, next.kind));
  }

  #probeNow(pod: Tracked): void {
    const kind: ProbeKind | null = pod.state.ready
      ? null
      : pod.state.spec.startupProbe && !pod.state.started
        ? "startup"
        : pod.state.spec.readinessProbe
          ? "readiness"
          : null;
    if (kind) void this.#probe(pod, kind);
  }

  /** Ends within the call where the substrate answers at once, as it does in virtual time: a day has millions of probes. */
  #probe(pod: Tracked, kind: ProbeKind): void | Promise<void> {
    const { container } = pod;
    const probe = probeOf(pod.identity, kind);
    if (!container || !probe || this.#stopped) return;
    pod.probeTimer?.cancel();
    const answer = container.probe(probe, kind);
    if (typeof answer === "boolean") return this.#probed(pod, container, kind, answer);
    return answer.then((success) => this.#probed(pod, container, kind, success));
  }

  #probed(pod: Tracked, container: RunningContainer, kind: ProbeKind, success: boolean): void {
    if (pod.container !== container || pod.gone || this.#stopped) return;
    const step = probed(pod.state, kind, success, this.#options.clock.nowUs());
    this.#change(pod, step.pod);
    if (step.kill !== null) {
      this.#emit(pod, "notReady", { reason: step.kill });
      container.terminate(pod.state.spec.terminationGracePeriodSeconds);
    }
    this.#armProbe(pod);
  }

  #change(pod: Tracked, next: Pod): void {
    const before = podView(pod.state).ready;
    pod.state = next;
    const after = podView(next).ready;
    if (before === after) return;
    this.#emit(pod, after ? "ready" : "notReady");
    this.#options.onChange();
  }

  #emit(pod: Tracked, what: PodEvent["what"], more: Partial<PodEvent> = {}): void {
    const { name, uid, podIP, workload, tier } = pod.identity;
    const atUs = this.#options.clock.nowUs();
    this.#options.emit({
      type: "pod",
      atUs,
      tier,
      workload: workload.name,
      pod: name,
      uid,
      podIP,
      what,
      ...more,
    });
  }
}

export const viewOf = (pod: LivePod): PodView => podView(pod.state);

function cancelTimers(pod: Tracked): void {
  pod.probeTimer?.cancel();
  for (const timer of pod.timers) timer.cancel();
}

function probeOf(pod: PodIdentity, kind: ProbeKind): Probe | null {
  const { startupProbe, readinessProbe, livenessProbe } = pod.container;
  return { startup: startupProbe, readiness: readinessProbe, liveness: livenessProbe }[kind];
}

function uidOf(seed: number, name: string, incarnation: number): string {
  const random = stream(seed, `uid/${name}/${incarnation}`);
  const hex = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
