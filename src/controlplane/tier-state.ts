/** What can be seen of a tier at one moment. */
export type TierState = {
  readonly tier: string;
  readonly specReplicas: number;
  readonly pods: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly terminating: boolean;
  }[];
  /** The highest recommendation inside the HPA's scale-down window, 0 for none: what may come back as pods. */
  readonly highestRecommendation: number;
  /** Condition Ready of its ScaledObject; null where it has none. */
  readonly scaledObjectReady: {
    readonly status: string;
    readonly reason: string;
    readonly message?: string;
  } | null;
  readonly endpoints: readonly string[];
};
