/** Carries a connection to the proxy, as the redirect in a pod's network does, and tells it what was called. */
import { type Socket, connect, createServer } from "node:net";
import type { Listener } from "../sidecar/listener.ts";

export type At = { readonly bindAddress: string; readonly bindPort: number };

export type RelayOptions = {
  readonly open: At;
  readonly proxy: At;
  /** Where the client's connection is to; null refuses it with a reset. */
  readonly destination: () => At | null;
};

/** https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, version 1. */
const proxyHeader = (client: Socket, to: At): string =>
  `PROXY TCP4 ${client.remoteAddress} ${to.bindAddress} ${client.remotePort} ${to.bindPort}\r\n`;

export function relay({ open, proxy, destination }: RelayOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    track(client);
    const to = destination();
    if (to === null) {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const outgoing = connect({ port: proxy.bindPort, host: proxy.bindAddress, allowHalfOpen: true });
    track(outgoing);
    client.on("error", () => outgoing.resetAndDestroy());
    outgoing.on("error", () => client.resetAndDestroy());
    outgoing.write(proxyHeader(client, to));
    client.pipe(outgoing).pipe(client);
  });
  const ended = new Promise<void>((resolve) => server.once("close", resolve));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(open.bindPort, open.bindAddress, () => {
      server.off("error", reject);
      const bound = server.address();
      resolve({
        bindAddress: open.bindAddress,
        bindPort: typeof bound === "object" && bound !== null ? bound.port : open.bindPort,
        ended,
        stopAccepting: () => server.close(),
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
