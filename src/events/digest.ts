import { createHash } from "node:crypto";

/** Characters that are hashed together: each hand-over costs as much as a whole line. */
const TOGETHER = 65_536;

/**
 * SHA-256 over a log's lines without its headers: two runs with the same digest went the same way, whenever and
 * wherever they ran.
 */
export class LogDigest {
  readonly #hash = createHash("sha256");
  #waiting = "";

  /** Takes the lines of an event log in order, without their line ends; a header is left out. */
  add(line: string): void {
    if (line.startsWith('{"type":"header"')) return;
    this.#waiting += `${line}\n`;
    if (this.#waiting.length >= TOGETHER) this.#take();
  }

  /** Hexadecimal, of all lines so far. */
  value(): string {
    this.#take();
    return this.#hash.copy().digest("hex");
  }

  #take(): void {
    this.#hash.update(this.#waiting);
    this.#waiting = "";
  }
}
