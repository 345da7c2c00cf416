/** A scenario with all its expressions worked out for one topology: what the runner runs and the checks read. */
import type { Fault } from "../engines/engine.ts";

export type Pattern = "constant" | "poisson" | "burst" | "onOff" | "ramp";

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
  readonly checks: readonly PlannedCheck[];
  readonly values: Readonly<Record<string, number>>;
};

/** The last moment at which a load can offer a request, from the beginning of its step. */
export const loadEndUs = (load: PlannedLoad): number => load.startUs + load.durationUs;
