/** Says in words when a tenant of somebody's own requests (not the bench's) gets a pod, or another one. */
import type { AccessLogEntry } from "../../services/sidecar/protocol.ts";
import { BENCH_ID } from "../request-book.ts";

const MAX_TENANTS = 10_000;

export class OwnerNotes {
  readonly #owners = new Map<string, string>();
  readonly #say: (message: string) => void;

  constructor(say: (message: string) => void) {
    this.#say = say;
  }

  access({ requestId, hashed, pod, hash, status, authority }: AccessLogEntry): void {
    if (requestId?.startsWith(BENCH_ID) || hashed === null || pod === null || status >= 300) return;
    const key = `${authority} ${hashed}`;
    const before = this.#owners.get(key);
    if (before === pod) return;
    if (this.#owners.size >= MAX_TENANTS) this.#owners.delete(this.#owners.keys().next().value ?? "");
    this.#owners.set(key, pod);
    const from = before === undefined ? "" : `, before ${before}`;
    this.#say(
      `tenant ${hashed} → ${pod}${hash === null ? "" : ` (hash ${BigInt(hash).toString(16)}${from})`}`,
    );
  }
}
