import { createHash } from "node:crypto";

/**
 * SHA-256 over a log's lines without its headers: two runs with the same digest went the same way, whenever and
 * wherever they ran.
 */
export class LogDigest {
  readonly #hash = createHash("sha256");

  /** Takes the lines of an event log in order, without their line ends; a header is left out. */
  add(line: string): void {
    if (line.startsWith('{"type":"header"')) return;
    this.#hash.update(line).update("\n");
  }

  /** Hexadecimal, of all lines so far. */
  value(): string {
    return this.#hash.copy().digest("hex");
  }
}
