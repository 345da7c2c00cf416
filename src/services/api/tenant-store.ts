import { usToSeconds } from "../../clock/clock.ts";

type Kept = { requests: number; lastAnswerUs: number };

/**
 * What this pod knows of its tenants, in memory only: it is lost when the pod goes, and another pod begins cold. Bounded;
 * the tenant that was quiet for longest is forgotten first.
 */
export class TenantStore {
  readonly #limit: number;
  /** In order of the last answer, oldest first. */
  readonly #tenants = new Map<string, Kept>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#tenants.size;
  }

  /** Answers whether the tenant's state was here before this request, and how many requests it has had here. */
  answered(tenant: string, nowUs: number): { readonly warm: boolean; readonly requests: number } {
    const before = this.#tenants.get(tenant);
    const requests = (before?.requests ?? 0) + 1;
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, { requests, lastAnswerUs: nowUs });
    if (this.#tenants.size > this.#limit) {
      for (const oldest of this.#tenants.keys()) {
        this.#tenants.delete(oldest);
        break;
      }
    }
    return { warm: before !== undefined, requests };
  }

  /** Seconds since each tenant's last answer, for those answered within `withinSeconds`. */
  secondsSinceLastAnswer(nowUs: number, withinSeconds: number): Record<string, number> {
    const result: [string, number][] = [];
    for (const [tenant, { lastAnswerUs }] of this.#tenants) {
      const seconds = usToSeconds(Math.max(0, nowUs - lastAnswerUs));
      if (seconds <= withinSeconds) result.push([tenant, seconds]);
    }
    return Object.fromEntries(result);
  }
}
