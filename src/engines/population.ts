/**
 * Tenants by number, where there are too many for a table of names: what is remembered of each stands in columns, and one
 * that is idle costs its bytes and nothing else.
 */
import type { LastAnswer } from "../events/affinity.ts";

/** `pod` of a tenant that was never answered. */
export const NO_POD = -1;

export type PopulationGroup = { readonly tier: string; readonly prefix: string; readonly tenants: number };

export class Population {
  readonly #groups = new Map<string, { readonly first: number; readonly tenants: number }>();
  readonly #pods = new Map<string, number>();
  readonly podNames: string[] = [];
  size = 0;
  /** Of each tenant's last answer: the pod (index in `podNames`), when it was sent, by which endpoints. */
  pod = new Int32Array(0);
  sentUs = new Float64Array(0);
  version = new Int32Array(0);

  /** Gives these tenants numbers, one after another, unless they have some; answers the first. */
  register({ tier, prefix, tenants }: PopulationGroup): number {
    const key = `${tier} ${prefix}`;
    const known = this.#groups.get(key);
    if (known && known.tenants >= tenants) return known.first;
    const first = this.size;
    this.#groups.set(key, { first, tenants });
    this.size += tenants;
    const { pod, sentUs, version } = this;
    this.pod = new Int32Array(this.size).fill(NO_POD);
    this.sentUs = new Float64Array(this.size);
    this.version = new Int32Array(this.size);
    this.pod.set(pod);
    this.sentUs.set(sentUs);
    this.version.set(version);
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
    const pod = this.podNames[this.pod[tenant] ?? NO_POD];
    if (pod === undefined) return undefined;
    return { pod, sentAtUs: this.sentUs[tenant]!, version: this.version[tenant]! };
  }

  answered(tenant: number, pod: number, sentUs: number, version: number): void {
    this.pod[tenant] = pod;
    this.sentUs[tenant] = sentUs;
    this.version[tenant] = version;
  }
}
