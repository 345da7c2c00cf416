/** How far many runs are, on standard error: one line that redraws, or one at each tenth where there is no terminal. */
import type { Host } from "../host.ts";

export class Progress {
  readonly #stderr: Host["stderr"];
  readonly #total: number;
  #tenths = 0;

  constructor({ stderr }: Pick<Host, "stderr">, total: number) {
    this.#stderr = stderr;
    this.#total = total;
  }

  step(done: number): void {
    if (this.#stderr.isTTY === true) {
      this.#stderr.write(`\r  ${done} of ${this.#total} runs`);
      return;
    }
    const tenths = Math.floor((done / this.#total) * 10);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    this.#stderr.write(`  ${done} of ${this.#total} runs\n`);
  }

  end(): void {
    if (this.#stderr.isTTY === true) this.#stderr.write("\r\u001B[K");
  }
}
