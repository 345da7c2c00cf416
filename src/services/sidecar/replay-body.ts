/**
 * A request's body, read once from the client as fast as a pod takes it, and kept so far that a retry can send it
 * again. Beyond the limit it is only passed on, and a retry is no longer possible.
 */
import type { IncomingMessage } from "node:http";

export const REPLAY_LIMIT_BYTES = 1024 * 1024;

export class ReplayBody {
  readonly #source: AsyncIterator<Buffer>;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #ended = false;
  #pulling: Promise<void> | null = null;

  constructor(request: IncomingMessage) {
    this.#source = request.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
  }

  get replayable(): boolean {
    return this.#dropped === 0;
  }

  /** The whole body from its beginning; only one reader at a time makes sense. */
  async *read(): AsyncGenerator<Buffer, void> {
    for (let next = 0; ;) {
      if (next < this.#dropped) throw new Error("Cannot send the body again: it was longer than is kept");
      const chunk = this.#chunks[next - this.#dropped];
      if (chunk !== undefined) {
        next++;
        yield chunk;
        if (this.#bytes > REPLAY_LIMIT_BYTES) this.#drop(next);
      } else if (this.#ended) return;
      else await this.#pull();
    }
  }

  #drop(upTo: number): void {
    this.#chunks.splice(0, upTo - this.#dropped);
    this.#dropped = upTo;
  }

  /** A chunk that an abandoned reader asked for is kept for the next one. */
  #pull(): Promise<void> {
    this.#pulling ??= this.#source
      .next()
      .then((result) => {
        if (result.done === true) this.#ended = true;
        else {
          this.#chunks.push(result.value);
          this.#bytes += result.value.length;
        }
      })
      .finally(() => (this.#pulling = null));
    return this.#pulling;
  }
}

export const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
