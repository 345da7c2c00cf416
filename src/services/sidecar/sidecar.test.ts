import { afterEach, expect, test } from "vitest";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { latin1Bytes, headerHash } from "../../routing/request-hash.ts";
import { toDecimal } from "../../routing/hash64.ts";
import { buildRing, ringOwner } from "../../routing/ring-hash.ts";
import { defaultRetryPolicy } from "../../routing/virtual-service.ts";
import { HOST, bench, cluster, pod, route, until } from "./test-kit.ts";
import type { Pod } from "./test-kit.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});
const keep = <T extends { close: () => void }>(thing: T): T => {
  cleanups.push(() => thing.close());
  return thing;
};
const start = async (...given: Parameters<typeof bench>) => keep(await bench(...given));
const pods = async (count: number): Promise<Pod[]> => {
  const all = await Promise.all(Array.from({ length: count }, (_, index) => pod(index)));
  for (const one of all) keep(one);
  return all;
};
const endpointsOf = (list: readonly Pod[]) => list.map(({ endpoint }) => endpoint);
const tenants = Array.from({ length: 40 }, (_, index) => `tenant-${index}`);
const ringOptions = { minimumRingSize: 1024, maximumRingSize: 8_388_608 };
const hashOf = (tenant: string) => headerHash([latin1Bytes(tenant)])!;
const homeOf = (tenant: string, list: readonly Pod[]): string => {
  const ring = buildRing(endpointsOf(list), ringOptions);
  return list[ringOwner(ring, hashOf(tenant))]!.endpoint.pod;
};
/** A pod's endpoint whose port nobody listens on. */
const deadEndpoint = async (index: number) => {
  const gone = await pod(index);
  gone.close();
  return gone.endpoint;
};

test("each tenant goes where the ring says, again and again, and the access log says the same", async () => {
  const three = await pods(3);
  const run = await start(route());
  await run.endpoints(endpointsOf(three));
  for (let round = 0; round < 2; round++)
    for (const tenant of tenants) expect((await run.tenant(tenant)).body).toBe(homeOf(tenant, three));
  await until(() => run.log.length === 80);
  const used = new Set(run.log.map((entry) => entry.pod));
  expect(used.size).toBe(3);
  expect(run.log[0]).toMatchObject({
    authority: "api.shop.svc.cluster.local:8000",
    status: 200,
    flags: "-",
    attempts: 1,
    endpointsVersion: 1,
    pod: homeOf("tenant-0", three),
    hash: toDecimal(hashOf("tenant-0")),
    hashed: "tenant-0",
  });
});

test("a change of endpoints moves tenants to the new ring's owners; unready pods are not on it", async () => {
  const four = await pods(4);
  const run = await start(route());
  await run.endpoints(endpointsOf(four.slice(0, 3)));
  for (const tenant of tenants)
    expect((await run.tenant(tenant)).body).toBe(homeOf(tenant, four.slice(0, 3)));
  await run.endpoints(endpointsOf(four));
  for (const tenant of tenants) expect((await run.tenant(tenant)).body).toBe(homeOf(tenant, four));
  await run.endpoints(four.map(({ endpoint }, index) => ({ ...endpoint, ready: index !== 1 })));
  const ready = four.filter((_, index) => index !== 1);
  for (const tenant of tenants) expect((await run.tenant(tenant)).body).toBe(homeOf(tenant, ready));
});

test("without endpoints: 503 no healthy upstream, flag UH, at once", async () => {
  const run = await start(route());
  const answer = await run.tenant("a");
  expect([answer.status, answer.body]).toEqual([503, "no healthy upstream"]);
  expect(answer.headers.server).toBe("envoy");
  await until(() => run.log.length === 1);
  expect(run.log[0]).toMatchObject({
    flags: "UH",
    attempts: 1,
    upstreamHost: null,
    pod: null,
    endpointsVersion: 0,
  });
});

test("a pod that refuses is tried three times on a hashed route, then 503 URX,UF", async () => {
  const run = await start(route());
  await run.endpoints([await deadEndpoint(0)]);
  const answer = await run.tenant("a");
  expect(answer.status).toBe(503);
  expect(answer.body).toBe(
    "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure",
  );
  await until(() => run.log.length === 1);
  expect(run.log[0]).toMatchObject({ flags: "URX,UF", attempts: 3, pod: "api-0" });
});

test("with previous_hosts a retry walks on to a pod that answers", async () => {
  const [alive] = await pods(1);
  const run = await start(route({ retryPolicy: defaultRetryPolicy(true) }));
  const dead = await deadEndpoint(1);
  await run.endpoints([alive!.endpoint, dead]);
  const ring = buildRing([alive!.endpoint, dead], ringOptions);
  for (const tenant of tenants) {
    // Six looks at neighbouring entries; where all are the dead pod's, so is the retry.
    const looks = [0, 1, 2, 3, 4, 5].map((attempt) => ringOwner(ring, hashOf(tenant), attempt));
    expect((await run.tenant(tenant)).status).toBe(looks.includes(0) ? 200 : 503);
  }
  await until(() => run.log.length === tenants.length);
  expect(run.log.some(({ attempts, status }) => attempts > 1 && status === 200)).toBe(true);
});

test("without a retry policy the reason is told plainly", async () => {
  const run = await start(route({ retryPolicy: null }));
  await run.endpoints([await deadEndpoint(0)]);
  const answer = await run.tenant("a");
  expect(answer.body).toBe(
    "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
  );
  await until(() => run.log.length === 1);
  expect(run.log[0]).toMatchObject({ flags: "UF", attempts: 1 });
});

test("a pod that closes before it answers gives 503 UC and no retry", async () => {
  let calls = 0;
  const server = createServer((socket) => {
    calls++;
    socket.once("data", () => socket.destroy());
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  const { endpoint } = (await pods(1))[0]!;
  const bound = server.address();
  const run = await start(route());
  await run.endpoints([{ ...endpoint, bindPort: typeof bound === "object" ? bound!.port : 0 }]);
  const answer = await run.tenant("a");
  expect([answer.status, answer.body]).toEqual([
    503,
    "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
  ]);
  await until(() => run.log.length === 1);
  expect([run.log[0]!.flags, calls]).toEqual(["UC", 1]);
});

/** A pod that answers only when it is let. */
async function slowPod(index: number) {
  const waiting: (() => void)[] = [];
  const server = keep(
    await pod(index, (_, response) => void waiting.push(() => response.end(`api-${index}`))),
  );
  return { ...server, waiting, let: () => waiting.splice(0).forEach((answer) => answer()) };
}

test("one request in progress and one pending are allowed, the third overflows: 503 UO", async () => {
  const slow = await slowPod(0);
  const limits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 10, maxRetries: Infinity };
  const run = await start(route({}, { circuitBreakers: limits }));
  await run.endpoints([slow.endpoint]);
  const first = run.tenant("a");
  await until(() => slow.waiting.length === 1);
  // Whichever of the two comes second finds the queue full.
  const two = [run.tenant("b"), run.tenant("c")];
  const third = await Promise.race(two);
  expect([third.status, third.headers["x-envoy-overloaded"], third.body]).toEqual([
    503,
    "true",
    "upstream connect error or disconnect/reset before headers. reset reason: overflow",
  ]);
  slow.let();
  expect((await first).status).toBe(200);
  await until(() => slow.waiting.length === 1);
  slow.let();
  expect((await Promise.all(two)).map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 503]);
  await until(() => run.log.length === 3);
  expect(run.log[0]).toMatchObject({ flags: "UO", status: 503, attempts: 1 });
});

test("max_requests refuses what a free connection would take", async () => {
  const slow = await slowPod(0);
  const limits = { maxConnections: 5, maxPendingRequests: 5, maxRequests: 1, maxRetries: Infinity };
  const run = await start(route({}, { circuitBreakers: limits }));
  await run.endpoints([slow.endpoint]);
  const first = run.tenant("a");
  await until(() => slow.waiting.length === 1);
  expect((await run.tenant("b")).status).toBe(503);
  slow.let();
  expect((await first).status).toBe(200);
});

test("the route's time limit gives 504 UT", async () => {
  const slow = await slowPod(0);
  const run = await start(route({ timeoutMs: 60 }));
  await run.endpoints([slow.endpoint]);
  const answer = await run.tenant("a");
  expect([answer.status, answer.body]).toEqual([504, "upstream request timeout"]);
  await until(() => run.log.length === 1);
  expect(run.log[0]!.flags).toBe("UT");
});

test("overrideLbPolicy RANDOM: one tenant sees every pod", async () => {
  const three = await pods(3);
  const run = await start(route(), { overrideLbPolicy: "RANDOM" });
  await run.endpoints(endpointsOf(three));
  const seen = new Set<string>();
  for (let i = 0; i < 40; i++) seen.add((await run.tenant("a")).body);
  expect(seen.size).toBe(3);
});

test("a removed pod finishes what it has; the next request goes elsewhere", async () => {
  const slow = await slowPod(0);
  const [other] = await pods(2).then((two) => two.slice(1));
  const run = await start(route());
  await run.endpoints([slow.endpoint]);
  const first = run.tenant("a");
  await until(() => slow.waiting.length === 1);
  await run.endpoints([other!.endpoint]);
  expect((await run.tenant("a")).body).toBe("api-1");
  slow.let();
  expect((await first).body).toBe("api-0");
  const left = () =>
    new Promise<number>((resolve) => slow.server.getConnections((_, count) => resolve(count)));
  let count = -1;
  await until(() => {
    void left().then((now) => (count = now));
    return count === 0;
  });
});

test("idle connections to a removed pod are closed", async () => {
  const two = await pods(2);
  const run = await start(route());
  await run.endpoints([two[0]!.endpoint]);
  let open = 0;
  two[0]!.server.on("connection", (socket) => {
    open++;
    socket.on("close", () => open--);
  });
  await run.tenant("a");
  expect(open).toBe(1);
  await run.endpoints([two[1]!.endpoint]);
  await until(() => open === 0);
});

test("a client that goes away during a back-off leaves its retry to others", async () => {
  const limits = { maxConnections: 10, maxPendingRequests: 10, maxRequests: 10, maxRetries: 1 };
  const run = await start(
    route({ retryPolicy: { ...route().retryPolicy!, numRetries: 3 } }, { circuitBreakers: limits }),
  );
  await run.endpoints([await deadEndpoint(0)]);
  for (let i = 0; i < 10; i++) {
    const sent = request({ host: "127.0.0.1", port: run.port, agent: false });
    sent.on("error", () => {});
    sent.end();
    setTimeout(() => sent.destroy(), 10);
    await until(() => run.log.length === i + 1);
  }
  await run.tenant("a");
  await until(() => run.log.length === 11);
  expect(run.log[10]!.attempts).toBe(4);
});

test("a route to a cluster that does not exist is 503 NC; no route at all is 404 NR", async () => {
  const missing = await start(route({}, { missing: true }));
  expect(await missing.tenant("a")).toMatchObject({ status: 503, body: "" });
  const none = await start(route({ destinations: [] }));
  expect(await none.tenant("a")).toMatchObject({ status: 404, body: "" });
  await until(() => missing.log.length + none.log.length === 2);
  expect([missing.log[0]!.flags, none.log[0]!.flags]).toEqual(["NC", "NR"]);
});

test("a request without the header goes to a random pod each time", async () => {
  const three = await pods(3);
  const run = await start(route());
  await run.endpoints(endpointsOf(three));
  const seen = new Set<string>();
  for (let i = 0; i < 40; i++) seen.add((await run.call()).body);
  expect(seen.size).toBe(3);
  await until(() => run.log.length === 40);
  expect(run.log.every(({ hash }) => hash === null)).toBe(true);
});

test("a TCP-class port: one pod for each connection, drawn when it is first used", async () => {
  const three = await pods(3);
  const run = await start(route({ protocol: "tcp", hashPolicies: [], retryPolicy: null }));
  await run.endpoints(endpointsOf(three));
  const seen = new Set<string>();
  for (let connection = 0; connection < 20; connection++) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers = new Set<string>();
    for (const tenant of ["a", "b", "c"])
      answers.add((await run.call({ agent, headers: { "x-tenant-id": tenant } })).body);
    agent.destroy();
    expect(answers.size).toBe(1);
    seen.add([...answers][0]!);
  }
  expect(seen.size).toBe(3);
});

test("weighted destinations: each request is drawn to one of the clusters", async () => {
  const two = await pods(2);
  const other = "next.shop.svc.cluster.local";
  const to = (service: string, weight: number) => ({
    weight,
    cluster: cluster({ name: `outbound|8000||${service}`, service }),
  });
  const run = await start(route({ destinations: [to(HOST, 50), to(other, 50)] }));
  await run.endpoints([two[0]!.endpoint]);
  await run.endpoints([two[1]!.endpoint], other);
  const seen = new Set<string>();
  for (let i = 0; i < 30; i++) seen.add((await run.tenant("a")).body);
  expect(seen).toEqual(new Set(["api-0", "api-1"]));
});

test("a cookie that the policy makes up is set, and leads back to the same pod", async () => {
  const three = await pods(3);
  const run = await start(
    route({ hashPolicies: [{ kind: "cookie", name: "home", path: "/", ttlSeconds: 60 }] }),
  );
  await run.endpoints(endpointsOf(three));
  const first = await run.call({ agent: false });
  const line = first.headers["set-cookie"]![0]!;
  expect(line).toMatch(/^home="[0-9a-f]+"; Max-Age=60; Path=\/; HttpOnly$/);
  const cookie = line.split(";")[0]!;
  for (let i = 0; i < 10; i++) {
    const again = await run.call({ agent: false, headers: { cookie } });
    expect([again.body, again.headers["set-cookie"]]).toEqual([first.body, undefined]);
  }
});

test("a try that takes too long is given up; with retry_on 5xx another follows", async () => {
  const slow = await slowPod(0);
  const retryPolicy = { ...route().retryPolicy!, numRetries: 1, perTryTimeoutMs: 40, retryOn: ["5xx"] };
  const run = await start(route({ retryPolicy }));
  await run.endpoints([slow.endpoint]);
  expect(await run.tenant("a")).toMatchObject({ status: 504, body: "upstream request timeout" });
  await until(() => run.log.length === 1);
  expect([run.log[0]!.attempts, run.log[0]!.flags, slow.waiting.length]).toEqual([2, "URX,UT", 2]);
});

test("endpoints that go during a back-off end the request: 503 UH", async () => {
  const run = await start(route({ retryPolicy: { ...route().retryPolicy!, numRetries: 1000 } }));
  await run.endpoints([await deadEndpoint(0)]);
  const answer = run.tenant("a");
  await new Promise((resolve) => setTimeout(resolve, 20));
  await run.endpoints([]);
  expect(await answer).toMatchObject({ status: 503, body: "no healthy upstream" });
  await until(() => run.log.length === 1);
  expect(run.log[0]!.flags).toBe("UH");
});

test("max_retries 0 leaves no retry", async () => {
  const limits = { maxConnections: 10, maxPendingRequests: 10, maxRequests: 10, maxRetries: 0 };
  const run = await start(route({}, { circuitBreakers: limits }));
  await run.endpoints([await deadEndpoint(0)]);
  expect((await run.tenant("a")).status).toBe(503);
  await until(() => run.log.length === 1);
  expect(run.log[0]!.attempts).toBe(1);
});

test("connections are kept and reused: many requests in a row, one connection", async () => {
  const [one] = await pods(1);
  let connections = 0;
  one!.server.on("connection", () => connections++);
  const run = await start(route());
  await run.endpoints([one!.endpoint]);
  for (let i = 0; i < 30; i++) await run.tenant(`t${i}`);
  expect(connections).toBe(1);
});

test("the same seed gives the same draws", async () => {
  const three = await pods(3);
  const draws = async (seed: number): Promise<string> => {
    const run = await start(route(), { seed });
    await run.endpoints(endpointsOf(three));
    let seen = "";
    for (let i = 0; i < 30; i++) seen += (await run.call({ headers: { "x-request-id": "r" } })).body.at(-1);
    return seen;
  };
  expect(await draws(5)).toBe(await draws(5));
  expect(await draws(5)).not.toBe(await draws(6));
});
