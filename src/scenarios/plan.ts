/** A scenario with all its expressions worked out for one topology: what the runner runs and the checks read. */
import type { Fault } from "../engines/engine.ts";

export type Pattern = "constant" | "poisson" | "burst" | "onOff" | "ramp" | "sessions" | "diurnal";

export type PlannedLoad = {
  readonly name: string;
  readonly step: string;
  readonly tier: string;
  readonly tenants: number;
  readonly prefix: string;
  /** Requests per tenant and second of topology time. */
  readonly rate: number;
  /** Requests of each tenant in all; null = as many as the duration takes. */
  readonly requests: number | null;
  /** From the beginning of its step. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly pattern: Pattern;
  readonly onUs: number;
  readonly offUs: number;
  /** Zipf exponent of how active the tenants are beside each other; 0 = all the same. */
  readonly skew: number;
  readonly method: "GET" | "POST";
  readonly idempotent: boolean;
  readonly gateway: number;
};

export type PlannedFault = { readonly atUs: number; readonly fault: Fault };

export type PlannedStep = {
  readonly name: string;
  /** What the tiers are brought to before it; null = goes on from the step before. */
  readonly from: "zero" | "minimum" | null;
  readonly entryReplicas: number | null;
  readonly loads: readonly PlannedLoad[];
  readonly faults: readonly PlannedFault[];
  /** Pods of each tier to wait for after its loads; null = none. */
  readonly settle: Readonly<Record<string, number>> | null;
};

export type PlannedCheck = {
  readonly check: string;
  /** As shown; null = the check's own title. */
  readonly name: string | null;
  /** The loads that it looks at, in the order of the scenario; never empty. */
  readonly loads: readonly PlannedLoad[];
  /** A second load to compare with. */
  readonly other: PlannedLoad | null;
  readonly numbers: Readonly<Record<string, number>>;
};

/** What waiting for a tier's rest is bounded by. */
export type TierBounds = {
  readonly tier: string;
  /** Pods while nobody uses it: idleReplicaCount, else minReplicaCount. */
  readonly restReplicas: number;
  /** How long the topology's own settings may need from full load to rest, microseconds. */
  readonly restUs: number;
};

export type Plan = {
  readonly name: string;
  readonly file: string;
  readonly proves: string;
  readonly tiers: readonly TierBounds[];
  readonly steps: readonly PlannedStep[];
  /** One in how many requests has a row of its own in the log of an engine that samples; 1 = each. */
  readonly rowsOneIn: number;
  readonly checks: readonly PlannedCheck[];
  readonly values: Readonly<Record<string, number>>;
};

/** Requests beyond which a scenario's log holds a sample of the rows: sums stay exact. */
export const MAX_ROWS = 300_000;
/** Rows that such a sample is meant to have. */
const SAMPLED_ROWS = 50_000;

/** How many requests the load is to offer, near enough. */
export function expectedRequests(load: PlannedLoad): number {
  const { pattern, tenants, rate, requests, durationUs, onUs, offUs } = load;
  if (requests !== null) return tenants * requests;
  if (pattern === "burst") return tenants;
  const share =
    pattern === "ramp" ? 0.5 : pattern === "onOff" || pattern === "sessions" ? onUs / (onUs + offUs) : 1;
  return (tenants * rate * share * durationUs) / 1e6;
}

/** One in how many requests is to have a row of its own in the log; 1 = each. */
export function rowsOneIn(steps: readonly Pick<PlannedStep, "loads">[]): number {
  const expected = steps.flatMap(({ loads }) => loads).reduce((sum, load) => sum + expectedRequests(load), 0);
  return expected <= MAX_ROWS ? 1 : Math.ceil(expected / SAMPLED_ROWS);
}

/** The last moment at which a load can offer a request, from the beginning of its step. */
export const loadEndUs = (load: PlannedLoad): number => load.startUs + load.durationUs;
