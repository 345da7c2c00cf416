/**
 * The built-in sidecar and a real Envoy on the same route, the same pods and the same requests: what the client sees, what
 * the pod sees, what the access log says.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Addresses, claimAddresses } from "../../src/engines/local/addresses.ts";
import { envoyBootstrap } from "../../src/engines/local/envoy/bootstrap.ts";
import { writeEndpoints } from "../../src/engines/local/envoy/endpoint-files.ts";
import { Supervisor } from "../../src/exec/supervisor.ts";
import type { ResolvedCluster, ResolvedRoute } from "../../src/routing/types.ts";
import { defaultRetryPolicy } from "../../src/routing/virtual-service.ts";
import type { SidecarEndpoint } from "../../src/services/sidecar/protocol.ts";
import { cluster, pod, route, until } from "../../src/services/sidecar/test-kit.ts";
import { loadTopology } from "../../src/topology/load.ts";
import { tell } from "./kit/figures.ts";
import { installedEnvoy } from "./kit/programs.ts";
import { type Proxy, builtInProxy, envoyProxy } from "./kit/proxies.ts";

const supervisor = new Supervisor(process.env);
const envoy = installedEnvoy();
let addresses: Addresses;
beforeAll(async () => {
  addresses = await claimAddresses(process.env);
});
afterAll(async () => {
  await supervisor.stop();
  addresses.close();
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

type Asked = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
};

/** Of a proxy's words only what it may choose freely is left out. */
function shown(headers: IncomingHttpHeaders): Record<string, unknown> {
  const given = Object.entries(headers).filter(
    ([name]) => !["date", "connection", "keep-alive", "transfer-encoding"].includes(name),
  );
  return Object.fromEntries(
    given.map(([name, value]) => [name, name === "x-envoy-upstream-service-time" ? "…" : value]),
  );
}

class Bench {
  readonly #proxy: Proxy;
  readonly #agent = new Agent({ keepAlive: true });
  #sent = 0;

  constructor(proxy: Proxy) {
    this.#proxy = proxy;
    cleanups.push(() => this.#agent.destroy(), proxy.close);
  }

  endpoints(list: readonly SidecarEndpoint[]): Promise<void> {
    return this.#proxy.endpoints(list);
  }

  /** Status, headers and body, or the error of the connection; and then what the access log says of it. */
  async ask({ method = "GET", path = "/", headers = {}, body }: Asked = {}, fresh = false) {
    const { bindAddress, bindPort } = this.#proxy.at;
    this.#sent++;
    const answer = await new Promise<unknown>((resolve) => {
      const sent = request(
        { host: bindAddress, port: bindPort, method, path, headers, agent: fresh ? false : this.#agent },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (text += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode, headers: shown(response.headers), body: text }),
          );
          response.on("error", (error: NodeJS.ErrnoException) => resolve({ error: error.code }));
        },
      );
      sent.on("error", (error: NodeJS.ErrnoException) => resolve({ error: error.code }));
      sent.end(body);
    });
    await until(() => this.#proxy.log.length === this.#sent);
    const { requestId, authority, status, flags, upstreamHost, pod, attempts, hashed } =
      this.#proxy.log.at(-1)!;
    return { answer, log: { requestId, authority, status, flags, upstreamHost, pod, attempts, hashed } };
  }
}

const ID = { "x-request-id": "one" };
const tenant = (name: string | string[]): Asked => ({ headers: { ...ID, "x-tenant-id": name } });
const edits = (set: Record<string, string>, add: Record<string, string> = {}, remove: string[] = []) => ({
  set,
  add,
  remove,
});

async function podsOf(count: number, listener?: RequestListener): Promise<SidecarEndpoint[]> {
  const pods = await Promise.all(Array.from({ length: count }, (_, index) => pod(index, listener)));
  for (const one of pods) cleanups.push(one.close);
  return pods.map(({ endpoint }) => endpoint);
}

/** An endpoint where nobody listens. */
async function refusing(index: number): Promise<SidecarEndpoint> {
  const one = await pod(index);
  one.close();
  return one.endpoint;
}

const echo: RequestListener = (incoming, response) => {
  let body = "";
  incoming.setEncoding("latin1");
  incoming.on("data", (chunk: string) => (body += chunk));
  incoming.on("end", () => {
    const { connection: _, ...given } = incoming.headers;
    const headers = Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1));
    response.setHeader("x-pod", "yes");
    response.end(JSON.stringify({ method: incoming.method, url: incoming.url, headers, body }));
  });
};

type Case = {
  readonly name: string;
  readonly route: Partial<ResolvedRoute>;
  readonly cluster?: Partial<ResolvedCluster>;
  readonly run: (bench: Bench) => Promise<unknown>;
  /** A word that the built-in sidecar's answer has to have: so that both are not wrong together. */
  readonly has: string;
};

const original = { type: "ORIGINAL_DST", lbPolicy: "CLUSTER_PROVIDED" } as const;
const retries = defaultRetryPolicy(false);
const noRetries = { retryPolicy: null };

const CASES: readonly Case[] = [
  { name: "no route", route: { destinations: [] }, run: (bench) => bench.ask(tenant("a")), has: '"NR"' },
  {
    name: "no such cluster",
    route: {},
    cluster: { missing: true },
    run: (bench) => bench.ask(tenant("a")),
    has: '"NC"',
  },
  { name: "no endpoint", route: {}, run: (bench) => bench.ask(tenant("a")), has: "no healthy upstream" },
  {
    name: "no ready endpoint",
    route: {},
    run: async (bench) => {
      await bench.endpoints((await podsOf(2)).map((endpoint) => ({ ...endpoint, ready: false })));
      return bench.ask(tenant("a"));
    },
    has: "no healthy upstream",
  },
  {
    name: "a pod that refuses, the same pod tried three times",
    route: { retryPolicy: retries },
    run: async (bench) => {
      await bench.endpoints([await refusing(0)]);
      return bench.ask(tenant("a"));
    },
    has: "URX,UF",
  },
  {
    name: "a pod that refuses, no retries",
    route: noRetries,
    run: async (bench) => {
      await bench.endpoints([await refusing(0)]);
      return bench.ask(tenant("a"));
    },
    has: "remote connection failure",
  },
  {
    name: "a pod that refuses, another one tried: every tenant is answered",
    route: { retryPolicy: defaultRetryPolicy(true) },
    run: async (bench) => {
      const [, ...two] = await podsOf(3);
      await bench.endpoints([await refusing(0), ...two]);
      const seen = [];
      for (let i = 0; i < 30; i++) seen.push(await bench.ask(tenant(`tenant-${i}`)));
      return seen;
    },
    has: '"attempts":2',
  },
  {
    name: "a pod's own errors are passed on",
    route: { retryPolicy: retries },
    run: async (bench) => {
      await bench.endpoints(
        await podsOf(1, (incoming, response) => {
          response.statusCode = Number(incoming.url!.slice(1));
          response.end("my own");
        }),
      );
      const seen = [];
      for (const status of [503, 500, 404, 204, 304])
        seen.push(await bench.ask({ ...tenant("a"), path: `/${status}` }));
      return seen;
    },
    has: '"status":500',
  },
  {
    name: "a status that the route retries",
    route: {
      retryPolicy: { ...retries, retryOn: ["retriable-status-codes"], retriableStatusCodes: [418] },
    },
    run: async (bench) => {
      await bench.endpoints(
        await podsOf(1, (incoming, response) => {
          response.statusCode = incoming.headers["x-envoy-attempt-count"] === "2" ? 200 : 418;
          response.end("tea");
        }),
      );
      return bench.ask({ method: "POST", body: "leaves", ...tenant("a") });
    },
    has: '"attempts":2',
  },
  {
    name: "a connection that dies before the answer",
    route: { retryPolicy: retries },
    run: async (bench) => {
      await bench.endpoints(await podsOf(1, (incoming) => void incoming.socket.destroy()));
      return bench.ask(tenant("a"));
    },
    has: "connection termination",
  },
  {
    name: "the route's time is up",
    route: { ...noRetries, timeoutMs: 200 },
    run: async (bench) => {
      await bench.endpoints(await podsOf(1, () => {}));
      return bench.ask(tenant("a"));
    },
    has: "upstream request timeout",
  },
  {
    name: "the time of each try is up",
    route: { retryPolicy: { ...retries, retryOn: ["5xx"], perTryTimeoutMs: 100 } },
    run: async (bench) => {
      await bench.endpoints(await podsOf(1, () => {}));
      return bench.ask(tenant("a"));
    },
    has: '"attempts":3',
  },
  {
    name: "a full circuit",
    route: { retryPolicy: retries },
    cluster: {
      circuitBreakers: { maxConnections: 1, maxPendingRequests: 0, maxRequests: 1, maxRetries: Infinity },
    },
    run: async (bench) => {
      await bench.endpoints(await podsOf(1));
      return bench.ask(tenant("a"));
    },
    has: "x-envoy-overloaded",
  },
  {
    name: "what the pod is sent and the client gets",
    route: {},
    run: async (bench) => {
      await bench.endpoints(await podsOf(1, echo));
      return [
        await bench.ask({ ...tenant("a"), path: "/x?y=1&z" }),
        await bench.ask({ ...tenant("a"), method: "POST", body: "text", path: "/" }),
        await bench.ask({ ...tenant("a"), method: "HEAD" }),
        await bench.ask({
          headers: { ...ID, "x-tenant-id": "a", host: "elsewhere", "x-forwarded-proto": "https" },
        }),
      ];
    },
    has: "x-forwarded-proto",
  },
  {
    name: "header edits of route and destination, before the hash",
    route: {
      destinations: [
        {
          weight: 100,
          cluster: cluster(),
          requestHeaders: edits({ "x-a": "destination" }, { "x-b": "100%" }, ["x-gone"]),
          responseHeaders: edits({ "x-pod": "set" }, { "x-added": "by destination" }),
        },
      ],
      requestHeaders: edits({ "x-a": "route", "x-tenant-id": "fixed" }),
      responseHeaders: edits({}, { "x-added": "by route" }, ["x-removed"]),
    },
    run: async (bench) => {
      await bench.endpoints(await podsOf(3, echo));
      return [
        await bench.ask({ headers: { ...ID, "x-tenant-id": "a", "x-gone": "1", "x-a": "client" } }),
        await bench.ask({ headers: { ...ID, "x-tenant-id": "b" } }),
      ];
    },
    has: "by destination",
  },
  {
    name: "tenants: missing apart, any value has its pod; empty, repeated, joined, odd bytes",
    route: {},
    run: async (bench) => {
      await bench.endpoints(await podsOf(5));
      const values = [
        "",
        "a",
        ["a", "b"],
        ["b", "a"],
        "a, b",
        "a,b",
        "A",
        "caf\u00e9",
        'q"uote',
        "in ner",
        "x".repeat(300),
      ];
      const seen = [];
      for (const value of [...values, ...Array.from({ length: 40 }, (_, i) => `tenant-${i}`)])
        seen.push(await bench.ask(tenant(value)));
      return seen;
    },
    has: "api-4",
  },
  {
    name: "hashed by the query",
    route: { hashPolicies: [{ kind: "query_parameter", name: "t" }] },
    run: async (bench) => {
      await bench.endpoints(await podsOf(5));
      const seen = [];
      for (const path of ["/?t=a", "/?t=b", "/?x=1&t=c&t=d", "/?t=", "/?t", "/?t=a%20b", "/?t=a#f"])
        seen.push(await bench.ask({ path, headers: ID }));
      return seen;
    },
    has: "api-",
  },
  {
    name: "hashed by a cookie, and by several policies",
    route: {
      hashPolicies: [
        { kind: "cookie", name: "id" },
        { kind: "header", headerName: "x-tenant-id" },
      ],
    },
    run: async (bench) => {
      await bench.endpoints(await podsOf(5));
      const seen = [];
      for (const cookie of ["id=1", "a=b; id=2", 'id="3"', "id=4; id=5"])
        seen.push(await bench.ask({ headers: { ...ID, cookie, "x-tenant-id": "a" } }));
      return seen;
    },
    has: "api-",
  },
  {
    name: "Maglev",
    route: {},
    cluster: { lbPolicy: "MAGLEV", tableSize: 251 },
    run: async (bench) => {
      await bench.endpoints(await podsOf(5));
      const seen = [];
      for (let i = 0; i < 40; i++) seen.push(await bench.ask(tenant(`tenant-${i}`)));
      return seen;
    },
    has: "api-4",
  },
  {
    name: "ORIGINAL_DST: the pod that was called, whoever the tenant",
    route: { retryPolicy: retries },
    cluster: original,
    run: async (bench) => {
      await bench.endpoints(await podsOf(1));
      return [await bench.ask(tenant("a")), await bench.ask(tenant("b")), await bench.ask(tenant("c"), true)];
    },
    has: "api-0",
  },
  {
    name: "ORIGINAL_DST: a pod that refuses",
    route: { retryPolicy: retries },
    cluster: original,
    run: async (bench) => {
      await bench.endpoints([await refusing(0)]);
      return bench.ask(tenant("a"));
    },
    has: "URX,UF",
  },
];

let alike = 0;

test.each(CASES)("$name", async ({ route: over, cluster: of = {}, run, has }) => {
  const routed = route(over, of);
  const ours = await run(new Bench(await builtInProxy(routed)));
  for (const cleanup of cleanups.splice(0)) await cleanup();
  const theirs = await run(new Bench(await envoyProxy(routed, { supervisor, addresses, envoy })));
  expect(JSON.stringify(ours)).toContain(has);
  expect(ours).toEqual(theirs);
  alike++;
});

test("a TCP port: bytes, on one pod for each connection; without a pod the connection is closed", async () => {
  const proxy = await envoyProxy(route({ protocol: "tcp", hashPolicies: [] }), {
    supervisor,
    addresses,
    envoy,
  });
  const bench = new Bench(proxy);
  expect(await bench.ask(tenant("a"), true)).toMatchObject({
    answer: { error: "ECONNRESET" },
    log: { flags: "UH", pod: null },
  });
  await bench.endpoints(await podsOf(1));
  expect(await bench.ask(tenant("a"), true)).toMatchObject({
    answer: { status: 200, body: "api-0" },
    log: { pod: "api-0", requestId: null },
  });
});

const FIXTURES = ["k8s/test-topology", "original", "shop", "booking", "ledger"];

test.each(FIXTURES)("Envoy accepts the configuration for %s", async (name) => {
  const { routes } = await loadTopology({
    path: name.includes("/") ? name : join("tests", "fixtures", name),
  });
  const listeners = routes.map((one, index) => ({
    route: one,
    proxyProtocol: index % 2 === 0,
    bindAddress: `127.99.9.${index + 1}`,
    bindPort: one.port,
  }));
  const folder = mkdtempSync(join(tmpdir(), "limpet-conformance-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const admin = { bindAddress: "127.99.9.200", bindPort: 15_000 };
  const bootstrap = envoyBootstrap({ node: "a", listeners, admin, endpointsFolder: folder, speed: 20 });
  for (const { destinations } of routes)
    for (const { cluster: one } of destinations) writeEndpoints(folder, one.service, 0, []);
  const file = join(folder, "bootstrap.json");
  writeFileSync(file, JSON.stringify(bootstrap));
  const args = ["--mode", "validate", "--config-path", file, "--disable-hot-restart", "--log-level", "error"];
  const { status, stderr } = spawnSync(envoy, args, { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(listeners.length).toBeGreaterThan(0);
});

afterAll(() => {
  const compared = `${CASES.length} routes, the built-in sidecar beside it`;
  tell({ row: "proxies side by side", judge: "Envoy", compared, differ: CASES.length - alike });
});
