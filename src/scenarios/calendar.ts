/**
 * Who is due in which stretch of time: a list of numbers for each stretch, in no order (a calendar queue). The lists are
 * made of small blocks, so that a million entries cost their four bytes each, and reading them waits for no pointer.
 */

/** Entries of a block; the number of the next block of its list stands before them. */
const ENTRIES = 31;
const BLOCK = ENTRIES + 1;
const NONE = -1;

export class Calendar {
  readonly #first: Int32Array;
  /** Entries in each list's first block; the others are full. */
  readonly #fill: Uint8Array;
  #blocks = new Int32Array(64 * BLOCK);
  #made = 0;
  #free = NONE;

  constructor(stretches: number) {
    this.#first = new Int32Array(stretches).fill(NONE);
    this.#fill = new Uint8Array(stretches);
  }

  add(stretch: number, entry: number): void {
    let block = this.#first[stretch]!;
    let fill = this.#fill[stretch]!;
    if (block === NONE || fill === ENTRIES) {
      const next = block;
      block = this.#take();
      this.#blocks[block * BLOCK] = next;
      this.#first[stretch] = block;
      fill = 0;
    }
    this.#blocks[block * BLOCK + 1 + fill] = entry;
    this.#fill[stretch] = fill + 1;
  }

  /** Empties the stretch's list into `into`, from its beginning on, as long as needed; answers the array and how many. */
  drain(stretch: number, into: Int32Array): { readonly entries: Int32Array; readonly count: number } {
    let entries = into;
    let count = 0;
    let fill = this.#fill[stretch]!;
    for (let block = this.#first[stretch]!; block !== NONE;) {
      if (count + ENTRIES > entries.length) {
        const longer = new Int32Array(2 * entries.length + ENTRIES);
        longer.set(entries);
        entries = longer;
      }
      const at = block * BLOCK;
      for (let i = 1; i <= fill; i++) entries[count++] = this.#blocks[at + i]!;
      fill = ENTRIES;
      const next = this.#blocks[at]!;
      this.#blocks[at] = this.#free;
      this.#free = block;
      block = next;
    }
    this.#first[stretch] = NONE;
    this.#fill[stretch] = 0;
    return { entries, count };
  }

  #take(): number {
    const free = this.#free;
    if (free !== NONE) {
      this.#free = this.#blocks[free * BLOCK]!;
      return free;
    }
    if ((this.#made + 1) * BLOCK > this.#blocks.length) {
      const longer = new Int32Array(2 * this.#blocks.length);
      longer.set(this.#blocks);
      this.#blocks = longer;
    }
    return this.#made++;
  }
}
