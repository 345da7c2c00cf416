import type { Server } from "node:net";
import { InputError } from "../../errors.ts";

/** Listens on 127.0.0.1; a port that somebody holds is the user's to free, so it is said as such. */
export function listenOnLoopback(server: Server, port: number, forWhat: string): Promise<number> {
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
