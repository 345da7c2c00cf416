import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, secondsToUs, sleep } from "../../clock/clock.ts";
import { guardUs } from "./guard.ts";
import { sendRefusal } from "./http.ts";
import type { Log } from "./log.ts";

export type HttpServiceOptions = {
  readonly clock: Clock;
  readonly log: Log;
  /** How long a drain goes on taking new connections, for callers that have not heard of it yet. Seconds. */
  readonly drainDelaySeconds: number;
  /** How long requests in progress may take to finish after that. Seconds, never below one real second. */
  readonly drainSeconds: number;
  readonly handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
};

/**
 * An HTTP server with a pod's manners: it knows what is in progress, and `drain()` lets that finish. A handler that throws
 * is answered 500 without its stack trace, which goes to the log.
 */
export class HttpService {
  readonly server: Server;
  #draining = false;
  readonly #open = new Set<ServerResponse>();
  #idle: (() => void) | null = null;
  readonly #options: HttpServiceOptions;

  constructor(options: HttpServiceOptions) {
    this.#options = options;
    this.server = createServer((req, res) => this.#serve(req, res));
    // Longer than any client of ours keeps an idle connection, so that the client is always the one to close it.
    this.server.keepAliveTimeout = 75_000;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Requests being answered now. */
  get inProgress(): number {
    return this.#open.size;
  }

  listen(port: number, address: string): Promise<{ readonly address: string; readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      // Room for a thousand clients that connect within the same millisecond.
      this.server.listen({ port, host: address, backlog: 4096 }, () => {
        this.server.removeListener("error", reject);
        const bound = this.server.address() as AddressInfo;
        resolve({ address: bound.address, port: bound.port });
      });
    });
  }

  /** Stops taking new work, waits for what is in progress, closes. Answers how many requests had to be cut off. */
  async drain(): Promise<number> {
    const { clock, drainDelaySeconds, drainSeconds } = this.#options;
    this.#draining = true;
    for (const res of this.#open) this.#sayClose(res);
    if (drainDelaySeconds > 0) await sleep(clock, secondsToUs(drainDelaySeconds));
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    if (this.#open.size > 0) {
      const done = new AbortController();
      this.#idle = () => done.abort();
      await sleep(clock, guardUs(clock, drainSeconds), done.signal);
    }
    const cutOff = this.#open.size;
    this.server.closeAllConnections();
    await closed;
    return cutOff;
  }

  /** Closes at once, whatever is in progress. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  #sayClose(res: ServerResponse): void {
    if (!res.headersSent) res.setHeader("connection", "close");
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    this.#open.add(res);
    if (this.#draining) this.#sayClose(res);
    res.once("close", () => {
      this.#open.delete(res);
      if (!this.#draining) return;
      if (this.#open.size === 0) this.#idle?.();
    });
    this.#options.handle(req, res).catch((error: unknown) => {
      if (res.destroyed) return;
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log("error", "a request ended in an unexpected error", { path: req.url ?? "", detail });
      sendRefusal(res, { status: 500, reason: "internal", message: "An unexpected error; see the log." });
    });
  }
}
