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
  /** Twice the moment at which the idle window ends (0 without an answer), and one more while the tenant is counted. */
  #until = new Float64Array(0);
  #busy = new Uint16Array(0);
  readonly #ends = new Map<number, Second>();
  #count = 0;
  #settledSecond = 0;

  constructor(idleUs: number, tenants: number) {
    this.#idleUs = idleUs;
    this.reserve(tenants);
  }

  reserve(tenants: number): void {
    if (tenants <= this.#busy.length) return;
    const [busy, until] = [this.#busy, this.#until];
    this.#busy = new Uint16Array(tenants);
    this.#until = new Float64Array(tenants);
    this.#busy.set(busy);
    this.#until.set(until);
  }

  begin(tenant: number): void {
    this.#busy[tenant]! += 1;
    if (this.#until[tenant]! % 2 === 1) return;
    this.#until[tenant]! += 1;
    this.#count++;
  }

  /** An answer came at `atUs`, which may lie ahead: until then the request is in flight. */
  answered(tenant: number, atUs: number): void {
    const until = 2 * (atUs + this.#idleUs);
    const before = this.#until[tenant]!;
    if (until <= before) return;
    this.#until[tenant] = until + 1;
    if (before % 2 === 0) this.#count++;
    const second = Math.floor(until / (2 * SECOND_US));
    if (before <= 1 || Math.floor(before / (2 * SECOND_US)) !== second) this.#note(tenant, second);
  }

  /** The request is over, answered or not. */
  end(tenant: number, nowUs: number): void {
    this.#busy[tenant]! -= 1;
    if (this.#busy[tenant] === 0 && this.#until[tenant]! <= 2 * nowUs + 1) this.#leave(tenant);
  }

  active(nowUs: number): number {
    const second = Math.floor(nowUs / SECOND_US);
    for (let past = this.#settledSecond; past <= second; past++) this.#settle(past, nowUs);
    this.#settledSecond = second;
    return this.#count;
  }

  #leave(tenant: number): void {
    if (this.#until[tenant]! % 2 === 0) return;
    this.#until[tenant]! -= 1;
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
      const until = this.#until[tenant]!;
      // Whoever was answered since stands in the list of a later second as well.
      if (until > 2 * nowUs + 1) {
        if (Math.floor(until / (2 * SECOND_US)) === second) list.tenants[kept++] = tenant;
      } else if (this.#busy[tenant] === 0) this.#leave(tenant);
    }
    list.count = kept;
    if (kept === 0) this.#ends.delete(second);
  }
}
