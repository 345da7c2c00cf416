/**
 * How long things take in the simulated cluster: what nothing in the manifests says. Each figure is a distribution, drawn
 * from the seed; all of them are configuration (`simulatedMs` in `limpet.yaml`, `createSimulatedEngine()`).
 */
import type { Random } from "../../seed/seed.ts";
import type { LimpetConfig, SimulatedTime, TimeDistribution } from "../../topology/types.ts";

/**
 * Points of a cumulative distribution, from share 0 to share 1: this share of all draws is at most so many microseconds.
 * Between two points it is a straight line, so a draw takes one multiplication and is the same on every machine.
 */
export type Distribution = readonly (readonly [share: number, us: number])[];

export type SimulatedTimings = Readonly<Record<SimulatedTime, Distribution>> & {
  /** A new pod, from its creation to its program accepting connections: bound, sandbox and network made, started. */
  readonly podStart: Distribution;
  /** A container that is started again in a pod that stands. */
  readonly containerRestart: Distribution;
  /** istiod's push of endpoints: from its sending (after the debounce) to the proxy balancing over them. */
  readonly endpointsPush: Distribution;
  /** From one pod to another, through the caller's proxy; one way. */
  readonly hop: Distribution;
  /** The bench to the gateway and back. */
  readonly clientRoundTrip: Distribution;
  /** What a request takes in its pod beyond its work (`WORK_MS`). */
  readonly serviceOverhead: Distribution;
  /** A restarted gateway's asking of one pod for its tenants. */
  readonly recoveryAnswer: Distribution;
};

const MS = 1_000;

/**
 * Defaults, and where they come from.
 *
 * - `podStart`: Kubernetes' own objective is 99 % of schedulable stateless pods, images there, within 5 s, as watched by
 *   a client (kubernetes/community sig-scalability/slos/pod_startup_latency.md); the shape below it is an assumption.
 * - `containerRestart`: our programs listen 60 to 400 ms after spawn on the machines where limpet is built; sandbox and
 *   network stand already.
 * - `endpointsPush`: an assumption: a small mesh, where a push is a few milliseconds of work. The debounce of 100 ms
 *   before it is not drawn, it is istiod's rule (`src/workloads/debounce.ts`).
 * - `hop`: in Istio's own load tests the proxies add 2.65 ms to the 90th percentile of a round trip
 *   (istio.io/v1.16/docs/ops/deployment/performance-and-scalability); half of that one way.
 * - `clientRoundTrip`, `serviceOverhead`, `recoveryAnswer`: assumptions, small beside the work itself.
 */
export const DEFAULT_TIMINGS: SimulatedTimings = {
  podStart: [
    [0, 800 * MS],
    [0.5, 1_800 * MS],
    [0.9, 3_200 * MS],
    [0.99, 5_000 * MS],
    [1, 6_000 * MS],
  ],
  containerRestart: [
    [0, 60 * MS],
    [0.5, 200 * MS],
    [1, 1_000 * MS],
  ],
  endpointsPush: [
    [0, 2 * MS],
    [0.5, 10 * MS],
    [0.99, 100 * MS],
    [1, 200 * MS],
  ],
  hop: [
    [0, 150],
    [0.5, 500],
    [0.9, 1_325],
    [0.99, 3 * MS],
    [1, 10 * MS],
  ],
  clientRoundTrip: [
    [0, 200],
    [0.9, 600],
    [1, 2 * MS],
  ],
  serviceOverhead: [
    [0, 200],
    [0.9, 1 * MS],
    [0.99, 5 * MS],
    [1, 20 * MS],
  ],
  recoveryAnswer: [
    [0, 2 * MS],
    [1, 20 * MS],
  ],
};

/** The times that `limpet.yaml` gives in the defaults' places. */
export function configuredTimings({
  simulatedMs,
}: Pick<LimpetConfig, "simulatedMs">): Partial<SimulatedTimings> {
  const given = Object.entries(simulatedMs).map(([name, time]): [string, Distribution] => {
    const points: Exclude<TimeDistribution, number> =
      typeof time === "number"
        ? [
            [0, time],
            [1, time],
          ]
        : (time ?? []);
    return [name, points.map(([share, ms]) => [share, ms * MS] as const)];
  });
  return Object.fromEntries(given);
}

/** The value that this share of all draws is at most. */
export function quantile(distribution: Distribution, share: number): number {
  let at = 1;
  while (at < distribution.length - 1 && share >= distribution[at]![0]) at++;
  const [fromShare, fromUs] = distribution[at - 1]!;
  const [toShare, toUs] = distribution[at]!;
  return fromUs + ((toUs - fromUs) * (share - fromShare)) / (toShare - fromShare);
}

/** One draw, in whole microseconds. */
export function drawUs(distribution: Distribution, random: Random): number {
  return Math.floor(quantile(distribution, random.float()));
}
