/** What a label says once its cap is reached. */
export const OTHER = "other";

/**
 * Keeps a label from growing without end: the first `limit` values get a series of their own, the rest share `other`.
 * Forgetting a value makes room for the next.
 */
export class LabelCap {
  readonly limit: number;
  readonly #known = new Set<string>();
  readonly #onDropped: () => void;

  /** `onDropped` is called for each use of a value that had to become `other`. */
  constructor(limit: number, onDropped: () => void) {
    this.limit = limit;
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#known.size;
  }

  label(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size < this.limit) {
      this.#known.add(value);
      return value;
    }
    this.#onDropped();
    return OTHER;
  }

  forget(value: string): void {
    this.#known.delete(value);
  }
}
