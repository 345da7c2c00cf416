/** What the log says, and the words that a person is given: cause, place, what to do. */
import { describe, expect, test } from "vitest";
import type { RouteEvent, RunEvent, TopologySummary } from "../events/types.ts";
import { restCause, scalingCause, unansweredCause, type Cause } from "./causes.ts";
import { Evidence } from "./evidence.ts";
import { endpoints, evidence, pod, poll, S, sync } from "./fixtures/events.ts";
import { routingCause } from "./routing-causes.ts";

const WHOLE = { fromUs: 0, toUs: 300 * S };

const topology = (findings: TopologySummary["findings"] = []): RunEvent => ({
  type: "topology",
  atUs: 0,
  objects: 1,
  files: 1,
  tiers: [],
  entry: "Deployment edge",
  entryPods: { name: "edge", file: "edge.yaml", line: 22 },
  standIns: [],
  notActedOn: [],
  findings,
});
const edgePod = pod(0, "ready", { tier: null, workload: "edge", pod: "edge-1", podIP: "10.244.9.9" });
const target = (instance: string, up: boolean, error?: string): RunEvent => ({
  type: "target",
  atUs: 1,
  instance,
  up,
  ...(error === undefined ? {} : { error }),
});
const notReady = (reason: string, message: string): RunEvent =>
  poll(5, 0, 1, 1, { reason, metrics: [], conditions: { Ready: { status: "False", reason, message } } });

type Row = readonly [what: string, events: readonly RunEvent[], reason: string, remedy: RegExp | null];

describe("why nobody is answered", () => {
  test.each<Row>([
    [
      "KEDA is paused",
      [poll(5, "empty", 1, 1, { conditions: { Paused: { status: "True", reason: "ScaledObjectPaused" } } })],
      "paused by its annotation: KEDA neither polls nor scales",
      /^keda-scaler\.yaml:8 take the annotation/,
    ],
    [
      "the trigger is of no use to KEDA",
      [notReady("ScaledObjectCheckFailed", 'threshold "two" is no number')],
      'ScaledObjectCheckFailed: threshold "two" is no number',
      /^keda-scaler\.yaml:8 correct the trigger/,
    ],
    [
      "the API server refuses the object",
      [notReady("AdmissionDenied", "min above max")],
      "is not Ready: AdmissionDenied: min above max",
      /^keda-scaler\.yaml:8 correct it/,
    ],
    [
      "an apiVersion that is gone",
      [notReady("ScaledObjectCheckFailed", 'no matches for kind "StatefulSet" in version "apps/v1beta1"')],
      "apps/v1beta1",
      /^keda-scaler\.yaml:8 set apiVersion: apps\/v1$/,
    ],
    [
      "the value never passes activationThreshold",
      [poll(10, 0, 0), poll(20, 1, 0, 0, { active: false }), poll(30, 1, 0, 0, { active: false })],
      "= 1 and found the tier inactive in each of 3 polls: not above the trigger's activationThreshold",
      /^keda-scaler\.yaml:8 lower activationThreshold/,
    ],
    [
      "the entry is not scraped",
      [topology(), edgePod, target("10.244.0.1:8000", true), poll(10, "empty"), poll(20, "empty")],
      "matched nothing, and no pod of edge is scraped",
      /^edge\.yaml:22 annotate its pods/,
    ],
    [
      "the entry is scraped at a port that is not there",
      [topology(), edgePod, target("10.244.9.9:81", false, "connect ECONNREFUSED"), poll(10, "empty")],
      "Prometheus cannot scrape edge at 10.244.9.9:81: connect ECONNREFUSED",
      /^edge\.yaml:22 /,
    ],
    [
      "the entry is scraped, the query is wrong",
      [topology(), edgePod, target("10.244.9.9:80", true), poll(10, "empty")],
      "KEDA's query matched nothing in 1 of 1 reading",
      /compare the query's metric name and labels/,
    ],
    [
      "a Service that lists no pod",
      [poll(10, 1, 0, 1), pod(12, "ready"), endpoints(13, 0)],
      "1 pod ready, and Service test-api-small.percolate-test.svc.cluster.local lists none",
      /^test-api\.yaml:8 compare the Service's selector and targetPort/,
    ],
    [
      "a port that nobody listens on",
      [poll(10, 1, 0, 1), pod(12, "ready"), endpoints(13, 1), sync(15, 1, 1, 1)],
      "1 pod ready, and no request to one of them (10.244.0.0:8000) was answered",
      /^test-api\.yaml:8 compare targetPort/,
    ],
    [
      "calls of the entry that come to nobody",
      [
        topology([
          { file: "edge.yaml", line: 30, about: "call", message: "API names port 81", remedy: "use port 80" },
        ]),
        poll(10, 1, 0, 1),
        pod(12, "ready"),
      ],
      "API names port 81",
      /^edge\.yaml:30 use port 80$/,
    ],
  ])("%s", (_, events, reason, remedy) => {
    const cause = unansweredCause(evidence(events), "small", WHOLE);
    expect(cause?.reason).toContain(reason);
    expect(cause?.reason).not.toMatch(/\n/);
    if (remedy !== null) expect(cause?.remedy).toMatch(remedy);
  });

  test("a pod that is ready before it listens is not one that never was", () => {
    const log = evidence([poll(5, 1, 1), pod(10, "created"), pod(11, "ready"), pod(19, "listening")]);
    const during = scalingCause(log, "small", { fromUs: 12 * S, toUs: 20 * S });
    expect(during?.reason).toBe(
      "test-api-small-0 was ready 8.0 s before it listened: no probe asks its program",
    );
    expect(during?.remedy).toBe("give its container a readinessProbe");
    // A wait that mostly was for something else.
    expect(scalingCause(log, "small", { fromUs: 0, toUs: 60 * S })).toBeNull();
  });

  test("a pod that is gone again is not a pod that nobody reached", () => {
    const gone = evidence([poll(10, 1, 0, 1), pod(12, "ready"), pod(20, "deleted"), sync(25, 1, 1, 1)]);
    expect(unansweredCause(gone, "small", WHOLE)?.reason).toContain("the HPA's last decision");
    expect(scalingCause(gone, "small", WHOLE)).toEqual(unansweredCause(gone, "small", WHOLE));
  });

  test("a paused tier does not come to rest", () => {
    const conditions = { Paused: { status: "True" as const, reason: "ScaledObjectPaused" } };
    const cause = restCause(evidence([poll(5, "empty", 1, 1, { conditions })]), "small", WHOLE);
    expect(cause?.reason).toContain("paused by its annotation");
  });
});

const HOST = "test-api-small.percolate-test.svc.cluster.local";
const ROUTE: RouteEvent = {
  type: "route",
  atUs: 0,
  tier: "small",
  host: HOST,
  port: 8000,
  cluster: `outbound|8000||${HOST}`,
  clusterType: "EDS",
  lbPolicy: "RING_HASH",
  hashPolicies: ["header x-tenant-id"],
  because: [],
  service: HOST,
  serviceHeadless: false,
  file: "test-api.yaml",
  line: 8,
  destinations: 1,
  destinationRule: { name: "affinity", file: "routing.yaml", line: 20 },
  virtualService: { name: "routing", file: "routing.yaml", line: 5 },
  tenantHeader: "X-Tenant-ID",
  unusedDestinationRules: [],
};

describe("why tenants are not hashed to their pods", () => {
  const because = (changes: Partial<RouteEvent>): Cause | null =>
    routingCause(new Evidence([{ ...ROUTE, ...changes }]), "small");

  test("the route hashes the tenant", () => expect(because({})).toBeNull());

  test.each<[string, Partial<RouteEvent>, string, string]>([
    [
      "another header",
      { hashPolicies: ["header x-tenantid"] },
      "RING_HASH on header x-tenantid, and tenants are told by header x-tenant-id",
      "routing.yaml:20 httpHeaderName: x-tenant-id",
    ],
    ["the caller's address", { hashPolicies: ["source_ip"] }, "RING_HASH on source_ip", "routing.yaml:20 "],
    [
      "a balancer that does not hash",
      { lbPolicy: "ROUND_ROBIN", hashPolicies: [] },
      "balanced by ROUND_ROBIN, not by hashing: DestinationRule affinity has no consistentHash",
      "routing.yaml:20 consistentHash: {httpHeaderName: x-tenant-id}",
    ],
    [
      "the rule is for another host, of two such the one that is meant",
      {
        lbPolicy: "LEAST_REQUEST",
        destinationRule: null,
        unusedDestinationRules: [
          { name: "other", host: "other", file: "o.yaml", line: 1 },
          { name: "small", host: "test-api-small-headless", file: "r.yaml", line: 31 },
        ],
      },
      "DestinationRule small is for host test-api-small-headless, which nobody calls",
      `r.yaml:31 host: ${HOST}`,
    ],
    [
      "no rule at all",
      { lbPolicy: "LEAST_REQUEST", destinationRule: null },
      "balanced by LEAST_REQUEST",
      `give ${HOST} a DestinationRule`,
    ],
    [
      "a headless Service",
      { clusterType: "ORIGINAL_DST", serviceHeadless: true },
      "Service test-api-small is headless (clusterIP: None)",
      "test-api.yaml:8 take clusterIP: None away",
    ],
    [
      "a VirtualService that sends to a headless Service",
      { clusterType: "ORIGINAL_DST", serviceHeadless: true, service: `api-headless.percolate-test.svc` },
      `VirtualService routing sends the calls of ${HOST} to it, and Service api-headless is headless`,
      `routing.yaml:5 host: ${HOST}`,
    ],
    [
      "PASSTHROUGH",
      { clusterType: "ORIGINAL_DST" },
      "DestinationRule affinity says PASSTHROUGH",
      "routing.yaml:20 consistentHash",
    ],
    [
      "a port that is not HTTP",
      { hashPolicies: [], because: ["port name tcp is of the TCP class"] },
      "its route hashes nothing: port name tcp is of the TCP class",
      "test-api.yaml:8 name the Service's port http",
    ],
    [
      "several destinations",
      { destinations: 2 },
      "shared among 2 destinations by weight",
      "routing.yaml:5 send a tenant's requests to one destination",
    ],
  ])("%s", (_, changes, reason, remedy) => {
    const cause = because(changes);
    expect(cause?.reason).toContain(reason);
    expect(cause?.remedy).toContain(remedy);
  });
});
