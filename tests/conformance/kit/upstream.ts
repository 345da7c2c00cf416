/** Tiny pods: each listens on an address of its own and answers every request with its number. */
import { type Server, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { Addresses, BindAddress } from "../../../src/engines/local/addresses.ts";

export type Upstream = AsyncDisposable & { readonly pods: readonly BindAddress[] };

export async function startUpstream(addresses: Addresses, count: number): Promise<Upstream> {
  const servers: Server[] = [];
  const pods: BindAddress[] = [];
  for (let index = 0; index < count; index++) {
    const body = String(index);
    const answer = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const server = createServer((socket) => {
      socket.setNoDelay(true);
      // A GET has no body, and Envoy sends one request at a time: what ends in an empty line is a request.
      socket.on("data", (chunk) => {
        if (chunk.readUInt32BE(chunk.length - 4) === END_OF_HEADERS) socket.write(answer);
      });
      socket.on("error", () => socket.destroy());
    });
    const { bindAddress, bindPort } = await addresses.next(0);
    await new Promise<void>((resolve) => server.listen(bindPort, bindAddress, resolve));
    servers.push(server);
    pods.push({ bindAddress, bindPort: (server.address() as AddressInfo).port });
  }
  return {
    pods,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

const END_OF_HEADERS = 0x0d0a0d0a;
