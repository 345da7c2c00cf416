import { describe, expect, test } from "vitest";
import type { CheckResult, RunEvent } from "../../events/types.ts";
import {
  endpoints,
  evidence,
  fault,
  load,
  lost,
  plan,
  pod,
  poll,
  request,
  S,
  sync,
} from "../fixtures/events.ts";
import { topologyOf } from "../fixtures/topology.ts";
import type { PlannedLoad } from "../plan.ts";
import { judge } from "../verdict.ts";
import { CHECKS } from "./index.ts";

type Given = {
  readonly numbers: Readonly<Record<string, number>>;
  readonly loads?: readonly PlannedLoad[];
  readonly topology?: ReturnType<typeof topologyOf>;
};

function resultOf(check: string, events: readonly RunEvent[], given: Given): CheckResult {
  const { verdict } = judge({
    plan: plan(check, given.numbers, [...(given.loads ?? [load()])]),
    evidence: evidence(events, 300, given.topology),
    attempt: 1,
    speed: 20,
    atUs: 300 * S,
  });
  return verdict.checks[0]!;
}

const many = (count: number, make: (index: number) => RunEvent): RunEvent[] =>
  Array.from({ length: count }, (_, i) => make(i));
const checkFailed = (at: number): RunEvent =>
  poll(at, 0, 0, 0, {
    reason: "ScaledObjectCheckFailed",
    metrics: [],
    conditions: { Ready: { status: "False", reason: "ScaledObjectCheckFailed", message: "not found" } },
  });
const fallbackError = { name: "s0", query: "q", value: "error" as const, error: "timeout", askedAtUs: 0 };
const refused = (at: number): RunEvent =>
  request(at, { scheduledAtUs: S, outcome: "refused", pod: null, cause: "held for 60 s", status: 504 });

type Row = readonly [
  string,
  readonly RunEvent[],
  {
    readonly verdict: CheckResult["verdict"];
    readonly measured?: CheckResult["measured"];
    readonly reason?: string;
    readonly remedy?: string;
    readonly of?: number;
  },
  Partial<Given>?,
];

const TABLE: Readonly<Record<string, { readonly given: Given; readonly rows: readonly Row[] }>> = {
  firstResponse: {
    given: { numbers: { below: 30 } },
    rows: [
      ["in time", [request(11.5, { scheduledAtUs: S }), request(13)], { verdict: "pass", measured: 10.5 }],
      [
        "late",
        [request(41, { scheduledAtUs: S }), poll(10, 1)],
        { verdict: "fail", measured: 40, reason: "the first answer took 40 s" },
      ],
      [
        "never, for a wrong kind",
        [refused(61), checkFailed(5)],
        {
          verdict: "fail",
          reason:
            "no Deployment test-api-small in namespace percolate-test. A StatefulSet of that name exists. scaleTargetRef.kind defaults to Deployment.",
          remedy: "keda-scaler.yaml:8 add kind: StatefulSet",
        },
        { topology: topologyOf({ small: { kindGiven: false } }) },
      ],
      [
        "never, for an empty query",
        [refused(61), poll(10, "empty"), poll(20, "empty")],
        { verdict: "fail", reason: "matched nothing in 2 of 2 readings" },
      ],
      [
        "never, for a query that fails",
        [refused(61), poll(10, "error", 0)],
        { verdict: "fail", reason: "KEDA's query failed in 1 of 1 reading" },
      ],
      [
        "never, for a metric that stays 0",
        [refused(61), poll(10, 0, 0), poll(20, 0, 0)],
        { verdict: "fail", reason: "gave 0 in each of 2 readings although tenants were active" },
      ],
      [
        "never, for a pod that is not ready",
        [
          refused(61),
          poll(10, 1, 0, 1),
          pod(11, "created"),
          pod(12, "restarting", { reason: "CrashLoopBackOff" }),
        ],
        { verdict: "fail", reason: "test-api-small-0: last seen restarting (CrashLoopBackOff)" },
      ],
      [
        "never, for nothing that scales",
        [refused(61)],
        { verdict: "fail", reason: "nothing scales tier small" },
        { topology: topologyOf({ small: { scaledObject: false } }) },
      ],
    ],
  },
  requestsLost: {
    given: { numbers: { atMost: 0 } },
    rows: [
      ["none", [request(1), request(2)], { verdict: "pass", measured: 0, of: 2 }],
      ["one", [request(1), lost(2)], { verdict: "fail", measured: 1, reason: "connection reset ×1" }],
      [
        "an answer without a pod",
        [request(1), request(2, { outcome: "error", cause: "500", pod: null })],
        { verdict: "fail", measured: 1 },
      ],
      [
        "nothing answered",
        [refused(61)],
        { verdict: "undecided", reason: "none of 1 requests was answered" },
      ],
    ],
  },
  idempotentRequestsLost: {
    given: { numbers: { atMost: 0 } },
    rows: [
      ["none", [request(1)], { verdict: "pass", measured: 0 }],
      ["one", [request(1), lost(2)], { verdict: "fail", measured: 1 }],
      [
        "only such as may not be repeated",
        [request(1), lost(2)],
        { verdict: "undecided", measured: 0 },
        { loads: [load({ method: "POST", idempotent: false })] },
      ],
    ],
  },
  requestsLostReported: {
    given: { numbers: {} },
    rows: [
      [
        "some",
        [request(1), lost(2)],
        { verdict: "reported", measured: 1, of: 2, reason: "connection reset ×1" },
      ],
    ],
  },
  allAnswered: {
    given: { numbers: { requests: 2 } },
    rows: [
      ["all", [request(1), request(2)], { verdict: "pass", measured: 2, of: 2 }],
      [
        "one refused",
        [request(1), refused(61)],
        { verdict: "fail", measured: 1, reason: "1 request refused, 0 lost; not answered: held for 60 s ×1" },
      ],
      ["one never offered", [request(1)], { verdict: "fail", measured: 1 }],
    ],
  },
  hitRate: {
    given: { numbers: { above: 95, atLeastSamples: 20 } },
    rows: [
      [
        "all hits; moves do not count",
        [
          ...many(30, (i) => request(i, { affinity: "hit" })),
          request(31, { affinity: "moved-scale-out" }),
          request(32, { affinity: "moved-over-zero" }),
        ],
        { verdict: "pass", measured: 100 },
      ],
      [
        "misses under a headless Service",
        many(40, (i) => request(i, { affinity: i % 2 ? "hit" : "miss" })),
        {
          verdict: "fail",
          measured: 50,
          reason: "is ORIGINAL_DST: Service test-api-small is headless",
          remedy:
            "test-api.yaml:8 take clusterIP: None away from test-api-small; keep a second, headless Service for serviceName",
        },
        { topology: topologyOf({ small: { headless: true } }) },
      ],
      [
        "misses although the route hashes",
        [endpoints(0, 4), ...many(40, (i) => request(i, { affinity: i % 2 ? "hit" : "miss" }))],
        { verdict: "fail", reason: "random choice among 4 pods gives 25 %" },
      ],
      [
        "just the limit",
        many(100, (i) => request(i / 2, { affinity: i < 95 ? "hit" : "miss" })),
        { verdict: "fail", measured: 95 },
      ],
      [
        "too few",
        [request(1), request(2, { affinity: "hit" })],
        { verdict: "undecided", reason: "too few samples: 1 answers to a tenant known before, 20 needed" },
      ],
      [
        "no answer, for a cause",
        [refused(61), poll(10, "empty")],
        { verdict: "fail", reason: "matched nothing" },
      ],
    ],
  },
  movesByScaling: {
    given: { numbers: {} },
    rows: [
      [
        "one tenant of four when a second pod came",
        [
          endpoints(0, 1),
          ...["a", "b", "c", "d"].map((tenant) => request(5, { tenant })),
          endpoints(10, 2),
          request(12, { tenant: "a", affinity: "moved-scale-out" }),
        ],
        { verdict: "reported", measured: 1, of: 4, reason: "least possible 2; scale-out ×1" },
        { loads: [load({ tenants: 4 })] },
      ],
    ],
  },
  podsReached: {
    given: { numbers: { pods: 3, wanted: 0 } },
    rows: [
      [
        "reached",
        [poll(10, 6, 0, 1), sync(15, 6, 1, 3), endpoints(17, 3)],
        { verdict: "pass", measured: 3, reason: "ready after 17 s" },
      ],
      [
        "too few",
        [poll(10, 6, 0, 1), endpoints(12, 1), sync(15, 2, 1, 1)],
        { verdict: "fail", measured: 1, reason: "1 of 3 ready 60 s after the load began" },
      ],
      [
        "too many, if only for a while",
        [poll(10, 6, 0, 1), sync(15, 10, 1, 5), endpoints(17, 5), sync(45, 6, 5, 3), endpoints(47, 3)],
        { verdict: "fail", measured: 5, reason: "the HPA wrote 1 → 5 at 15 s" },
      ],
      [
        "as many, by the fallback",
        [poll(10, "error", 0, 3, { fallback: true, metrics: [fallbackError] }), endpoints(12, 3)],
        { verdict: "fail", reason: "the fallback decided, not the metric (KEDA 0 → 3): timeout" },
      ],
      [
        "the maximum, with the shortfall shown",
        [
          sync(15, 10, 1, 3, {
            conditions: { ScalingLimited: { status: "True", reason: "TooManyReplicas" } },
          }),
          endpoints(17, 3),
        ],
        {
          verdict: "pass",
          reason:
            "shortfall 2: the tenants ask for 5, maxReplicaCount is 3 (ScalingLimited: TooManyReplicas)",
        },
        { numbers: { pods: 3, wanted: 5 } },
      ],
    ],
  },
  activeTenantsSeen: {
    given: { numbers: { value: 10, afterSeconds: 10 } },
    rows: [
      ["as many as are active", [poll(5, 3), poll(15, 10), poll(25, 10)], { verdict: "pass", measured: 10 }],
      [
        "more",
        [poll(15, 10), poll(25, 11)],
        {
          verdict: "fail",
          measured: "10, 11",
          reason: "KEDA read 10, 11 in 2 polls, 10 tenants were active",
        },
      ],
      ["nothing", [poll(15, "empty")], { verdict: "fail", measured: "empty", reason: "matched nothing" }],
      [
        "no poll in time",
        [poll(5, 3)],
        { verdict: "undecided", reason: "no poll while all tenants were active" },
      ],
    ],
  },
  otherTiersStay: {
    given: { numbers: {} },
    rows: [
      [
        "none written",
        [poll(10, 1, 0, 1), poll(10, 0, 0, 0, { tier: "medium" })],
        { verdict: "pass", measured: 0 },
      ],
      [
        "one written",
        [poll(10, 2, 0, 1, { tier: "medium" })],
        { verdict: "fail", measured: 1, reason: "KEDA wrote test-api-medium-scaler 0 → 1: ScalerActive" },
      ],
      ["never looked at", [poll(10, 1, 0, 1)], { verdict: "undecided", reason: "no decision on medium" }],
    ],
  },
  toZero: {
    given: { numbers: { from: 110, to: 140 } },
    rows: [
      ["in time", [request(60), poll(70, 1), poll(184.9, 0, 5, 0)], { verdict: "pass", measured: 124.9 }],
      [
        "early",
        [request(60), poll(165, 0, 5, 0)],
        { verdict: "fail", measured: 105, reason: "5 s too early: KEDA wrote 5 → 0, ScalerNotActive" },
      ],
      ["late", [request(60), poll(201, 0, 5, 0)], { verdict: "fail", measured: 141, reason: "1 s too late" }],
      [
        "never, as the metric stays",
        [request(60), poll(290, 3, 2)],
        { verdict: "fail", measured: "none in 240 s", reason: "KEDA still finds it active" },
      ],
      [
        "by the fallback",
        [request(60), poll(185, "error", 5, 0, { fallback: true, metrics: [fallbackError] })],
        { verdict: "fail", reason: "the fallback decided" },
      ],
      ["nobody was answered", [lost(5)], { verdict: "fail", reason: "KEDA never looked at ScaledObject" }],
      ["nobody was there", [poll(10, 0, 0)], { verdict: "undecided", reason: "no request was offered" }],
    ],
  },
  cooldown: {
    given: { numbers: { from: 59, to: 71 } },
    rows: [
      [
        "in time",
        [request(60), poll(120, 1), poll(130, 0), poll(180.02, 0, 1, 0)],
        { verdict: "pass", measured: 60 },
      ],
      [
        "late",
        [request(60), poll(110, 1), poll(185, 0, 1, 0)],
        { verdict: "fail", measured: 75, reason: "4 s too late" },
      ],
      [
        "no active poll",
        [request(60), poll(185, 0, 1, 0)],
        { verdict: "undecided", reason: "no poll found the tier active" },
      ],
    ],
  },
  podsGone: {
    given: { numbers: {} },
    rows: [
      [
        "gone",
        [request(60), poll(180, 0, 1, 0), pod(180, "terminating"), pod(182.5, "deleted")],
        { verdict: "reported", measured: 2.5, reason: "1 pod" },
      ],
      [
        "still there",
        [request(60), poll(180, 0, 1, 0)],
        { verdict: "reported", measured: null, reason: "no pod was seen to end" },
      ],
    ],
  },
  partialScaleIn: {
    given: { numbers: { from: 135, to: 175, pods: 1 } },
    rows: [
      ["in time", [request(60), sync(201, 2, 5, 1)], { verdict: "pass", measured: 141, reason: "5 → 1" }],
      [
        "by KEDA",
        [request(60), poll(201, 0, 5, 0)],
        { verdict: "fail", reason: "KEDA, not the HPA, wrote 5 → 0" },
      ],
      [
        "not far enough",
        [request(60), sync(201, 4, 5, 2)],
        { verdict: "fail", reason: "the HPA wrote 5 → 2, 1 expected" },
      ],
      [
        "early",
        [request(60), sync(150, 2, 5, 1)],
        { verdict: "fail", measured: 90, reason: "45 s too early" },
      ],
      ["never", [request(60), poll(290, 10, 5)], { verdict: "fail", measured: "none in 240 s" }],
      ["nobody was there", [], { verdict: "undecided" }],
    ],
  },
  onePodEach: {
    given: { numbers: { atLeast: 100, tenants: 2, requestsEach: 10 } },
    rows: [
      [
        "each on one",
        many(20, (i) => request(i + 1, { tenant: `t-${i % 2}`, pod: `p-${i % 2}` })),
        { verdict: "pass", measured: 100, reason: "2 tenants" },
      ],
      [
        "each on several",
        many(20, (i) => request(i + 1, { tenant: `t-${i % 2}`, pod: `p-${i % 4}` })),
        { verdict: "fail", measured: 50, reason: "although the route says RING_HASH on header x-tenant-id" },
      ],
      [
        "too few requests",
        many(10, (i) => request(i + 1, { tenant: `t-${i % 2}` })),
        { verdict: "undecided", reason: "5 answers to one of them, 10 needed" },
      ],
      [
        "only while the pods stayed the same",
        [
          endpoints(0, 2),
          ...many(20, (i) => request(i + 1, { tenant: `t-${i % 2}`, pod: `p-${i % 2}` })),
          endpoints(22, 3),
          request(23, { tenant: "t-0", pod: "p-2" }),
        ],
        { verdict: "pass", measured: 100 },
      ],
      ["nobody was answered", [lost(5), poll(10, "empty")], { verdict: "fail", reason: "matched nothing" }],
    ],
  },
  podsUsed: {
    given: { numbers: { atLeast: 3 }, loads: [load({ tenants: 40 })] },
    rows: [
      ["three", many(3, (i) => request(i + 1, { pod: `p-${i}` })), { verdict: "pass", measured: 3 }],
      [
        "one of three ready: the resolver's order",
        [endpoints(0, 3), ...many(3, (i) => request(i + 1))],
        { verdict: "fail", measured: 1, reason: "ORIGINAL_DST" },
        { topology: topologyOf({ small: { headless: true } }) },
      ],
      [
        "one, as one is ready",
        [endpoints(0, 1), request(1), poll(10, "empty")],
        { verdict: "fail", reason: "only 1 pod ready" },
      ],
      ["nobody was there", [], { verdict: "undecided" }],
    ],
  },
  sameOwner: {
    given: { numbers: { tenants: 2 }, loads: [load(), load({ name: "other", gateway: 1 })] },
    rows: [
      [
        "the same",
        ["t-1", "t-2"].flatMap((tenant) => [
          request(1, { tenant, pod: tenant }),
          request(2, { tenant, pod: tenant, load: "other" }),
        ]),
        { verdict: "pass", measured: 100 },
      ],
      [
        "another for one",
        ["t-1", "t-2"].flatMap((tenant) => [
          request(1, { tenant, pod: tenant }),
          request(2, { tenant, pod: "t-1", load: "other" }),
        ]),
        { verdict: "fail", measured: 50, reason: "1 tenant had another pod through the second gateway" },
      ],
      [
        "one tenant only",
        [request(1), request(2, { load: "other" })],
        { verdict: "undecided", reason: "too few samples" },
      ],
      [
        "nobody came the second way",
        [request(1)],
        { verdict: "undecided", reason: "no request was offered" },
      ],
    ],
  },
  podBack: {
    given: { numbers: { within: 60 } },
    rows: [
      [
        "back",
        [endpoints(0, 3), fault(30), endpoints(30.5, 2), endpoints(34, 3)],
        { verdict: "pass", measured: 4 },
      ],
      [
        "never back",
        [endpoints(0, 3), fault(30), endpoints(31, 2), poll(40, 6, 3)],
        { verdict: "fail", reason: "tier small did not come back" },
      ],
      [
        "a gateway",
        [fault(30, "killGateway"), pod(33, "ready", { tier: null, pod: "test-gateway-x" })],
        { verdict: "pass", measured: 3 },
      ],
      ["no fault", [request(1)], { verdict: "undecided", reason: "no fault was brought about" }],
    ],
  },
  answersAgain: {
    given: { numbers: { within: 10 } },
    rows: [
      ["soon", [fault(30, "killSidecar"), request(32.5)], { verdict: "pass", measured: 2.5 }],
      ["late", [fault(30, "killSidecar"), request(45)], { verdict: "fail", measured: 15 }],
      [
        "never",
        [request(29), fault(30, "killSidecar")],
        { verdict: "fail", reason: "no answer to a request sent after killSidecar tier small" },
      ],
      ["no fault", [request(1)], { verdict: "undecided" }],
    ],
  },
  tenantsReturn: {
    given: { numbers: { afterSeconds: 5, tenants: 1 } },
    rows: [
      [
        "home again",
        [
          endpoints(0, 2),
          request(20),
          fault(30),
          endpoints(30, 1),
          request(32, { pod: "test-api-small-1" }),
          endpoints(34, 2),
          request(40),
          request(41),
        ],
        { verdict: "pass", measured: 100, reason: "1 of 1 tenant on the pod of before the fault" },
      ],
      [
        "to and fro",
        [
          endpoints(0, 2),
          fault(30),
          endpoints(31, 1),
          endpoints(34, 2),
          request(40),
          request(41, { pod: "test-api-small-1" }),
        ],
        { verdict: "fail", measured: 0 },
      ],
      [
        "nobody",
        [endpoints(0, 2), fault(30), endpoints(31, 1), endpoints(34, 2)],
        { verdict: "undecided", reason: "too few samples" },
      ],
      [
        "never back",
        [endpoints(0, 2), fault(30), endpoints(31, 1), request(40)],
        { verdict: "fail", reason: "did not come back" },
      ],
    ],
  },
};

test("every check has its table", () => {
  expect(Object.keys(TABLE).sort()).toEqual(CHECKS.map(({ kind }) => kind).sort());
});

describe.each(Object.entries(TABLE))("%s", (check, { given, rows }) => {
  const named = rows.map(([name, events, expected, changes]) => ({ name, events, expected, changes }));
  test.each(named)("$name", ({ events, expected, changes }) => {
    const result = resultOf(check, events, { ...given, ...changes });
    const { reason, ...rest } = expected;
    expect(result).toMatchObject(rest);
    expect(result.reason).toContain(reason ?? "");
    expect(result.limit).not.toBe("");
  });
});

test("a log that holds only a sample of the requests leaves checks that need rows undecided, and others exact", () => {
  const window = {
    type: "requests.window" as const,
    fromUs: 0,
    atUs: 5 * S,
    scenario: "scenario",
    load: "load",
    tier: "small",
    gateway: 0,
    pod: "p-0",
    outcome: "answer" as const,
    affinity: "hit" as const,
    count: 1_000,
    latency: {},
    latencyUsSum: 0,
    latencyUsMax: 0,
    scheduledAtUsMin: S,
    firstAtUs: 2 * S,
    lastAtUs: 4 * S,
  };
  const events = [window, request(2)];
  const given = { numbers: { atLeast: 100, tenants: 1, requestsEach: 1 } };
  expect(resultOf("onePodEach", events, given)).toMatchObject({
    verdict: "undecided",
    reason: "the log holds only a sample of the requests",
  });
  expect(resultOf("hitRate", events, { numbers: { above: 95, atLeastSamples: 20 } })).toMatchObject({
    verdict: "pass",
    samples: 1_000,
  });
  expect(resultOf("firstResponse", events, { numbers: { below: 30 } })).toMatchObject({
    verdict: "pass",
    measured: 1,
  });
});
