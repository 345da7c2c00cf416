/** One proxy on one Service port: the built-in sidecar in this process, or a real Envoy that is configured for the same. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import type { Addresses, BindAddress } from "../../../src/engines/local/addresses.ts";
import { accessLogEntry } from "../../../src/engines/local/envoy/access-log.ts";
import { envoyBootstrap } from "../../../src/engines/local/envoy/bootstrap.ts";
import { writeEndpoints } from "../../../src/engines/local/envoy/endpoint-files.ts";
import { startEnvoy } from "../../../src/engines/local/envoy/envoy-process.ts";
import type { Supervisor } from "../../../src/exec/supervisor.ts";
import type { ResolvedRoute } from "../../../src/routing/types.ts";
import { Redirect } from "../../../src/services/redirect/redirect.ts";
import type { AccessLogEntry, SidecarEndpoint } from "../../../src/services/sidecar/protocol.ts";
import { bench } from "../../../src/services/sidecar/test-kit.ts";

export type Proxy = {
  readonly at: BindAddress;
  readonly log: readonly AccessLogEntry[];
  /** Hands it the endpoints of the called Service and returns when it has taken them. */
  readonly endpoints: (list: readonly SidecarEndpoint[]) => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function builtInProxy(route: ResolvedRoute): Promise<Proxy> {
  const run = await bench(route);
  return {
    at: { bindAddress: "127.0.0.1", bindPort: run.port },
    log: run.log,
    endpoints: (list) => run.endpoints(list),
    close: async () => run.close(),
  };
}

export async function envoyProxy(
  route: ResolvedRoute,
  given: { readonly supervisor: Supervisor; readonly addresses: Addresses; readonly envoy: string },
): Promise<Proxy> {
  const { supervisor, addresses, envoy } = given;
  const folder = mkdtempSync(join(tmpdir(), "limpet-conformance-"));
  supervisor.removeAtEnd(folder);
  const known = new Map<string, SidecarEndpoint>();
  const log: AccessLogEntry[] = [];
  const said: string[] = [];
  const admin = await addresses.next(15_000);
  const open = await addresses.next(route.port);
  const services = new Set(route.destinations.map(({ cluster }) => cluster.service));
  for (const service of services) writeEndpoints(folder, service, 0, []);
  const original = route.destinations.some(({ cluster }) => cluster.type === "ORIGINAL_DST");
  const listener = original ? await addresses.next(route.port) : open;
  const redirect = new Redirect();
  if (original)
    await redirect.order({
      type: "start",
      seed: 7,
      doors: [{ service: route.host, port: route.port, open, proxy: listener }],
      dns: null,
      headless: [],
      nowhere: { bindAddress: admin.bindAddress, bindPort: 9 },
    });
  const { program, live } = startEnvoy({
    supervisor,
    envoy,
    name: "envoy",
    folder,
    file: "bootstrap.json",
    bootstrap: envoyBootstrap({
      node: "conformance",
      listeners: [{ route, proxyProtocol: original, ...listener }],
      admin,
      endpointsFolder: folder,
      speed: 1,
    }),
    admin,
    onStdoutLine: (line) => {
      const entry = accessLogEntry(line, {
        speed: 1,
        atUsOf: (unixMs) => unixMs * 1000,
        endpointAt: (address) => known.get(address),
      });
      if (entry !== null) log.push(entry);
    },
    onStderrLine: (line) => void said.push(line),
  });
  if (!(await live)) throw new Error(`Envoy ended: ${said.join("\n")}`);
  const updates = async (): Promise<number> => {
    const { body } = await request(
      `http://${admin.bindAddress}:${admin.bindPort}/stats?filter=update_success$`,
    );
    const counts = [...(await body.text()).matchAll(/^cluster\..*update_success: (\d+)$/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  let version = 0;
  return {
    at: open,
    log,
    endpoints: async (list) => {
      for (const endpoint of list) known.set(`${endpoint.bindAddress}:${endpoint.bindPort}`, endpoint);
      await redirect.order({ type: "endpoints", service: route.host, version: ++version, endpoints: list });
      const clusters = new Set(
        route.destinations.flatMap(({ cluster }) =>
          cluster.type === "EDS" && !cluster.missing ? cluster.name : [],
        ),
      );
      if (clusters.size === 0) return;
      const before = await updates();
      for (const service of services) writeEndpoints(folder, service, version, list);
      while ((await updates()) < before + clusters.size)
        await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close: async () => {
      redirect.close();
      program.signal("SIGKILL");
      await program.exited;
    },
  };
}
