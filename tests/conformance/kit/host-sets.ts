/** Host sets and tenants drawn from a seed, as a cluster might have them, and far beyond. */
import { requestHash } from "../../../src/routing/request-hash.ts";
import type { Balancer } from "../../../src/routing/balancer.ts";
import type { HashPolicy, Host, ResolvedCluster, ResolvedRoute } from "../../../src/routing/types.ts";
import type { Random } from "../../../src/seed/seed.ts";

export const TENANT_HEADER = "x-tenant-id";
const HASH_POLICIES: readonly HashPolicy[] = [{ kind: "header", headerName: TENANT_HEADER }];

export type HostSet = {
  readonly name: string;
  readonly route: ResolvedRoute;
  readonly hosts: readonly Host[];
};

export const clusterNamed = (name: string, over: Partial<ResolvedCluster>): ResolvedCluster => ({
  name,
  service: name,
  port: 8000,
  type: "EDS",
  lbPolicy: "RING_HASH",
  minimumRingSize: 1024,
  maximumRingSize: 8_388_608,
  tableSize: 65_537,
  circuitBreakers: {
    maxConnections: Infinity,
    maxPendingRequests: Infinity,
    maxRequests: Infinity,
    maxRetries: Infinity,
  },
  connectTimeoutMs: 10_000,
  ...over,
});

export const routeTo = (cluster: ResolvedCluster): ResolvedRoute => ({
  host: cluster.name,
  port: 8000,
  destinations: [{ weight: 100, cluster }],
  hashPolicies: HASH_POLICIES,
  retryPolicy: null,
  timeoutMs: 0,
  because: [],
});

const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)]!;

const RING_SIZES = [1, 60, 100, 512, 1024, 1024, 1024, 2000, 4096, 16_384, 65_536];
const TABLE_SIZES = [13, 251, 1009, 5003, 65_537, 65_537, 65_537, 131_071];
/** Most clusters have equal weights; some have small ones, some differ by orders of magnitude. */
const WEIGHTS = [1, 1, 5, 20, 1000];

export function drawHosts(random: Random, count: number, maxWeight: number): Host[] {
  const addresses = new Set<string>();
  while (addresses.size < count)
    addresses.add(
      `10.${random.below(256)}.${random.below(256)}.${1 + random.below(254)}:${pick(random, [80, 8000, 8080, 50_051])}`,
    );
  return [...addresses].map((address) => ({ address, weight: 1 + random.below(maxWeight) }));
}

/** Half of them rings, half Maglev tables; the first four have the least and the most hosts. */
export function drawHostSets(random: Random, count: number, mostHosts: number): HostSet[] {
  return Array.from({ length: count }, (_, index) => {
    const size = index < 4 ? [1, 1, mostHosts, mostHosts][index]! : 1 + random.below(mostHosts);
    const minimumRingSize = pick(random, RING_SIZES);
    const capped = random.below(5) === 0;
    const name = `set-${index}.conformance.svc.cluster.local`;
    const cluster = clusterNamed(name, {
      lbPolicy: index % 2 === 0 ? "RING_HASH" : "MAGLEV",
      minimumRingSize,
      maximumRingSize: capped ? minimumRingSize : 8_388_608,
      tableSize: pick(random, TABLE_SIZES),
    });
    return { name, route: routeTo(cluster), hosts: drawHosts(random, size, pick(random, WEIGHTS)) };
  });
}

/** Distinct header values: ordinary ids, ids of odd forms, and any bytes that a header may carry. */
export function drawTenants(random: Random, count: number): string[] {
  const tenants = new Set<string>();
  const hex = (): string => random.uint32().toString(16).padStart(8, "0");
  while (tenants.size < count) {
    const kind = random.below(4);
    if (kind === 0) tenants.add(`tenant-${random.below(1_000_000)}`);
    else if (kind === 1) tenants.add(`${hex()}-${hex()}-${hex()}-${hex()}`);
    else if (kind === 2) tenants.add(`Org ${random.below(9999)}, team/${random.below(9999)}`);
    else {
      const visible = (): number =>
        random.below(2) === 0 ? 0x21 + random.below(94) : 0x80 + random.below(128);
      tenants.add(String.fromCharCode(...Array.from({ length: 1 + random.below(80) }, visible)));
    }
  }
  return [...tenants];
}

/** Which host `src/routing` gives each tenant. */
export function predict(balancer: Balancer, tenants: readonly string[]): Int16Array {
  return Int16Array.from(tenants, (tenant) => {
    const { hash } = requestHash(HASH_POLICIES, {
      header: (name) => (name === TENANT_HEADER ? [tenant] : []),
      path: "/",
      sourceIp: "",
      remoteAddress: "",
      localAddress: "",
    });
    return balancer.choose(hash!, 0);
  });
}
