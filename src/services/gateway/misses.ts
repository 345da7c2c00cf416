/**
 * Why a tenant was answered by another pod than before, as far as a gateway can see it without the Kubernetes API: from the
 * answers that pass through it. The bench does not decide by this; it knows the endpoints.
 */
export type MissCause =
  /** An earlier try of the same request failed to reach its pod. */
  | "retried"
  /** The new pod gave its first answer after the tenant's last one: a step of scaling, or a pod replaced. */
  | "new-pod"
  /** The old pod has answered nobody since: it may be gone, by a scale-in or lost. */
  | "old-pod-silent"
  /** Both pods were there before and after. */
  | "same-pods";

export type PodTimes = { readonly firstAnswerUs: number; readonly lastAnswerUs: number };

export function missCause(given: {
  readonly tries: number;
  readonly tenantLastAnswerUs: number;
  readonly from: PodTimes | undefined;
  readonly to: PodTimes | undefined;
}): MissCause {
  if (given.tries > 1) return "retried";
  if (given.to === undefined || given.to.firstAnswerUs > given.tenantLastAnswerUs) return "new-pod";
  if (given.from === undefined || given.from.lastAnswerUs <= given.tenantLastAnswerUs)
    return "old-pod-silent";
  return "same-pods";
}

/** When each pod of a tier answered for the first and the last time. A pod that was silent for `forgetUs` counts as new. */
export class PodLog {
  readonly #limit: number;
  readonly #forgetUs: number;
  /** In order of the last answer, oldest first. */
  readonly #pods = new Map<string, PodTimes>();

  constructor(limit: number, forgetUs: number) {
    this.#limit = limit;
    this.#forgetUs = forgetUs;
  }

  get(pod: string): PodTimes | undefined {
    return this.#pods.get(pod);
  }

  answered(pod: string, nowUs: number): void {
    const before = this.#pods.get(pod);
    const kept = before !== undefined && nowUs - before.lastAnswerUs <= this.#forgetUs;
    this.#pods.delete(pod);
    this.#pods.set(pod, { firstAnswerUs: kept ? before.firstAnswerUs : nowUs, lastAnswerUs: nowUs });
    if (this.#pods.size <= this.#limit) return;
    for (const oldest of this.#pods.keys()) {
      this.#pods.delete(oldest);
      break;
    }
  }
}
