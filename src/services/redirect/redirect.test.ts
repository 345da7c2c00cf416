/** What the proxy behind the redirect is told of each connection, and where names lead. */
import { Resolver } from "node:dns/promises";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { SidecarEndpoint } from "../sidecar/protocol.ts";
import type { RedirectOrder } from "./protocol.ts";
import { Redirect } from "./redirect.ts";

const HEADLESS = "api-headless.shop.svc.cluster.local";
const SERVICE = "api.shop.svc.cluster.local";
const NOWHERE = { bindAddress: "127.0.0.9", bindPort: 9 };

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const endpoint = (index: number, ready = true): SidecarEndpoint => ({
  address: `10.244.0.${index}:8000`,
  pod: `api-${index}`,
  bindAddress: `127.99.0.${index}`,
  bindPort: 8000,
  weight: 1,
  ready,
});

/** A proxy that answers with the PROXY header that it was given, and echoes what follows. */
async function startProxy(): Promise<{ readonly bindAddress: string; readonly bindPort: number }> {
  const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  cleanups.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { bindAddress: "127.0.0.1", bindPort: (server.address() as AddressInfo).port };
}

async function freeUdpAndTcpPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function start(service: string, publishNotReadyAddresses = false) {
  const proxy = await startProxy();
  const open = { bindAddress: "127.0.0.1", bindPort: await freeUdpAndTcpPort() };
  const dns = { bindAddress: "127.0.0.1", bindPort: await freeUdpAndTcpPort() };
  const redirect = new Redirect();
  cleanups.push(() => redirect.close());
  const order: RedirectOrder = {
    type: "start",
    seed: 3,
    doors: [{ service, port: 8000, open, proxy }],
    dns,
    headless: service === HEADLESS ? [{ service, port: 8000, publishNotReadyAddresses }] : [],
    nowhere: NOWHERE,
  };
  await redirect.order(order);
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`${dns.bindAddress}:${dns.bindPort}`]);
  let version = 0;
  const endpoints = (list: readonly SidecarEndpoint[]): Promise<void> =>
    redirect.order({ type: "endpoints", service, version: ++version, endpoints: list });
  return { open, resolver, endpoints };
}

type At = { readonly bindAddress: string; readonly bindPort: number };

/** What comes back over one connection on which "hello" is sent. */
function hello({ bindAddress, bindPort }: At): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(bindPort, bindAddress);
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => {
      text += String(chunk);
      if (text.endsWith("hello")) socket.end();
    });
    socket.once("close", () => resolve(text));
    socket.once("error", reject);
    socket.write("hello");
  });
}

const destinationOf = (text: string): string => {
  const [, , , address, , port] = text.split("\r\n")[0]!.split(" ");
  return `${address}:${port}`;
};

test("the proxy is told the client and the pod before the client's first byte", async () => {
  const { open, endpoints } = await start(SERVICE);
  await endpoints([endpoint(1)]);
  expect(await hello(open)).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.99\.0\.1 \d+ 8000\r\nhello$/);
});

test("a Service's address leads to its ready pods, each connection to one; to nowhere without any", async () => {
  const { open, endpoints } = await start(SERVICE);
  expect(destinationOf(await hello(open))).toBe("127.0.0.9:9");
  await endpoints([endpoint(1), endpoint(2), endpoint(3, false)]);
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) seen.add(destinationOf(await hello(open)));
  expect([...seen].toSorted()).toEqual(["127.99.0.1:8000", "127.99.0.2:8000"]);
});

test("a headless name: an address for each pod, which leads to that pod alone", async () => {
  const { resolver, endpoints } = await start(HEADLESS);
  await expect(resolver.resolveSrv(`_http._tcp.${HEADLESS}`)).rejects.toMatchObject({ code: "ENOTFOUND" });
  await endpoints([endpoint(1), endpoint(2), endpoint(3, false)]);
  const pods = await resolver.resolveSrv(`_http._tcp.${HEADLESS}`);
  expect(pods.map(({ name }) => name).toSorted()).toEqual([`api-1.${HEADLESS}`, `api-2.${HEADLESS}`]);
  for (const { name, port } of pods) {
    const [address] = await resolver.resolve4(name);
    const index = name.slice(4, 5);
    expect(destinationOf(await hello({ bindAddress: address!, bindPort: port }))).toBe(
      `127.99.0.${index}:8000`,
    );
  }
});

test("publishNotReadyAddresses lists the pods that are not ready too", async () => {
  const { resolver, endpoints } = await start(HEADLESS, true);
  await endpoints([endpoint(1), endpoint(2, false)]);
  expect(await resolver.resolveSrv(`_http._tcp.${HEADLESS}`)).toHaveLength(2);
});

test("a headless name's own listener without pods resets the connection", async () => {
  const { open } = await start(HEADLESS);
  await expect(hello(open)).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("a pod that goes takes its address along; connections that are open stay", async () => {
  const { resolver, endpoints } = await start(HEADLESS);
  await endpoints([endpoint(1)]);
  const [pod] = await resolver.resolveSrv(`_http._tcp.${HEADLESS}`);
  const [address] = await resolver.resolve4(pod!.name);
  const kept = connect(pod!.port, address);
  kept.setEncoding("latin1");
  await new Promise((resolve) => kept.once("data", resolve));
  await endpoints([]);
  await expect(hello({ bindAddress: address!, bindPort: pod!.port })).rejects.toMatchObject({
    code: "ECONNREFUSED",
  });
  const echoed = new Promise((resolve) => kept.once("data", resolve));
  kept.write("still here");
  expect(await echoed).toBe("still here");
  kept.destroy();
});
