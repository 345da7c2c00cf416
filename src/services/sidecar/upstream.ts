/** One attempt: a request on one connection, and what became of it. */
import { Readable } from "node:stream";
import type Client from "undici/lib/dispatcher/client.js";
import { flat } from "./headers.ts";
import type { HeaderLines } from "./headers.ts";
import type { ResetReason } from "./local-reply.ts";
import type { Lease } from "./pool.ts";
import type { ReplayBody } from "./replay-body.ts";

export type UpstreamRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderLines;
  readonly body: ReplayBody | null;
};

export type UpstreamEvents = {
  readonly onHeaders: (status: number, raw: readonly (string | Buffer)[]) => void;
  readonly onData: (chunk: Buffer) => void;
  readonly onEnd: () => void;
  /** The connection broke, or what came was not HTTP. */
  readonly onReset: (reason: ResetReason) => void;
};

/** A running attempt. After `abort` none of its events comes any more. */
export type Attempt = {
  readonly abort: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
};

const isProtocolError = (error: Error): boolean => {
  const code = "code" in error ? String(error.code) : "";
  return error.name === "HTTPParserError" || code.startsWith("HPE_") || code === "UND_ERR_INVALID_ARG";
};

function streamOf(body: ReplayBody): Readable {
  const stream = Readable.from(body.read(), { objectMode: false });
  // A client that goes away breaks its body; the end of the exchange is told by the response, not by this.
  stream.on("error", () => {});
  return stream;
}

export function send(lease: Lease, request: UpstreamRequest, events: UpstreamEvents): Attempt {
  let over = false;
  let controller: Controller | null = null;
  const end = (last: () => void): void => {
    if (over) return;
    over = true;
    lease.release();
    last();
  };
  const handler: Handler = {
    onRequestStart: (started) => {
      controller = started;
    },
    onResponseStart: (started, status) => {
      if (over || status < 200) return;
      const raw = started.rawHeaders;
      events.onHeaders(status, Array.isArray(raw) ? raw : []);
    },
    onResponseData: (_, chunk) => {
      if (!over) events.onData(chunk);
    },
    onResponseEnd: () => end(events.onEnd),
    onResponseError: (_, error) =>
      end(() => events.onReset(isProtocolError(error) ? "protocol error" : "connection termination")),
  };
  lease.connection.client.dispatch(
    {
      method: request.method,
      path: request.path,
      headers: flat(request.headers),
      body: request.body === null ? null : streamOf(request.body),
    },
    handler,
  );
  return {
    abort: () => {
      if (over) return;
      over = true;
      lease.connection.close();
      lease.release();
    },
    pause: () => controller?.pause(),
    resume: () => controller?.resume(),
  };
}

type Handler = Parameters<Client["dispatch"]>[1];
type Controller = Parameters<NonNullable<Handler["onRequestStart"]>>[0];
