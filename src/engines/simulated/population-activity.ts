/**
 * Which tenants of a population are active in one gateway's sight of one tier: the rule of
 * `src/services/gateway/activity.ts` (a request is held or in flight, or the idle window since its last answer is not
 * over) for tenants by number. Counted as they come and go, so that a look costs nothing for those who are idle.
 */
const SECOND_US = 1_000_000;

/** Tenants whose window ends within one second, in no order. */
type Second = { tenants: Int32Array; count: number };

export class PopulationActivity {
  readonly #idleUs: number;
  #busy = new Uint16Array(0);
  /** When the idle window ends; 0 without an answer. */
  #untilUs = new Float64Array(0);
  #counted = new Uint8Array(0);
  readonly #ends = new Map<number, Second>();
  #count = 0;
  #settledSecond = 0;

  constructor(idleUs: number, tenants: number) {
    this.#idleUs = idleUs;
    this.reserve(tenants);
  }

  reserve(tenants: number): void {
    if (tenants <= this.#busy.length) return;
    const [busy, until, counted] = [this.#busy, this.#untilUs, this.#counted];
    this.#busy = new Uint16Array(tenants);
    this.#untilUs = new Float64Array(tenants);
    this.#counted = new Uint8Array(tenants);
    this.#busy.set(busy);
    this.#untilUs.set(until);
    this.#counted.set(counted);
  }

  begin(tenant: number): void {
    this.#busy[tenant]! += 1;
    this.#enter(tenant);
  }

  /** An answer came at `atUs`, which may lie ahead: until then the request is in flight. */
  answered(tenant: number, atUs: number): void {
    const untilUs = atUs + this.#idleUs;
    const beforeUs = this.#untilUs[tenant]!;
    if (untilUs <= beforeUs) return;
    this.#untilUs[tenant] = untilUs;
    this.#enter(tenant);
    const second = Math.floor(untilUs / SECOND_US);
    if (beforeUs === 0 || Math.floor(beforeUs / SECOND_US) !== second) this.#note(tenant, second);
  }

  /** The request is over, answered or not. */
  end(tenant: number, nowUs: number): void {
    this.#busy[tenant]! -= 1;
    if (this.#busy[tenant] === 0 && this.#untilUs[tenant]! <= nowUs) this.#leave(tenant);
  }

  active(nowUs: number): number {
    const second = Math.floor(nowUs / SECOND_US);
    for (let past = this.#settledSecond; past <= second; past++) this.#settle(past, nowUs);
    this.#settledSecond = second;
    return this.#count;
  }

  #enter(tenant: number): void {
    if (this.#counted[tenant] === 1) return;
    this.#counted[tenant] = 1;
    this.#count++;
  }

  #leave(tenant: number): void {
    if (this.#counted[tenant] === 0) return;
    this.#counted[tenant] = 0;
    this.#count--;
  }

  #note(tenant: number, second: number): void {
    let list = this.#ends.get(second);
    if (!list) this.#ends.set(second, (list = { tenants: new Int32Array(64), count: 0 }));
    if (list.count === list.tenants.length) {
      const longer = new Int32Array(2 * list.count);
      longer.set(list.tenants);
      list.tenants = longer;
    }
    list.tenants[list.count++] = tenant;
  }

  #settle(second: number, nowUs: number): void {
    const list = this.#ends.get(second);
    if (!list) return;
    let kept = 0;
    for (let i = 0; i < list.count; i++) {
      const tenant = list.tenants[i]!;
      const untilUs = this.#untilUs[tenant]!;
      // Whoever was answered since stands in the list of a later second as well.
      if (untilUs > nowUs) {
        if (Math.floor(untilUs / SECOND_US) === second) list.tenants[kept++] = tenant;
      } else if (this.#busy[tenant] === 0) this.#leave(tenant);
    }
    list.count = kept;
    if (kept === 0) this.#ends.delete(second);
  }
}
