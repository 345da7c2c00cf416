/**
 * Where the processes of a run listen. Linux answers on all of 127.0.0.0/8, so each pod gets an address of its own and
 * keeps its container's port; where only 127.0.0.1 exists (macOS), pods differ by port.
 */
import { type Server, createServer } from "node:net";
import { listenOnLoopback } from "./loopback.ts";

export type BindAddress = { readonly bindAddress: string; readonly bindPort: number };

export interface Addresses {
  /** Only 127.0.0.1 is there: pods differ by port, not by address. */
  readonly oneAddress: boolean;
  /** An address for a new pod that wants to listen on `port`. */
  next(port: number): Promise<BindAddress>;
  close(): void;
}

/** Several runs may share the machine: each holds one of these blocks, marked by a listener on its first address. */
const FIRST_BLOCK = 64;
const LAST_BLOCK = 250;
const LOCK_PORT = 18_473;

/** `LIMPET_ONE_ADDRESS=1` tries on Linux what macOS has to do. */
export async function claimAddresses(env: Readonly<Record<string, string | undefined>>): Promise<Addresses> {
  if (env["LIMPET_ONE_ADDRESS"] === "1") return portsOfOneAddress();
  for (let block = FIRST_BLOCK; block <= LAST_BLOCK; block++) {
    const lock = await listen(`127.${block}.0.1`, LOCK_PORT);
    if (lock === "no such address") return portsOfOneAddress();
    if (lock === "in use") continue;
    lock.unref();
    let count = 1;
    return {
      oneAddress: false,
      next: async (port) => {
        count++;
        if (count > 65_000) throw new Error("more than 65,000 pods in one run: no loopback address is left");
        return { bindAddress: `127.${block}.${count >> 8}.${count & 255}`, bindPort: port };
      },
      close: () => lock.close(),
    };
  }
  return portsOfOneAddress();
}

export function portsOfOneAddress(): Addresses {
  return {
    oneAddress: true,
    next: async () => ({ bindAddress: "127.0.0.1", bindPort: await freePort("127.0.0.1") }),
    close: () => {},
  };
}

/**
 * `port` of 127.0.0.1, or any free one for 0, for a program that binds it itself.
 *
 * @throws {InputError} where another program holds it.
 */
export async function portOrFree(port: number, forWhat: string): Promise<number> {
  const server = createServer();
  const bound = await listenOnLoopback(server, port, forWhat);
  await new Promise((resolve) => server.close(resolve));
  return bound;
}

/** A port that nobody held a moment ago. */
export async function freePort(address: string): Promise<number> {
  const server = await listen(address, 0);
  if (typeof server === "string") throw new Error(`Cannot find a free port on ${address}: ${server}`);
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof bound === "object" && bound ? bound.port : 0;
}

function listen(address: string, port: number): Promise<Server | "in use" | "no such address"> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve("in use");
      else if (error.code === "EADDRNOTAVAIL") resolve("no such address");
      else reject(error);
    });
    server.listen(port, address, () => resolve(server));
  });
}
