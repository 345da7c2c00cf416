import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal } from "./tenant-id.ts";

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  send(res, status, Buffer.from(JSON.stringify(body)), { "content-type": "application/json", ...headers });
}

export function send(
  res: ServerResponse,
  status: number,
  body: Buffer | string,
  headers: Readonly<Record<string, string>>,
): void {
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  res.end(body);
}

/** `{error: {reason, message}}`, with `Retry-After` where trying again later may help. */
export function sendRefusal(
  res: ServerResponse,
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { status, reason, message, retryAfterSeconds } = refusal;
  const retryAfter: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterSeconds)) };
  sendJson(res, status, { error: { reason, message } }, { ...headers, ...retryAfter });
}

export const notFound = (path: string): Refusal => ({
  status: 404,
  reason: "not_found",
  message: `Nothing is served at ${path.slice(0, 200)}`,
});

/** The path and the query (with its `?`, or empty) of a request target, left encoded. */
export function splitTarget(url: string): { readonly path: string; readonly query: string } {
  const at = url.indexOf("?");
  return at < 0 ? { path: url, query: "" } : { path: url.slice(0, at), query: url.slice(at) };
}

/** Bytes of request bodies that are in memory at once, over all requests. */
export class ByteBudget {
  readonly limit: number;
  #used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

export type BodyReading =
  | { readonly body: Buffer; readonly refusal?: never }
  | { readonly body?: never; readonly refusal: Refusal };

/**
 * Reads a request's whole body, at most `limit` bytes of it (413) and within `budget` (503). The caller gives the bytes
 * back to the budget when it is done with them; after a refusal there are none to give back.
 */
export function readBody(req: IncomingMessage, limit: number, budget: ByteBudget): Promise<BodyReading> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let settled = false;
    const settle = (reading: BodyReading): void => {
      if (settled) return;
      settled = true;
      if (reading.refusal) {
        budget.give(size);
        req.removeAllListeners("data").resume();
      }
      resolve(reading);
    };
    // Refused at once, but read and thrown away: a connection that is closed on a client that still writes is reset, and it
    // would never see why.
    const tooLarge: Refusal = {
      status: 413,
      reason: "body_too_large",
      message: `A body may have ${limit} bytes at most.`,
    };
    if (Number(req.headers["content-length"] ?? 0) > limit) settle({ refusal: tooLarge });
    req.on("data", (chunk: Buffer) => {
      if (settled) return;
      if (size + chunk.length > limit) return settle({ refusal: tooLarge });
      if (!budget.take(chunk.length)) {
        return settle({
          refusal: {
            status: 503,
            reason: "buffer_limit",
            message: "Too many bytes of request bodies are being kept.",
            retryAfterSeconds: 1,
          },
        });
      }
      size += chunk.length;
      chunks.push(chunk);
    });
    req.on("end", () => settle({ body: Buffer.concat(chunks) }));
    req.on("close", () => {
      if (settled) return;
      settled = true;
      budget.give(size);
      reject(new Error("the client left before its request was complete"));
    });
  });
}

/** Aborts when the client closes its connection before the answer was written. */
export function abortedByClient(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  res.once("close", () => {
    if (!res.writableFinished) controller.abort(new Error("the client left"));
  });
  return controller.signal;
}
