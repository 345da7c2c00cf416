/**
 * One pod with one container as its kubelet runs it: started, probed, restarted with back-off, deleted with grace. The
 * caller starts and stops processes and sends the probes; here it is decided when and what follows.
 *
 * @see kubernetes/kubernetes pkg/kubelet/prober/worker.go; pkg/kubelet/kuberuntime/kuberuntime_manager.go, doBackOff
 */
import type { Pod, PodSpec, PodStep, PodView, ProbeKind, ProbeProgress, ProbeSpec } from "./types.ts";

export const INITIAL_BACK_OFF_SECONDS = 10;
export const MAX_BACK_OFF_SECONDS = 300;
/** A container that has run this long starts with a clean sheet. */
export const BACK_OFF_RESET_SECONDS = 600;
/** What SIGTERM gets at least, also where preStop has used up the grace period. */
const MINIMUM_GRACE_SECONDS = 2;

const KINDS = ["startup", "readiness", "liveness"] as const;

/** A pod that was just admitted: its probe workers begin to tick now, its container is to be started. */
export function newPod(spec: PodSpec, nowUs: number): Pod {
  const worker = (probe: ProbeSpec | null, result: boolean): ProbeProgress | null =>
    probe === null
      ? null
      : { result, last: null, streak: 0, nextAtUs: nowUs + probe.periodSeconds * 1e6, onHold: false };
  return {
    spec,
    createdAtUs: nowUs,
    phase: "Pending",
    container: { state: "waiting", reason: "ContainerCreating", startAtUs: nowUs },
    restarts: 0,
    lastExitCode: null,
    backOff: { seconds: 0, updatedAtUs: nowUs },
    started: false,
    ready: false,
    readySinceUs: null,
    probes: {
      startup: worker(spec.startupProbe, false),
      readiness: worker(spec.readinessProbe, false),
      liveness: worker(spec.livenessProbe, true),
    },
    deletion: null,
  };
}

/** The container's process runs. What an earlier container's probes said is forgotten; only their streaks live on. */
export function containerStarted(pod: Pod, nowUs: number): Pod {
  const fresh = (probe: ProbeProgress | null, result: boolean): ProbeProgress | null =>
    probe === null ? null : { ...probe, result, onHold: false };
  const next: Pod = {
    ...pod,
    phase: "Running",
    container: { state: "running", startedAtUs: nowUs },
    started: false,
    probes: {
      startup: fresh(pod.probes.startup, false),
      readiness: fresh(pod.probes.readiness, false),
      liveness: fresh(pod.probes.liveness, true),
    },
  };
  return pod.spec.startupProbe === null ? withStarted(next, nowUs) : withReady(next, false, nowUs);
}

/** Started: ready at once without a readinessProbe; with one the kubelet asks immediately, then each period from now. */
function withStarted(pod: Pod, nowUs: number): Pod {
  const { readiness } = pod.probes;
  const started = { ...pod, started: true };
  if (readiness === null) return withReady(started, true, nowUs);
  const probes = { ...pod.probes, readiness: { ...readiness, nextAtUs: nowUs } };
  return withReady({ ...started, probes }, false, nowUs);
}

const withReady = (pod: Pod, ready: boolean, nowUs: number): Pod => ({
  ...pod,
  ready,
  readySinceUs: ready ? (pod.readySinceUs ?? nowUs) : null,
});

/**
 * The container's process ended. A pod that is being deleted is done with it; any other restarts it: the first time at
 * once, then after 10 s, doubling to 300 s, and again at once when it has lived for 10 minutes.
 */
export function containerExited(pod: Pod, nowUs: number, exitCode: number): Pod {
  const down = { ...withReady(pod, false, nowUs), started: false, lastExitCode: exitCode };
  if (pod.deletion !== null) return { ...down, container: { state: "terminated", exitCode } };
  const { seconds, updatedAtUs } = pod.backOff;
  const isClean = seconds === 0 || nowUs - updatedAtUs > BACK_OFF_RESET_SECONDS * 1e6;
  const startAtUs = isClean ? nowUs : nowUs + seconds * 1e6;
  return {
    ...down,
    restarts: pod.restarts + 1,
    container: { state: "waiting", reason: isClean ? "ContainerCreating" : "CrashLoopBackOff", startAtUs },
    backOff: {
      seconds: isClean ? INITIAL_BACK_OFF_SECONDS : Math.min(seconds * 2, MAX_BACK_OFF_SECONDS),
      updatedAtUs: startAtUs,
    },
  };
}

/** The probe that comes next and when; null while none can come. */
export function nextProbe(pod: Pod): { readonly kind: ProbeKind; readonly atUs: number } | null {
  let next: { kind: ProbeKind; atUs: number } | null = null;
  for (const kind of KINDS) {
    const atUs = nextProbeAtUs(pod, kind);
    if (atUs !== null && (next === null || atUs < next.atUs)) next = { kind, atUs };
  }
  return next;
}

function nextProbeAtUs(pod: Pod, kind: ProbeKind): number | null {
  const probe = specOf(pod, kind);
  const worker = pod.probes[kind];
  if (probe === null || worker === null || worker.onHold || pod.container.state !== "running") return null;
  // Readiness is asked to the end: that is what `serving` reports while the pod drains.
  if (pod.deletion !== null && kind !== "readiness") return null;
  if ((kind === "startup") === pod.started) return null;
  const fromUs = pod.container.startedAtUs + probe.initialDelaySeconds * 1e6;
  return tickFrom(worker.nextAtUs, probe.periodSeconds * 1e6, fromUs);
}

/** The first of the ticks `first`, `first + period`, … that is not before `fromUs`. */
function tickFrom(first: number, periodUs: number, fromUs: number): number {
  return first >= fromUs ? first : first + Math.ceil((fromUs - first) / periodUs) * periodUs;
}

const specOf = ({ spec }: Pod, kind: ProbeKind): ProbeSpec | null =>
  ({ startup: spec.startupProbe, readiness: spec.readinessProbe, liveness: spec.livenessProbe })[kind];

/**
 * A probe was answered (or not, in `timeoutSeconds`). Only so many equal answers in a row change anything; a failed
 * liveness or startup probe then has the container stopped.
 */
export function probed(pod: Pod, kind: ProbeKind, success: boolean, nowUs: number): PodStep {
  const probe = specOf(pod, kind);
  const dueUs = nextProbeAtUs(pod, kind);
  // An answer may come after the container is gone or the pod deleted: then it says nothing any more.
  if (probe === null || dueUs === null) return { pod, kill: null };
  const worker = pod.probes[kind]!;
  const streak = worker.last === success ? worker.streak + 1 : 1;
  const reached = streak >= (success ? probe.successThreshold : probe.failureThreshold);
  const nextAtUs = tickFrom(dueUs + probe.periodSeconds * 1e6, probe.periodSeconds * 1e6, nowUs);
  const fatal = reached && !success && kind !== "readiness";
  const after: ProbeProgress = {
    result: reached ? success : worker.result,
    last: success,
    streak: fatal ? 0 : streak,
    nextAtUs,
    onHold: fatal,
  };
  const next = { ...pod, probes: { ...pod.probes, [kind]: after } };
  if (fatal) {
    const name = kind === "startup" ? "startup" : "liveness";
    return { pod: next, kill: `Container failed ${name} probe, will be restarted` };
  }
  if (!reached || kind === "liveness") return { pod: next, kill: null };
  if (kind === "startup") return { pod: withStarted(next, nowUs), kill: null };
  return { pod: withReady(next, success, nowUs), kill: null };
}

/**
 * The pod was deleted: preStop, then SIGTERM, then, when the grace period that counts from now is used up, SIGKILL. A
 * pod whose container does not run has nothing to wait for.
 */
export function podDeleted(pod: Pod, nowUs: number): Pod {
  if (pod.deletion !== null) return pod;
  if (pod.container.state !== "running") {
    const deletion = { atUs: nowUs, sigtermAtUs: nowUs, sigkillAtUs: nowUs };
    return { ...pod, deletion, container: { state: "terminated", exitCode: pod.lastExitCode ?? 0 } };
  }
  const grace = pod.spec.terminationGracePeriodSeconds;
  const preStop = Math.min(pod.spec.preStopSleepSeconds, grace);
  const sigtermAtUs = nowUs + preStop * 1e6;
  const sigkillAtUs = sigtermAtUs + Math.max(grace - preStop, MINIMUM_GRACE_SECONDS) * 1e6;
  return { ...pod, deletion: { atUs: nowUs, sigtermAtUs, sigkillAtUs } };
}

/** The pod as the API shows it to controllers. */
export const podView = (pod: Pod): PodView => ({
  name: pod.spec.name,
  phase: pod.phase,
  ready: pod.ready,
  readySinceUs: pod.readySinceUs,
  terminating: pod.deletion !== null,
  createdAtUs: pod.createdAtUs,
});
