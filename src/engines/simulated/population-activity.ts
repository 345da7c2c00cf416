/**
 * Which tenants of a population are active in one gateway's sight of one tier: the rule of
 * `src/services/gateway/activity.ts` (a request is held or in flight, or the idle window since its last answer is not
 * over) for tenants by number. Counted as they come and go, so that a look costs nothing for those who are idle.
 */
const SECOND_US = 1_000_000;

/** Flags below the moment. */
const FLAGS = 4;
const COUNTED = 1;
const LISTED = 2;
const momentOf = (until: number): number => Math.floor(until / FLAGS);
const flagsOf = (until: number): number => until - momentOf(until) * FLAGS;

/** Tenants whose window ends within one second, in no order. */
type Second = { tenants: Int32Array; count: number };

export class PopulationActivity {
  readonly #idleUs: number;
  /**
   * Four times the moment at which the idle window ends (0 without an answer), {@link COUNTED} while the tenant is counted
   * and {@link LISTED} while it stands in a second's list: in one number, since each look at a tenant is far from the last.
   */
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
    if (flagsOf(this.#until[tenant]!) & COUNTED) return;
    this.#until[tenant]! += COUNTED;
    this.#count++;
  }

  /** An answer came at `atUs`, which may lie ahead: until then the request is in flight. */
  answered(tenant: number, atUs: number): void {
    const untilUs = atUs + this.#idleUs;
    const before = this.#until[tenant]!;
    if (untilUs <= momentOf(before)) return;
    const flags = flagsOf(before);
    this.#until[tenant] = untilUs * FLAGS + (COUNTED | LISTED);
    if ((flags & COUNTED) === 0) this.#count++;
    // Whoever stands in a list goes on from there to the second that is right by then.
    if ((flags & LISTED) === 0) this.#list(tenant, Math.floor(untilUs / SECOND_US));
  }

  /**
   * {@link answered} of those from `from` to before `to`. Tenants are far from each other in memory: nearly all are active
   * already, and what is left to do for those is so little that the processor waits for many of them at once.
   */
  answeredAll(tenants: Int32Array, atUs: Float64Array, from: number, to: number): void {
    const until = this.#until;
    const idleUs = this.#idleUs;
    for (let index = from; index < to; index++) {
      const tenant = tenants[index]!;
      const before = until[tenant]!;
      const moment = (atUs[index]! + idleUs) * FLAGS + (COUNTED | LISTED);
      if (moment > before && flagsOf(before) === (COUNTED | LISTED)) until[tenant] = moment;
      else this.answered(tenant, atUs[index]!);
    }
  }

  /** The request is over, answered or not. */
  end(tenant: number, nowUs: number): void {
    this.#busy[tenant]! -= 1;
    const until = this.#until[tenant]!;
    if (this.#busy[tenant] === 0 && momentOf(until) <= nowUs) this.#leave(tenant);
  }

  active(nowUs: number): number {
    const second = Math.floor(nowUs / SECOND_US);
    for (let past = this.#settledSecond; past <= second; past++) this.#settle(past, nowUs);
    this.#settledSecond = second;
    return this.#count;
  }

  #leave(tenant: number): void {
    if ((flagsOf(this.#until[tenant]!) & COUNTED) === 0) return;
    this.#until[tenant]! -= COUNTED;
    this.#count--;
  }

  #list(tenant: number, second: number): void {
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
      const untilUs = momentOf(until);
      if (untilUs > nowUs) {
        const ends = Math.floor(untilUs / SECOND_US);
        if (ends === second) list.tenants[kept++] = tenant;
        else this.#list(tenant, ends);
        continue;
      }
      this.#until[tenant] = until - LISTED;
      if (this.#busy[tenant] === 0) this.#leave(tenant);
    }
    list.count = kept;
    if (kept === 0) this.#ends.delete(second);
  }
}
