/** Joins what the client saw with what the sidecar's access log says, and writes it into the book of requests. */
import type { RunEvent } from "../../events/types.ts";
import type { AccessLogEntry } from "../../services/sidecar/protocol.ts";
import type { Topology } from "../../topology/types.ts";
import { type Exchange, RequestBook } from "../request-book.ts";

export type RequestLedgerOptions = {
  readonly topology: Topology;
  readonly emit: (event: RunEvent) => void;
  /** How long a proxy that does not name its endpoint list may still use the one before. */
  readonly endpointsSlackUs?: number;
};

/** How long the access log may lag behind the answer, in real time, before the answer's word is taken alone. */
const ACCESS_LOG_PATIENCE_MS = 1_000;
const MAX_UNJOINED = 50_000;

export class RequestLedger {
  readonly #book: RequestBook;
  readonly #access = new Map<string, AccessLogEntry>();
  readonly #waiting = new Map<string, (entry: AccessLogEntry) => void>();
  /** The last warning or error that anything logged: what to tell when nothing comes up. */
  lastTrouble: string | null = null;

  constructor({ topology, emit, endpointsSlackUs }: RequestLedgerOptions) {
    this.#book = new RequestBook(topology, emit, endpointsSlackUs);
  }

  /** Every event of the run passes here: the sets of ready pods are part of the judgement. */
  observe(event: RunEvent): void {
    if (event.type === "log" && event.level !== "info") this.lastTrouble = event.message;
    if (event.type === "pod" && event.what === "exited")
      this.lastTrouble = `${event.pod} exited: ${event.reason}`;
    this.#book.observe(event);
  }

  access(entry: AccessLogEntry): void {
    if (entry.requestId === null || entry.pod === null || entry.status >= 300) return;
    const waiting = this.#waiting.get(entry.requestId);
    if (waiting) return waiting(entry);
    // Requests that are not the bench's own (a person's curl) are never asked for: let the oldest go.
    if (this.#access.size >= MAX_UNJOINED) this.#access.delete(this.#access.keys().next().value ?? "");
    this.#access.set(entry.requestId, entry);
  }

  ownerOf(tier: string, tenant: string): string | undefined {
    return this.#book.ownerOf(tier, tenant);
  }

  async done(scenario: string, exchange: Exchange): Promise<void> {
    const answered = exchange.podInAnswer !== null;
    const entry = answered ? await this.#accessOf(exchange.id) : null;
    const version = entry?.endpointsVersion ?? undefined;
    this.#book.write(scenario, exchange, entry?.pod ?? exchange.podInAnswer, version);
  }

  /** Writes the windows that have ended by `nowUs`. */
  advance(nowUs: number): void {
    this.#book.advance(nowUs);
  }

  /** Writes what is left, at the end of a load or of the run. */
  flush(): void {
    this.#book.flush();
  }

  #accessOf(id: string): Promise<AccessLogEntry | null> {
    const known = this.#access.get(id);
    if (known) {
      this.#access.delete(id);
      return Promise.resolve(known);
    }
    return new Promise((resolve) => {
      const settle = (entry: AccessLogEntry | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(entry);
      };
      const timer = setTimeout(() => settle(null), ACCESS_LOG_PATIENCE_MS);
      this.#waiting.set(id, settle);
    });
  }
}
