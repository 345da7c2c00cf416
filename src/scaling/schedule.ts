/** When each loop looks again. */
import { DEFAULT_POLLING_INTERVAL_SECONDS } from "./scaled-object.ts";
import { kubernetesAtLeast } from "./versions.ts";
import type { ScaledObjectSpec, Versions } from "./types.ts";

/** The controller's `--horizontal-pod-autoscaler-sync-period`. */
export const SYNC_PERIOD_SECONDS = 15;

export const pollingIntervalSeconds = (spec: ScaledObjectSpec): number =>
  spec.pollingInterval ?? DEFAULT_POLLING_INTERVAL_SECONDS;

/**
 * KEDA's next poll. The timer of `pollingInterval` starts before the check, so a check that took longer is followed by
 * the next at once, and missed ticks are not made up for.
 * @see kedacore/keda pkg/scaling/scale_handler.go, startScaleLoop
 */
export const nextPollAtUs = (
  spec: ScaledObjectSpec,
  checkStartedAtUs: number,
  checkEndedAtUs: number,
): number => Math.max(checkStartedAtUs + pollingIntervalSeconds(spec) * 1e6, checkEndedAtUs);

/** The first sync of an HPA that appears now, or whose controller starts now: 15 s later; at once since 1.37. */
export const firstHpaSyncAtUs = (nowUs: number, versions?: Versions): number =>
  kubernetesAtLeast(versions, "1.37") ? nowUs : nowUs + SYNC_PERIOD_SECONDS * 1e6;

/** The sync after one that ended at `syncEndedAtUs`: no jitter, no back-off after errors. */
export const nextHpaSyncAtUs = (syncEndedAtUs: number): number => syncEndedAtUs + SYNC_PERIOD_SECONDS * 1e6;

/** The extra sync for an edit of the HPA's spec (since 1.37); null where the edit waits for the next regular one. */
export const hpaEditSyncAtUs = (nowUs: number, versions?: Versions): number | null =>
  kubernetesAtLeast(versions, "1.37") ? nowUs : null;

/** The wait after the `failures`-th failed reconcile in a row: 5 ms, doubling, at most 1000 s. */
export function reconcileRetryAfterUs(failures: number): number {
  if (failures <= 0) return 0;
  return Math.min(5000 * 2 ** Math.min(failures - 1, 40), 1000e6);
}

/**
 * The `time=` of KEDA's query: whole seconds, cut off. So a sample taken at 5.700 is not seen by a query at 5.900.
 * @see kedacore/keda pkg/scalers/prometheus_scaler.go
 */
export const queryTimeUnixSeconds = (nowUs: number, epochUnixSeconds: number): number =>
  epochUnixSeconds + Math.floor(nowUs / 1e6);
