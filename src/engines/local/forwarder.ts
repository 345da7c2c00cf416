/** What `kubectl port-forward` does: one port of this machine, connected to whichever pod is ready at the time. */
import { type Socket, connect, createServer } from "node:net";
import type { BindAddress } from "./addresses.ts";
import { listenOnLoopback } from "./loopback.ts";

export type Forwarder = { readonly url: string; close(): Promise<void> };

export async function forwardTcp(port: number, target: () => BindAddress | null): Promise<Forwarder> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.once("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
  };
  const server = createServer((incoming) => {
    const where = target();
    track(incoming);
    if (!where) {
      incoming.destroy();
      return;
    }
    const outgoing = track(connect(where.bindPort, where.bindAddress));
    outgoing.once("close", () => incoming.destroy());
    incoming.once("close", () => outgoing.destroy());
    incoming.pipe(outgoing).pipe(incoming);
  });
  const bound = await listenOnLoopback(server, port, "the gateway");
  return {
    url: `http://127.0.0.1:${bound}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
