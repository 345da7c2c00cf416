/**
 * Tenants by number, where there are too many for a table of names: what is remembered of each stands in one small record,
 * and one that is idle costs its bytes and nothing else.
 */
import type { LastAnswer } from "../events/affinity.ts";

/** Whole numbers of one tenant, side by side: with a million tenants each place that is looked at is far from the last. */
export const RECORD = 4;
/** For whoever keeps where the tenant's hash leads; 0 = not asked yet. */
export const OWNER = 0;
/** Of its last answer: the pod (index in `podNames`) and one more, 0 = none; by which endpoints; when it was over, milliseconds. */
const POD = 1;
const VERSION = 2;
const OVER_MS = 3;

export type PopulationGroup = { readonly tier: string; readonly prefix: string; readonly tenants: number };

export class Population {
  readonly #groups = new Map<string, { readonly first: number; readonly tenants: number }>();
  readonly #pods = new Map<string, number>();
  readonly podNames: string[] = [];
  size = 0;
  /** {@link RECORD} numbers for each tenant. */
  records = new Int32Array(0);

  /** Gives these tenants numbers, one after another, unless they have some; answers the first. */
  register({ tier, prefix, tenants }: PopulationGroup): number {
    const key = `${tier} ${prefix}`;
    const known = this.#groups.get(key);
    if (known && known.tenants >= tenants) return known.first;
    const first = this.size;
    this.#groups.set(key, { first, tenants });
    this.size += tenants;
    const records = new Int32Array(this.size * RECORD);
    records.set(this.records);
    this.records = records;
    return first;
  }

  /** The number behind `prefix-17`, if it has one. */
  find(tier: string, tenant: string): number | undefined {
    const dash = tenant.lastIndexOf("-");
    const group = this.#groups.get(`${tier} ${tenant.slice(0, dash)}`);
    const index = Number(tenant.slice(dash + 1)) - 1;
    return group && index >= 0 && index < group.tenants ? group.first + index : undefined;
  }

  podNumber(name: string): number {
    let number = this.#pods.get(name);
    if (number === undefined) {
      number = this.podNames.push(name) - 1;
      this.#pods.set(name, number);
    }
    return number;
  }

  lastAnswer(tenant: number): LastAnswer | undefined {
    const at = tenant * RECORD;
    const pod = this.podNames[this.records[at + POD]! - 1];
    if (pod === undefined) return undefined;
    // By its endpoints it is placed in time; when it was sent is nearly when it was over.
    return { pod, sentAtUs: this.records[at + OVER_MS]! * 1000, version: this.records[at + VERSION]! };
  }

  /** Whether the last answer came from this pod by these endpoints: then so did this one, and it is noted. */
  answeredAgain(tenant: number, pod: number, overUs: number, version: number): boolean {
    const at = tenant * RECORD;
    if (this.records[at + POD] !== pod + 1 || this.records[at + VERSION] !== version) return false;
    this.records[at + OVER_MS] = overUs / 1000;
    return true;
  }

  answered(tenant: number, pod: number, overUs: number, version: number): void {
    const at = tenant * RECORD;
    this.records[at + POD] = pod + 1;
    this.records[at + VERSION] = version;
    this.records[at + OVER_MS] = overUs / 1000;
  }

  /** Each tenant whose last answer came from the pod, and was over at `fromUs` or later. */
  *lastAnsweredBy(
    pod: string,
    fromUs: number,
  ): Generator<{ readonly tenant: number; readonly overUs: number }> {
    const number = this.podNumber(pod) + 1;
    for (let tenant = 0; tenant < this.size; tenant++) {
      const at = tenant * RECORD;
      const overUs = this.records[at + OVER_MS]! * 1000;
      if (this.records[at + POD] === number && overUs >= fromUs) yield { tenant, overUs };
    }
  }
}
