/** What `kubectl port-forward` does: one port of this machine, connected to whichever pod is ready at the time. */
import { type Socket, connect, createServer } from "node:net";
import { InputError } from "../../errors.ts";
import type { BindAddress } from "./addresses.ts";

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

/** Listens on 127.0.0.1; a port that somebody holds is the user's to free, so it is said as such. */
export function listenOnLoopback(
  server: ReturnType<typeof createServer>,
  port: number,
  forWhat: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      reject(
        taken
          ? new InputError([
              `port ${port} is wanted for ${forWhat}, and another program holds it. End that program, or choose another port`,
            ])
          : error,
      );
    });
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}
