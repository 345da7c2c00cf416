import { describe, expect, test } from "vitest";
import { AffinityClassifier } from "./affinity.ts";
import type { Decision, EndpointsEvent } from "./types.ts";

const endpoints = (atUs: number, pods: string, version = atUs, service = "api"): EndpointsEvent => ({
  type: "endpoints",
  atUs,
  service,
  tier: "small",
  version,
  // "a b2": pod a at its first address, pod b at its second.
  ready: pods
    .split(" ")
    .filter((pod) => pod !== "")
    .map((pod) => ({ pod: pod[0]!, address: pod })),
});

const write = (atUs: number, from: number, to: number): Decision => ({
  type: "decision",
  atUs,
  by: "hpa",
  object: "hpa",
  tier: "small",
  target: "api",
  from,
  to,
  wrote: from !== to,
  desired: to,
  reason: "",
  metrics: [],
  conditions: {},
});

type Answer = { readonly pod: string; readonly sentAtUs: number; readonly atUs: number };
const answer = (pod: string, sentAtUs: number, atUs = sentAtUs + 1): Answer => ({ pod, sentAtUs, atUs });

/** Feeds all in order of time and gives the verdict on the last answer. */
function lastOf(events: readonly (EndpointsEvent | Decision | Answer)[], options = {}): string {
  const classifier = new AffinityClassifier(options);
  let last = "";
  for (const event of events) {
    if (!("type" in event)) last = classifier.answered({ tenant: "t", tier: "small", ...event });
    else if (event.type === "endpoints") classifier.endpoints(event);
    else classifier.decision(event);
  }
  return last;
}

describe("AffinityClassifier", () => {
  const rows: readonly (readonly [string, readonly (EndpointsEvent | Decision | Answer)[], string])[] = [
    ["the first answer", [endpoints(0, "a b"), answer("a", 5)], "first"],
    ["the same pod", [endpoints(0, "a b"), answer("a", 5), answer("a", 10)], "hit"],
    ["another pod, the same set", [endpoints(0, "a b"), answer("a", 5), answer("b", 10)], "miss"],
    [
      "another pod after one came by scaling",
      [endpoints(0, "a"), write(1, 1, 2), answer("a", 5), endpoints(7, "a b"), answer("b", 10)],
      "moved-scale-out",
    ],
    [
      "another pod after the owner went by scaling",
      [
        endpoints(0, "a b"),
        write(1, 3, 2),
        answer("b", 5),
        write(6, 2, 1),
        endpoints(7, "a"),
        answer("a", 10),
      ],
      "moved-scale-in",
    ],
    [
      "another pod after the owner was lost",
      [endpoints(0, "a b"), write(1, 1, 2), answer("b", 5), endpoints(7, "a"), answer("a", 10)],
      "moved-pod-replaced",
    ],
    [
      "home again when the lost pod is back",
      [
        endpoints(0, "a b"),
        write(1, 1, 2),
        endpoints(7, "a"),
        answer("a", 8),
        endpoints(9, "a b2"),
        answer("b", 10),
      ],
      "moved-pod-replaced",
    ],
    [
      "another pod after the tier was at zero",
      [endpoints(0, "a b"), answer("a", 5), endpoints(6, ""), endpoints(7, "a2 b2"), answer("b", 10)],
      "moved-over-zero",
    ],
    [
      "a pod of the same name after the tier was at zero: another pod",
      [endpoints(0, "a b"), answer("a", 5), endpoints(6, ""), endpoints(7, "a2"), answer("a", 10)],
      "moved-over-zero",
    ],
    [
      "the same pod after its container was started again",
      [endpoints(0, "a"), answer("a", 5), endpoints(6, ""), endpoints(7, "a"), answer("a", 10)],
      "hit",
    ],
    [
      "a set that changed and changed back while the tenant was silent",
      [
        endpoints(0, "a b"),
        write(1, 1, 2),
        answer("a", 5),
        endpoints(6, "b"),
        endpoints(7, "a b"),
        answer("b", 10),
      ],
      "moved-pod-replaced",
    ],
    [
      "a change before the last answer's start, which excuses nothing",
      [endpoints(0, "a"), endpoints(3, "a b"), answer("a", 5), answer("b", 10)],
      "miss",
    ],
    [
      "a change between the last answer's start and its end",
      [endpoints(0, "a"), endpoints(6, "a b"), answer("a", 5, 8), answer("b", 10)],
      "moved-scale-out",
    ],
    [
      "a new version of the same pods, which is no change",
      [endpoints(0, "a b"), answer("a", 5), endpoints(6, "b a"), answer("b", 10)],
      "miss",
    ],
    [
      "the same names at other addresses, which are other pods",
      [endpoints(0, "a b"), write(1, 1, 2), answer("a", 5), endpoints(6, "a2 b"), answer("b", 10)],
      "moved-pod-replaced",
    ],
  ];
  test.each(rows)("%s", (_, events, affinity) => expect(lastOf(events)).toBe(affinity));

  test("goes by the version that the proxy chose from, where it says so", () => {
    const classifier = new AffinityClassifier();
    const request = { tenant: "t", tier: "small", atUs: 11 };
    classifier.endpoints(endpoints(0, "a", 1));
    classifier.answered({ ...request, pod: "a", sentAtUs: 5, atUs: 6, endpointsVersion: 1 });
    classifier.endpoints(endpoints(9, "a b", 2));
    // Sent after the change was logged, but the proxy had not yet heard of it: nothing changed for it.
    expect(classifier.answered({ ...request, pod: "b", sentAtUs: 10, endpointsVersion: 1 })).toBe("miss");
    expect(classifier.answered({ ...request, pod: "a", sentAtUs: 12, endpointsVersion: 2 })).toBe(
      "moved-scale-out",
    );
  });

  test("gives the proxy its time where it does not", () => {
    const events = [endpoints(0, "a"), endpoints(10, "a b"), answer("a", 11), answer("b", 20)];
    expect(lastOf(events)).toBe("miss");
    expect(lastOf(events, { slackUs: 2 })).toBe("moved-scale-out");
  });

  test("looks at the routing Service alone", () => {
    const other = endpoints(7, "a b c", 7, "api-headless");
    const events = [endpoints(0, "a b"), answer("a", 5), other, answer("b", 10)];
    expect(lastOf(events)).toBe("miss");
    expect(lastOf(events, { services: { small: "api" } })).toBe("miss");
  });

  test("forgets the tenant heard of least recently beyond its limit", () => {
    const classifier = new AffinityClassifier({ maxTenants: 2 });
    const of = (tenant: string): string =>
      classifier.answered({ tenant, tier: "small", pod: "a", sentAtUs: 0, atUs: 1 });
    expect(["x", "y", "x", "z", "x", "y"].map(of)).toEqual([
      "first",
      "first",
      "hit",
      "first",
      "hit",
      "first",
    ]);
  });
});
