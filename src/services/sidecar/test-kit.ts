/** For tests: real HTTP servers as pods, and a sidecar in this process. */
import { Agent, createServer, request } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { startWallClock } from "../../clock/wall-clock.ts";
import type { CircuitBreakers, ResolvedCluster, ResolvedRoute, RetryPolicy } from "../../routing/types.ts";
import { defaultRetryPolicy } from "../../routing/virtual-service.ts";
import type { AccessLogEntry, SidecarEndpoint, SidecarOrder, SidecarReport } from "./protocol.ts";
import { createSidecar } from "./sidecar.ts";

export const HOST = "api.shop.svc.cluster.local";

export const NO_LIMITS: CircuitBreakers = {
  maxConnections: Infinity,
  maxPendingRequests: Infinity,
  maxRequests: Infinity,
  maxRetries: Infinity,
};

export const cluster = (over: Partial<ResolvedCluster> = {}): ResolvedCluster => ({
  name: `outbound|8000||${HOST}`,
  service: HOST,
  port: 8000,
  type: "EDS",
  lbPolicy: "RING_HASH",
  minimumRingSize: 1024,
  maximumRingSize: 8_388_608,
  tableSize: 65_537,
  circuitBreakers: NO_LIMITS,
  connectTimeoutMs: 10_000,
  ...over,
});

export const withoutHosts = (policy: RetryPolicy): RetryPolicy => ({ ...policy, previousHosts: false });

export const route = (
  over: Partial<ResolvedRoute> = {},
  of: Partial<ResolvedCluster> = {},
): ResolvedRoute => ({
  host: HOST,
  port: 8000,
  destinations: [{ weight: 100, cluster: cluster(of) }],
  hashPolicies: [{ kind: "header", headerName: "x-tenant-id" }],
  retryPolicy: withoutHosts(defaultRetryPolicy(false)),
  timeoutMs: 0,
  because: [],
  ...over,
});

export type Pod = { readonly endpoint: SidecarEndpoint; readonly server: Server; readonly close: () => void };

/** A pod whose answer is its name unless it is told otherwise. */
export async function pod(index: number, listener?: RequestListener): Promise<Pod> {
  const name = `api-${index}`;
  const server = createServer(listener ?? ((_, response) => void response.end(name)));
  // Only the sidecar decides when a connection ends.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
    endpoint: {
      address: `10.244.0.${10 + index}:8000`,
      pod: name,
      bindAddress: "127.0.0.1",
      bindPort: port,
      weight: 1,
      ready: true,
    },
  };
}

export type Answer = {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
};

export type Bench = Awaited<ReturnType<typeof bench>>;

type Options = Partial<Omit<Extract<SidecarOrder, { type: "start" }>, "type" | "listeners">>;

/** A sidecar with one listener for `routed`. */
export async function bench(routed: ResolvedRoute, options: Options = {}) {
  const log: AccessLogEntry[] = [];
  const reports: SidecarReport[] = [];
  const sidecar = createSidecar({
    clock: startWallClock(),
    report: (entry) => void (entry.type === "access" ? log.push(entry) : reports.push(entry)),
  });
  await sidecar.order({
    type: "start",
    seed: 7,
    listeners: [{ route: routed, bindAddress: "127.0.0.1", bindPort: 0 }],
    dns: null,
    headless: [],
    ...options,
  });
  const started = reports[0];
  if (started?.type !== "started") throw new Error("the sidecar did not start");
  const port = started.listeners[0]!.bindPort;
  let version = 0;
  const agent = new Agent({ keepAlive: true });
  const endpoints = (list: readonly SidecarEndpoint[], service = HOST): Promise<void> =>
    sidecar.order({ type: "endpoints", service, version: ++version, endpoints: list });
  const call = (
    given: {
      readonly headers?: Readonly<Record<string, string | string[]>>;
      readonly method?: string;
      readonly body?: string | Buffer;
      readonly path?: string;
      readonly agent?: Agent | false;
      readonly host?: string;
      readonly port?: number;
    } = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          host: given.host ?? "127.0.0.1",
          port: given.port ?? port,
          method: given.method ?? "GET",
          path: given.path ?? "/",
          agent: given.agent ?? agent,
          headers: { ...given.headers },
        },
        (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => (body += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode!, body, headers: response.headers }),
          );
          response.on("error", reject);
        },
      );
      sent.on("error", reject);
      sent.end(given.body);
    });
  const tenant = (name: string): Promise<Answer> => call({ headers: { "x-tenant-id": name } });
  return {
    sidecar,
    port,
    dns: started.dns,
    log,
    endpoints,
    call,
    tenant,
    close: () => {
      agent.destroy();
      sidecar.close();
    },
  };
}

/** Resolves when `met` holds; looks again after each turn of the event loop. */
export async function until(met: () => boolean): Promise<void> {
  while (!met()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export type { Socket };
