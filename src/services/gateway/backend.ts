import type { IncomingHttpHeaders } from "node:http";
import type { LookupFunction } from "node:net";
import type { Dispatcher } from "undici";
import Pool from "undici/lib/dispatcher/pool.js";
import { type Attempt, classifyAnswer, classifyError } from "./classify.ts";

export type BackendRequest = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Aborts the attempt: the client left, or its deadline passed. */
  readonly signal: AbortSignal;
};

export type BackendOptions = {
  readonly origin: string;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly answerLimitBytes: number;
  readonly lookup?: LookupFunction;
};

/** Keep-alive connections to one origin. Deadlines are the caller's: undici's own, in real time, are off. */
export class BackendClient {
  readonly #pool: Pool;
  readonly #answerLimitBytes: number;

  constructor(options: BackendOptions) {
    this.#answerLimitBytes = options.answerLimitBytes;
    this.#pool = new Pool(options.origin, {
      connections: options.connections,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: options.connectTimeoutMs,
        autoSelectFamily: false,
        ...(options.lookup ? { lookup: options.lookup } : {}),
      },
    });
  }

  get stats(): { readonly connected: number; readonly running: number; readonly pending: number } {
    const { connected, running, pending } = this.#pool.stats;
    return { connected, running, pending };
  }

  send(request: BackendRequest): Promise<Attempt> {
    const { method, path, headers, body, signal } = request;
    if (signal.aborted) return Promise.resolve({ kind: "aborted" });
    return new Promise((resolve) => {
      let controller: Dispatcher.DispatchController | null = null;
      let status = 0;
      let answerHeaders: IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];
      let size = 0;
      let settled = false;
      const settle = (attempt: Attempt): void => {
        if (settled) return;
        settled = true;
        signal.removeEventListener("abort", abort);
        resolve(attempt);
      };
      const abort = (): void => {
        settle({ kind: "aborted" });
        controller?.abort(new Error("aborted"));
      };
      signal.addEventListener("abort", abort);
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: (given) => {
          controller = given;
          // It was still waiting for a connection when it was given up.
          if (settled) given.abort(new Error("aborted"));
        },
        onResponseStart: (_controller, statusCode, given) => {
          status = statusCode;
          answerHeaders = given;
        },
        onResponseData: (given, chunk) => {
          size += chunk.length;
          if (size <= this.#answerLimitBytes) {
            chunks.push(chunk);
            return;
          }
          const detail = `the answer has more than ${this.#answerLimitBytes} bytes`;
          settle({ kind: "failed", cause: "answer_too_large", detail });
          given.abort(new Error(detail));
        },
        onResponseEnd: () => {
          settle(classifyAnswer({ status, headers: answerHeaders, body: Buffer.concat(chunks) }));
        },
        onResponseError: (_controller, error) => settle(classifyError(error)),
      };
      try {
        this.#pool.dispatch({ method, path, headers, body: body.length > 0 ? body : null }, handler);
      } catch (error) {
        settle(classifyError(error));
      }
    });
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
