/**
 * Where a real Envoy sends requests, against `src/routing`: the same tenants asked of both, over many host sets, and over
 * a cluster whose hosts come and go while requests are under way.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Addresses, claimAddresses } from "../../src/engines/local/addresses.ts";
import { type EnvoyListener, envoyBootstrap } from "../../src/engines/local/envoy/bootstrap.ts";
import { writeEndpoints } from "../../src/engines/local/envoy/endpoint-files.ts";
import { startEnvoy } from "../../src/engines/local/envoy/envoy-process.ts";
import { Supervisor } from "../../src/exec/supervisor.ts";
import { createBalancer } from "../../src/routing/balancer.ts";
import type { Host, ResolvedRoute } from "../../src/routing/types.ts";
import { stream } from "../../src/seed/seed.ts";
import type { SidecarEndpoint } from "../../src/services/sidecar/protocol.ts";
import { NO_HOST, ask } from "./kit/asker.ts";
import { tell } from "./kit/figures.ts";
import { clusterNamed, drawHosts, drawHostSets, drawTenants, predict, routeTo } from "./kit/host-sets.ts";
import { installedEnvoy } from "./kit/programs.ts";
import { type Upstream, startUpstream } from "./kit/upstream.ts";

const SEED = Number(process.env.SEED ?? 8);
const TENANTS = 20_000;
const SETS = 40;
const MOST_HOSTS = 60;

const tenants = drawTenants(stream(SEED, "tenants"), TENANTS);
const sets = drawHostSets(stream(SEED, "host sets"), SETS, MOST_HOSTS);
const scaled = (["RING_HASH", "MAGLEV"] as const).map((lbPolicy) =>
  routeTo(
    clusterNamed(`scaled-${lbPolicy.toLowerCase().replace("_", "-")}.conformance.svc.cluster.local`, {
      lbPolicy,
    }),
  ),
);

const supervisor = new Supervisor(process.env);
const folder = mkdtempSync(join(tmpdir(), "limpet-conformance-"));
supervisor.removeAtEnd(folder);
let addresses: Addresses;
let upstream: Upstream;
let listeners: EnvoyListener[];
let adminUrl: string;

/** Host `index` of a set is played by pod `index`, whatever address it has there. */
const played = (hosts: readonly Host[]): SidecarEndpoint[] =>
  hosts.map((host, index) => ({ ...host, ...upstream.pods[index]!, pod: String(index), ready: true }));

const listenerOf = ({ host }: ResolvedRoute): EnvoyListener =>
  listeners.find(({ route }) => route.host === host)!;

beforeAll(async () => {
  addresses = await claimAddresses(process.env);
  upstream = await startUpstream(addresses, MOST_HOSTS);
  const routes = [...sets.map(({ route }) => route), ...scaled];
  listeners = await Promise.all(
    routes.map(async (route) => ({ route, proxyProtocol: false, ...(await addresses.next(route.port)) })),
  );
  for (const { name, hosts } of sets) writeEndpoints(folder, name, 1, played(hosts));
  for (const { host } of scaled) writeEndpoints(folder, host, 0, []);
  const admin = await addresses.next(15_000);
  adminUrl = `http://${admin.bindAddress}:${admin.bindPort}`;
  const said: string[] = [];
  const envoy = startEnvoy({
    supervisor,
    envoy: installedEnvoy(),
    name: "envoy",
    folder,
    file: "bootstrap.json",
    bootstrap: envoyBootstrap({ node: "conformance", listeners, admin, endpointsFolder: folder, speed: 1 }),
    admin,
    onStderrLine: (line) => void said.push(line),
  });
  if (!(await envoy.live)) throw new Error(`Envoy ended: ${said.join("\n")}`);
});

afterAll(async () => {
  await supervisor.stop();
  await upstream[Symbol.asyncDispose]();
  addresses.close();
});

const balancerOf = (route: ResolvedRoute, hosts: readonly Host[]) =>
  createBalancer(route.destinations[0]!.cluster, hosts, {
    random: stream(SEED, "unused"),
    activeRequests: () => 0,
  });

/** Tenants whose answer is not the one that was foreseen. */
const differing = (answers: Int16Array, expected: Int16Array): string[] =>
  tenants.flatMap((tenant, index) =>
    answers[index] === expected[index] ? [] : [`${tenant}: ${answers[index]}, not ${expected[index]}`],
  );

test(`${SETS} host sets: every tenant goes to the host that src/routing says`, async () => {
  let asked = 0;
  let other = 0;
  for (const { name, route, hosts } of sets) {
    const answers = await ask({ at: listenerOf(route), tenants });
    const wrong = differing(answers, predict(balancerOf(route, hosts), tenants));
    asked += answers.length;
    other += wrong.length;
    expect(wrong.slice(0, 5), name).toEqual([]);
  }
  const sizes = sets.map(({ hosts }) => hosts.length);
  tell({
    row: "host sets",
    judge: "Envoy",
    compared: `${asked} requests of ${TENANTS} tenants over ${SETS} host sets of ${Math.min(...sizes)} to ${Math.max(...sizes)} hosts (seed ${SEED})`,
    differ: other,
  });
  expect(asked).toBe(TENANTS * SETS);
});

async function membershipUpdates(service: string): Promise<number> {
  const { body } = await request(
    `${adminUrl}/stats?filter=^cluster\\.${service.replaceAll(".", "\\.")}\\.update_success$`,
  );
  return Number(/update_success: (\d+)/.exec(await body.text())?.[1] ?? Number.NaN);
}

/** Hands Envoy another endpoint list and waits until it says that it has taken it. */
async function scaleTo(service: string, version: number, hosts: readonly Host[]): Promise<void> {
  const before = await membershipUpdates(service);
  writeEndpoints(folder, service, version, played(hosts));
  while ((await membershipUpdates(service)) === before)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

test.each(scaled)(
  "$destinations.0.cluster.lbPolicy, live 0→5→2→0→5: never a host but the owner",
  async (route) => {
    const five = drawHosts(stream(SEED, `scaled ${route.host}`), 5, 1);
    const at = listenerOf(route);
    let hosts: readonly Host[] = [];
    let asked = 0;
    let other = 0;
    let during = 0;
    for (const [version, count] of [0, 5, 2, 0, 5].entries()) {
      const now = five.slice(0, count);
      const [old, fresh] = [hosts, now].map((list) => predict(balancerOf(route, list), tenants)) as [
        Int16Array,
        Int16Array,
      ];
      if (version > 0) {
        // Requests go on while the hosts change: each goes to its owner in the old set or in the new one.
        const depth = hosts.length === 0 || count === 0 ? 1 : 32;
        const strangers: string[] = [];
        const [changed] = await Promise.all([
          ask({
            at,
            tenants,
            depth,
            onAnswer: (tenant, pod) => {
              if (pod !== old[tenant] && pod !== fresh[tenant]) strangers.push(`${tenants[tenant]}: ${pod}`);
            },
          }),
          new Promise((resolve) => setTimeout(resolve, 100)).then(() => scaleTo(route.host, version, now)),
        ]);
        during += changed.filter((pod, tenant) => pod === fresh[tenant] && pod !== old[tenant]).length;
        asked += changed.length;
        other += strangers.length;
        expect(strangers.slice(0, 5)).toEqual([]);
      }
      hosts = now;
      const answers = await ask({ at, tenants, depth: count === 0 ? 1 : 32 });
      const wrong = differing(answers, fresh);
      asked += answers.length;
      other += wrong.length;
      expect(wrong.slice(0, 5), `${count} hosts`).toEqual([]);
      if (count === 0) expect(answers.every((pod) => pod === NO_HOST)).toBe(true);
    }
    tell({
      row: `live 0→5→2→0→5, ${route.destinations[0]!.cluster.lbPolicy}`,
      judge: "Envoy",
      compared: `${asked} requests, ${during} of them answered anew in the middle of a change`,
      differ: other,
    });
    expect(during).toBeGreaterThan(0);
  },
);
