import type { Variant } from "./variants.ts";

export type SweepWorkerData = { readonly variants: readonly Variant[]; readonly names: readonly string[] };
export type InWorkersTask = { readonly variant: number; readonly seed: number };
