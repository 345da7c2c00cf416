import { expect, test } from "vitest";
import type { ResolvedRoute } from "../routing/types.ts";
import { loadTopology } from "./load.ts";
import type { Topology } from "./types.ts";
import { tierPods, tierRule } from "./where-tier.ts";

const ours = await loadTopology({ path: "k8s/test-topology" });
const tier = ours.tiers[0]!;
const route = ours.routes.find(({ host }) => host === tier.routingService.fqdn)!;
const destination = route.destinations[0]!;
const withRoute = (change: Partial<ResolvedRoute>): Topology => ({
  ...ours,
  routes: ours.routes.map((one) => (one === route ? { ...one, ...change } : one)),
});
const withCluster = (change: object): Topology =>
  withRoute({ destinations: [{ ...destination, cluster: { ...destination.cluster, ...change } }] });
const noEdits = { set: {}, add: {}, remove: [] };

test("our topology: the hash of the tenant's header decides", () => {
  expect(tierRule(ours, tier)).toMatchObject({
    rule: "RING_HASH over the hash of header x-tenant-id",
    policy: { lbPolicy: "RING_HASH", minimumRingSize: 1024 },
  });
});

test.each([
  ["no route", withRoute({ destinations: [] }), "no route for"],
  ["two destinations", withRoute({ destinations: [destination, destination] }), "2 weighted destinations"],
  ["no cluster", withCluster({ missing: true }), "503 NC"],
  [
    "headless",
    withCluster({ type: "ORIGINAL_DST", lbPolicy: "CLUSTER_PROVIDED" }),
    "ORIGINAL_DST: the caller's DNS answer",
  ],
  ["not hashing", withCluster({ lbPolicy: "LEAST_REQUEST" }), "LEAST_REQUEST: any pod"],
  ["no policy", withRoute({ hashPolicies: [] }), "RING_HASH, but a random pod for each request"],
  ["source_ip", withRoute({ hashPolicies: [{ kind: "source_ip" }] }), "alone does not decide"],
  [
    "another header",
    withRoute({ hashPolicies: [{ kind: "header", headerName: "x-other" }] }),
    "header x-other: the tenant's header X-Tenant-ID alone does not decide",
  ],
  [
    "edited",
    withRoute({ requestHeaders: { ...noEdits, set: { "x-tenant-id": "a" } } }),
    "is edited by the route",
  ],
])("%s: no pod of one's own, and why", (_, topology, rule) => {
  const found = tierRule(topology, tier);
  expect(found.policy).toBeNull();
  expect(found.rule).toContain(rule);
});

test("pods have the seed's addresses, on the port behind the Service; one more leaves the others alone", () => {
  const three = tierPods(ours, tier, 3, 7);
  expect(three.map(({ pod }) => pod)).toEqual([0, 1, 2].map((ordinal) => `test-api-small-${ordinal}`));
  expect(three.every(({ address }) => /^10\.244\.\d+\.\d+:8000$/.test(address))).toBe(true);
  expect(tierPods(ours, tier, 2, 7)).toEqual(three.slice(0, 2));
  expect(tierPods(ours, tier, 3, 8)).not.toEqual(three);
});
