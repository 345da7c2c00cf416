/** Requests on their way, as columns: a number in each for each request, and no object. */

/** A request's place and its time of completion fit into one exact double, by which they are ordered. */
const INDEX_BITS = 2 ** 21;

export class Columns {
  count = 0;
  /** How many are in the order of completion. */
  ordered = 0;
  atUs = new Float64Array(0);
  answeredUs = new Float64Array(0);
  doneUs = new Float64Array(0);
  request = new Float64Array(0);
  tenant = new Int32Array(0);
  source = new Int32Array(0);
  load = new Int32Array(0);
  /** Its pod; −1: it goes the whole way, and nothing else of it counts here. */
  pod = new Int32Array(0);
  /** Index among the hosts of the moment. */
  host = new Int32Array(0);
  version = new Int32Array(0);
  #keys = new Float64Array(0);

  /** Makes room for so many more. */
  reserve(more: number): void {
    const wanted = this.count + more;
    if (wanted <= this.atUs.length) return;
    if (wanted > INDEX_BITS) throw new RangeError(`${wanted} requests in one stretch; at most ${INDEX_BITS}`);
    const length = Math.min(INDEX_BITS, 2 * wanted);
    const doubles = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const longer = new Float64Array(length);
      longer.set(old);
      return longer;
    };
    const integers = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const longer = new Int32Array(length);
      longer.set(old);
      return longer;
    };
    this.atUs = doubles(this.atUs);
    this.answeredUs = doubles(this.answeredUs);
    this.doneUs = doubles(this.doneUs);
    this.request = doubles(this.request);
    this.tenant = integers(this.tenant);
    this.source = integers(this.source);
    this.load = integers(this.load);
    this.pod = integers(this.pod);
    this.host = integers(this.host);
    this.version = integers(this.version);
    this.#keys = doubles(this.#keys);
  }

  /** Appends one of the other columns. */
  take(from: Columns, index: number): void {
    this.reserve(1);
    const at = this.count++;
    this.atUs[at] = from.atUs[index]!;
    this.answeredUs[at] = from.answeredUs[index]!;
    this.doneUs[at] = from.doneUs[index]!;
    this.request[at] = from.request[index]!;
    this.tenant[at] = from.tenant[index]!;
    this.source[at] = from.source[index]!;
    this.load[at] = from.load[index]!;
    this.pod[at] = from.pod[index]!;
    this.host[at] = from.host[index]!;
    this.version[at] = from.version[index]!;
  }

  /** Orders those that are folded by the time at which they are over, equal ones by their place. */
  sort(): void {
    let fromUs = Infinity;
    let ordered = 0;
    for (let index = 0; index < this.count; index++)
      if (this.pod[index]! >= 0 && this.doneUs[index]! < fromUs) fromUs = this.doneUs[index]!;
    for (let index = 0; index < this.count; index++)
      if (this.pod[index]! >= 0) this.#keys[ordered++] = (this.doneUs[index]! - fromUs) * INDEX_BITS + index;
    this.#keys.subarray(0, ordered).sort();
    this.ordered = ordered;
  }

  /** Index of the request that is the `nth` to be over, from 0. */
  order(nth: number): number {
    const key = this.#keys[nth]!;
    return key - Math.floor(key / INDEX_BITS) * INDEX_BITS;
  }
}
