/** Headless Services: one pod for each connection, names that list pods, and nothing where there is none. */
import { afterEach, describe, expect, test } from "vitest";
import { Resolver } from "node:dns/promises";
import { Agent } from "node:http";
import { stream } from "../../seed/seed.ts";
import { dnsAnswer, nameForms } from "./dns-answers.ts";
import { HOST, bench, pod, route, until } from "./test-kit.ts";
import type { Pod } from "./test-kit.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});
const keep = <T extends { close: () => void }>(thing: T): T => {
  cleanups.push(() => thing.close());
  return thing;
};
const pods = async (count: number): Promise<Pod[]> => {
  const all = await Promise.all(Array.from({ length: count }, (_, index) => pod(index)));
  for (const one of all) keep(one);
  return all;
};
const original = { type: "ORIGINAL_DST", lbPolicy: "CLUSTER_PROVIDED" } as const;
const headless = (publishNotReadyAddresses = false) => ({
  headless: [{ service: HOST, port: 8000, publishNotReadyAddresses }],
  dns: { bindAddress: "127.0.0.1", bindPort: 0 },
});
const start = async (publish = false) => {
  const run = keep(await bench(route({}, original), headless(publish)));
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`127.0.0.1:${run.dns!.bindPort}`]);
  return { ...run, resolver };
};

test("ORIGINAL_DST: one connection stays on one pod whatever the tenant, and connections spread", async () => {
  const three = await pods(3);
  const run = await start();
  await run.endpoints(three.map(({ endpoint }) => endpoint));
  const seen = new Set<string>();
  for (let connection = 0; connection < 12; connection++) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers = new Set<string>();
    for (const tenant of ["a", "b", "c", "d"])
      answers.add((await run.call({ agent, headers: { "x-tenant-id": tenant } })).body);
    agent.destroy();
    expect(answers.size).toBe(1);
    seen.add([...answers][0]!);
  }
  expect(seen.size).toBe(3);
});

test("a kept connection to a pod that is gone gets 503 URX,UF; it does not move", async () => {
  const two = await pods(2);
  const run = await start();
  await run.endpoints([two[0]!.endpoint]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect((await run.call({ agent })).body).toBe("api-0");
  two[0]!.close();
  await run.endpoints([two[1]!.endpoint]);
  expect((await run.call({ agent })).status).toBe(503);
  expect((await run.call({ agent: false })).body).toBe("api-1");
  agent.destroy();
  await until(() => run.log.length === 3);
  expect(run.log[1]).toMatchObject({ flags: "URX,UF", attempts: 3, pod: "api-0" });
});

test("the listener of a headless Service without pods resets the connection", async () => {
  const run = await start();
  await expect(run.call({ agent: false })).rejects.toThrow(/ECONNRESET|socket hang up/);
  expect(run.log).toEqual([]);
});

test("PASSTHROUGH on a Service with an address: a ready pod for each connection, refused without one", async () => {
  const run = keep(await bench(route({}, original)));
  expect((await run.call({ agent: false })).status).toBe(503);
  const two = await pods(2);
  await run.endpoints(two.map(({ endpoint }, index) => ({ ...endpoint, ready: index === 1 })));
  expect((await run.call({ agent: false })).body).toBe("api-1");
  expect(run.log[0]).toMatchObject({ flags: "URX,UF", pod: null });
});

test("DNS lists an address for each pod, each leads to its pod; none is NXDOMAIN", async () => {
  const three = await pods(3);
  const run = await start();
  await expect(run.resolver.resolve4(HOST)).rejects.toMatchObject({ code: "ENOTFOUND" });
  await run.endpoints(three.map(({ endpoint }) => endpoint));
  const addresses = await run.resolver.resolve4(HOST);
  expect(addresses).toHaveLength(3);
  const records = await run.resolver.resolveSrv(`_http._tcp.${HOST}`);
  expect(records.map(({ name }) => name).sort()).toEqual([0, 1, 2].map((index) => `api-${index}.${HOST}`));
  for (const { name, port } of records) {
    const [address] = await run.resolver.resolve4(name);
    expect(addresses).toContain(address);
    expect((await run.call({ host: address!, port, agent: false })).body).toBe(name.split(".")[0]);
  }
  await run.endpoints([]);
  await expect(run.resolver.resolve4("api.shop")).rejects.toMatchObject({ code: "ENOTFOUND" });
});

test("a pod keeps its address while others come and go; unready ones are listed only where published", async () => {
  const three = await pods(3);
  const endpoints = three.map(({ endpoint }, index) => ({ ...endpoint, ready: index > 0 }));
  const strict = await start();
  await strict.endpoints(endpoints);
  expect(await strict.resolver.resolve4("api")).toHaveLength(2);
  const before = await strict.resolver.resolve4(`api-1.${HOST}`);
  await strict.endpoints(endpoints.slice(1, 2));
  expect(await strict.resolver.resolve4(HOST)).toEqual(before);
  const published = await start(true);
  await published.endpoints(endpoints);
  expect(await published.resolver.resolve4(HOST)).toHaveLength(3);
});

test("the address of a pod that is gone takes no new connection", async () => {
  const [one] = await pods(1);
  const run = await start();
  await run.endpoints([one!.endpoint]);
  const [record] = await run.resolver.resolveSrv(`_http._tcp.${HOST}`);
  const [address] = await run.resolver.resolve4(HOST);
  const there = { host: address!, port: record!.port, agent: false } as const;
  expect((await run.call(there)).status).toBe(200);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await run.call({ ...there, agent });
  await run.endpoints([]);
  // A connection that is there already stays, as long as the pod itself answers.
  expect((await run.call({ ...there, agent })).status).toBe(200);
  agent.destroy();
  await expect(run.call(there)).rejects.toThrow(/ECONNREFUSED/);
});

describe("dnsAnswer()", () => {
  const random = stream(1, "test");
  const names = [
    {
      service: HOST,
      pods: ["10", "11", "12", "13"].map((last) => ({
        pod: `api-${last}`,
        address: `127.70.0.${last}`,
        port: 8000,
      })),
    },
    { service: "empty.shop.svc.cluster.local", pods: [] },
  ];
  const ask = (name: string, type = "A") => dnsAnswer({ name, type }, names, random);

  test.each(nameForms(HOST))("answers for %s, whatever the case", (name) => {
    expect(ask(name).answers).toHaveLength(4);
    expect(ask(name.toUpperCase()).answers).toHaveLength(4);
  });

  test("another order at each look-up, each address first at times", () => {
    const first = new Set(
      Array.from({ length: 60 }, () => ask("api").answers[0]).map((record) => JSON.stringify(record)),
    );
    expect(first.size).toBe(4);
  });

  test.each([
    ["a name with pods, another type", HOST, "AAAA", "NOERROR", 0],
    ["a pod's own name", `api-12.${HOST}`, "A", "NOERROR", 1],
    ["a pod that is not there", `api-99.${HOST}`, "A", "NXDOMAIN", 0],
    ["no pods", "empty.shop", "A", "NXDOMAIN", 0],
    ["no pods, SRV", "_http._tcp.empty.shop", "SRV", "NXDOMAIN", 0],
    ["SRV", "_http._tcp.api", "SRV", "NOERROR", 4],
    ["somebody else's name", "example.org", "A", "REFUSED", 0],
  ])("%s", (_, name, type, rcode, count) => {
    const answer = ask(name, type);
    expect([answer.rcode, answer.answers.length]).toEqual([rcode, count]);
  });
});
