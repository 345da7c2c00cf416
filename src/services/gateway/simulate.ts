/**
 * `/simulate/{tenant}`: traffic of one tenant, as real HTTP to this gateway's own `/request`, at times that are planned ahead
 * and do not wait for answers. A person's toy; the bench sends its own traffic.
 */
import { type Clock, secondsToUs, sleep, usToSeconds } from "../../clock/clock.ts";
import { type Random, stream } from "../../seed/seed.ts";
import type { Refusal } from "../shared/tenant-id.ts";
import type { BackendClient } from "./backend.ts";
import { type Attempt, podNamedBy } from "./classify.ts";

export const PATTERNS = ["constant", "poisson", "burst", "on-off"] as const;
export type Pattern = (typeof PATTERNS)[number];

export type Simulation = {
  readonly tenant: string;
  readonly tier: string | null;
  readonly durationSeconds: number;
  readonly pattern: Pattern;
  readonly seed: number;
};

export type SimulationResult = {
  readonly tenant_id: string;
  /** Answers: a 2xx that names its pod. */
  readonly requests: number;
  readonly attempts: number;
  readonly failures: Readonly<Record<string, number>>;
  /** In the order in which they first answered. */
  readonly pods: readonly { readonly pod: string; readonly requests: number }[];
  /** How often an answer came from another pod than the one before. */
  readonly switches: number;
  readonly time_to_first_success_seconds: number | null;
  readonly latency_seconds: { readonly p50: number; readonly p95: number; readonly max: number } | null;
  readonly cancelled: boolean;
};

/** Requests of one simulation that may be unanswered at once; those due beyond it are not sent, and counted as failures. */
const OUTSTANDING_MAX = 256;
const PERIOD_SECONDS = 10;

/** Seconds after the start at which requests are due; one a second on average, none at or after `durationSeconds`. Pure. */
export function plannedSeconds(pattern: Pattern, durationSeconds: number, random: Random): number[] {
  const due: number[] = [];
  if (pattern === "poisson") {
    let at = 0;
    while (at < durationSeconds) {
      due.push(at);
      at += -Math.log(1 - random.float());
    }
    return due;
  }
  for (let second = 0; second < durationSeconds; second++) {
    const inPeriod = second % PERIOD_SECONDS;
    if (pattern === "constant") due.push(second);
    else if (pattern === "burst") due.push(second - inPeriod);
    // Twice as fast for half of the time.
    else if (inPeriod < PERIOD_SECONDS / 2) due.push(second, second + 0.5);
  }
  return due.filter((at) => at < durationSeconds);
}

export function readSimulation(
  tenant: string,
  query: string,
  limits: { readonly secondsMax: number },
):
  | { readonly simulation: Simulation; readonly refusal?: never }
  | { readonly simulation?: never; readonly refusal: Refusal } {
  const params = new URLSearchParams(query);
  const refuse = (message: string): { refusal: Refusal } => ({
    refusal: { status: 400, reason: "simulation_malformed", message },
  });
  const duration = params.get("duration") ?? "60";
  const durationSeconds = Number(duration);
  if (duration.trim() === "" || !(durationSeconds > 0 && durationSeconds <= limits.secondsMax)) {
    return refuse(`duration must be a number of seconds, more than 0 and at most ${limits.secondsMax}.`);
  }
  const named = params.get("pattern") ?? "constant";
  const pattern = PATTERNS.find((known) => known === named);
  if (!pattern) return refuse(`pattern must be one of ${PATTERNS.join(", ")}.`);
  const seed = Number(params.get("seed") ?? "0");
  if (!Number.isSafeInteger(seed) || seed < 0) return refuse("seed must be a whole number, 0 or more.");
  return { simulation: { tenant, tier: params.get("tier"), durationSeconds, pattern, seed } };
}

export type SimulationDeps = {
  readonly clock: Clock;
  /** A client of this gateway's own address. */
  readonly self: BackendClient;
  readonly requestPath: string;
  readonly tenantHeader: string;
  readonly tierHeader: string;
  readonly podField: string;
};

/** Runs until every request is answered or `signal` aborts; then what was found so far is the result. */
export async function simulate(
  deps: SimulationDeps,
  simulation: Simulation,
  signal: AbortSignal,
): Promise<SimulationResult> {
  const { clock } = deps;
  const tally = new Tally(deps, clock.nowUs());
  const headers: Record<string, string> = { [deps.tenantHeader]: simulation.tenant };
  if (simulation.tier !== null) headers[deps.tierHeader] = simulation.tier;
  const random = stream(simulation.seed, `simulate/${simulation.tenant}`);
  const outstanding = new Set<Promise<void>>();
  for (const seconds of plannedSeconds(simulation.pattern, simulation.durationSeconds, random)) {
    const dueUs = tally.startUs + secondsToUs(seconds);
    if (dueUs > clock.nowUs()) await sleep(clock, dueUs - clock.nowUs(), signal);
    if (signal.aborted) break;
    tally.attempts++;
    if (outstanding.size >= OUTSTANDING_MAX) {
      tally.failed("not_sent");
      continue;
    }
    const sent: Promise<void> = deps.self
      .send({ method: "GET", path: deps.requestPath, headers, body: Buffer.alloc(0), signal })
      .then((attempt) => {
        outstanding.delete(sent);
        tally.ended(attempt, dueUs);
      });
    outstanding.add(sent);
  }
  await Promise.all(outstanding);
  // The last planned request is followed by what is left of the duration, as the original's loop is.
  const endUs = tally.startUs + secondsToUs(simulation.durationSeconds);
  if (endUs > clock.nowUs()) await sleep(clock, endUs - clock.nowUs(), signal);
  return tally.result(simulation.tenant, signal.aborted);
}

class Tally {
  readonly startUs: number;
  attempts = 0;
  readonly #deps: SimulationDeps;
  readonly #failures: Record<string, number> = {};
  readonly #pods = new Map<string, number>();
  readonly #latenciesUs: number[] = [];
  #lastPod: string | null = null;
  #switches = 0;
  #firstSuccessUs: number | null = null;

  constructor(deps: SimulationDeps, startUs: number) {
    this.#deps = deps;
    this.startUs = startUs;
  }

  failed(cause: string): void {
    this.#failures[cause] = (this.#failures[cause] ?? 0) + 1;
  }

  ended(attempt: Attempt, dueUs: number): void {
    if (attempt.kind === "aborted") return this.failed("cancelled");
    if (attempt.kind === "failed") return this.failed(attempt.cause);
    if (attempt.kind !== "answer") return this.failed(attempt.kind);
    const pod = podNamedBy(attempt.answer, this.#deps.podField);
    if (pod === null) return this.failed(causeOf(attempt.answer));
    const nowUs = this.#deps.clock.nowUs();
    this.#firstSuccessUs ??= nowUs;
    this.#latenciesUs.push(nowUs - dueUs);
    this.#pods.set(pod, (this.#pods.get(pod) ?? 0) + 1);
    if (this.#lastPod !== null && this.#lastPod !== pod) this.#switches++;
    this.#lastPod = pod;
  }

  result(tenant: string, cancelled: boolean): SimulationResult {
    const sorted = this.#latenciesUs.toSorted((a, b) => a - b);
    const quantile = (q: number): number => usToSeconds(sorted[Math.ceil(q * sorted.length) - 1] ?? 0);
    return {
      tenant_id: tenant,
      requests: sorted.length,
      attempts: this.attempts,
      failures: this.#failures,
      pods: [...this.#pods].map(([pod, requests]) => ({ pod, requests })),
      switches: this.#switches,
      time_to_first_success_seconds:
        this.#firstSuccessUs === null ? null : usToSeconds(this.#firstSuccessUs - this.startUs),
      latency_seconds:
        sorted.length === 0 ? null : { p50: quantile(0.5), p95: quantile(0.95), max: quantile(1) },
      cancelled,
    };
  }
}

/** The reason that a refusal's body gives, else its status. */
function causeOf(answer: { readonly status: number; readonly body: Buffer }): string {
  const match = /^\{"error":\{"reason":"([a-z_]{1,64})"/.exec(answer.body.toString("latin1", 0, 256));
  return match?.[1] ?? `status_${answer.status}`;
}
