/** An HTTP listener of the sidecar, set up the way Envoy treats its clients. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { Socket } from "node:net";
import type { Downstream } from "./exchange.ts";

export type Listener = {
  readonly bindAddress: string;
  readonly bindPort: number;
  /** No new connections; the ones there are stay, as a proxy keeps them when a pod behind them goes. */
  readonly stopAccepting: () => void;
  /** Ends everything at once. */
  readonly close: () => void;
  /** Resolves when it accepts no more and its last connection is closed. */
  readonly ended: Promise<void>;
};

export type ListenerOptions = {
  readonly bindAddress: string;
  readonly bindPort: number;
  /** What a new connection is to; null refuses it with a reset. */
  readonly accept: () => Downstream | null;
  readonly handle: (downstream: Downstream, request: IncomingMessage, response: ServerResponse) => void;
};

export function listen(options: ListenerOptions): Promise<Listener> {
  const downstreams = new WeakMap<Socket, Downstream>();
  const server: Server = createServer(
    {
      // Envoy neither limits a request's time nor ends idle clients within an hour.
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      connectionsCheckingInterval: 2 ** 30,
      maxHeaderSize: 60 * 1024,
      noDelay: true,
    },
    (request, response) => {
      const downstream = downstreams.get(request.socket);
      if (downstream === undefined) request.socket.destroy();
      else options.handle(downstream, request, response);
    },
  );
  server.on("connection", (socket: Socket) => {
    const downstream = options.accept();
    if (downstream === null) socket.resetAndDestroy();
    else downstreams.set(socket, downstream);
  });
  const ended = new Promise<void>((resolve) => server.once("close", resolve));
  let accepting = true;
  const stopAccepting = (): void => {
    if (!accepting) return;
    accepting = false;
    // http.Server's own close would end idle connections too.
    NetServer.prototype.close.call(server);
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.bindPort, options.bindAddress, () => {
      server.off("error", reject);
      const bound = server.address();
      resolve({
        bindAddress: options.bindAddress,
        bindPort: typeof bound === "object" && bound !== null ? bound.port : options.bindPort,
        stopAccepting,
        ended,
        close: () => {
          stopAccepting();
          server.closeAllConnections();
        },
      });
    });
  });
}
