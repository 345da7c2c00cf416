/** What every engine offers the scenario runner. */
import type { Clock } from "../clock/clock.ts";
import type { TierState } from "../controlplane/tier-state.ts";
import type { RunEvent } from "../events/types.ts";
import type { Override } from "../routing/compared/strategies.ts";
import type { Topology } from "../topology/types.ts";

/** Beyond this a machine's own milliseconds are minutes of topology time, and no check can say anything. */
export const MAX_SPEED = 1_000;

/** One request of the open-loop plan: due at `atUs`, whatever became of the ones before. */
export type Arrival = {
  readonly atUs: number;
  readonly tenant: string;
  readonly tier: string;
  /** 0 the first gateway pod, 1 the second. */
  readonly gateway: number;
  readonly method: "GET" | "POST";
  /** Sent as `Idempotency-Key` with a POST. */
  readonly idempotencyKey?: string;
  /** Name of the load that it belongs to. */
  readonly load: string;
};

/** Arrivals of one stretch of time, in order, as columns: `source` counts the tenants of all loads. Good until the next batch. */
export type ArrivalBatch = {
  readonly fromUs: number;
  /** All of its arrivals are before this, and the next batch's not. */
  readonly toUs: number;
  readonly atUs: Float64Array;
  readonly source: Int32Array;
  readonly count: number;
};

export type TrafficLoad = {
  readonly name: string;
  readonly tier: string;
  readonly prefix: string;
  readonly tenants: number;
  readonly gateway: number;
  /** The source of its first tenant; the others follow. */
  readonly firstSource: number;
};

/** A step's traffic: one by one, or in batches where there are too many for an object each. */
export interface Traffic extends Iterable<Arrival> {
  readonly loads: readonly TrafficLoad[];
  batches(): Iterable<ArrivalBatch>;
  /** Index in `loads`. */
  loadOf(source: number): number;
  /** One request of a batch; `nth` of its tenant, from 1. */
  arrival(source: number, atUs: number, nth: number): Arrival;
}

export type PopulationTraffic = {
  readonly traffic: Traffic;
  /** All tenants of the scenario's loads, of this step and the others. */
  readonly populations: readonly {
    readonly tier: string;
    readonly prefix: string;
    readonly tenants: number;
  }[];
  /** One in how many requests gets a row of its own. */
  readonly rowsOneIn: number;
  /** How long the windows of the sums are. */
  readonly windowUs: number;
  readonly faultsAtUs: readonly number[];
};

export type { TierState };

export type Fault =
  | {
      readonly kind: "killPod";
      readonly tier: string;
      /** Which: the pod that owns this tenant, else the highest ordinal. */ readonly tenant?: string;
    }
  | { readonly kind: "deletePod"; readonly tier: string; readonly tenant?: string }
  | { readonly kind: "killSidecar"; readonly gateway: number }
  | { readonly kind: "killGateway"; readonly gateway: number }
  | { readonly kind: "stopPrometheus"; readonly forSeconds: number };

/** Programs that take the place of built-in parts: paths. */
export type RealParts = {
  /** The sidecars. */
  readonly envoy?: string;
  /** What scrapes the pods and answers the triggers' queries. */
  readonly prometheus?: string;
};

export type RunOptions = {
  readonly topology: Topology;
  readonly seed: number;
  readonly speed: number;
  /** Every event, in order, as it happens. */
  readonly onEvent: (event: RunEvent) => void;
  /** Ports for the gateway and Prometheus; 0 = any free one. */
  readonly gatewayPort: number;
  readonly prometheusPort: number;
  /** The environment that users' commands start from. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  /** What takes the place of the hashing balancers: a negative control, or a strategy to compare with. */
  readonly overrideLbPolicy?: Override;
  readonly realParts?: RealParts;
};

/** A running topology. Leaving its scope (`await using`) ends everything it started. */
export interface EngineRun extends AsyncDisposable {
  readonly clock: Clock;
  /** Where a person can reach it, while it runs. */
  readonly gatewayUrl: string;
  readonly prometheusUrl: string;
  tierState(tier: string): TierState;
  /** Brings the entry to this many pods and waits until they are ready. */
  scaleEntry(pods: number): Promise<void>;
  /**
   * Offers the arrivals (in order of `atUs`, topology time) and resolves when each is answered or given up; writes
   * `request` and `requests.window` events as it goes.
   */
  offer(scenario: string, arrivals: Iterable<Arrival>, signal?: AbortSignal): Promise<void>;
  /** {@link offer} for more requests than can be handled one by one; left out where the engine cannot. */
  offerPopulation?(scenario: string, offered: PopulationTraffic, signal?: AbortSignal): Promise<void>;
  /**
   * Brings a fault about; resolves when its effect was seen, or with `effective: false`. The runner writes the `fault`
   * event, the engine those of the pods.
   */
  inject(
    fault: Fault,
  ): Promise<{ readonly target: string; readonly effective: boolean; readonly detail: string }>;
  stop(): Promise<void>;
}

export interface Engine {
  readonly name: "local" | "simulated" | "kubernetes";
  start(options: RunOptions): Promise<EngineRun>;
}
