import { describe, expect, test } from "vitest";
import { reconcileStatefulSet, statefulSetStatus } from "./statefulset.ts";
import type { PodView, StatefulSetInput } from "./types.ts";

const NOW = 100_000_000;

/** A pod by ordinal and letter: R ready, N running but not ready, P pending, T terminating, F failed. */
function pod(ordinal: number, letter: string, readyAgoSeconds = 50): PodView {
  const ready = letter === "R";
  return {
    name: `api-${ordinal}`,
    phase: letter === "P" ? "Pending" : letter === "F" ? "Failed" : "Running",
    ready,
    readySinceUs: ready ? NOW - readyAgoSeconds * 1e6 : null,
    terminating: letter === "T",
    createdAtUs: 0,
  };
}

/** `"0R 1T"` and the like. */
const podsOf = (text: string): PodView[] =>
  text === "" ? [] : text.split(" ").map((one) => pod(Number(one.slice(0, -1)), one.slice(-1)));

const input = (policy: "OrderedReady" | "Parallel", replicas: number, pods: string): StatefulSetInput => ({
  nowUs: NOW,
  name: "api",
  replicas,
  podManagementPolicy: policy,
  minReadySeconds: 0,
  pods: podsOf(pods),
});

const act = (given: StatefulSetInput): string => {
  const { create, delete: remove } = reconcileStatefulSet(given);
  return [...create.map((ordinal) => `+${ordinal}`), ...remove.map((name) => `-${name.slice(4)}`)].join(" ");
};

const rows = [
  ["S1 creates one at a time", "OrderedReady", 3, "", "+0"],
  ["S2 waits for it to be ready", "OrderedReady", 3, "0N", ""],
  ["S3 then the next", "OrderedReady", 3, "0R", "+1"],
  ["S5 Parallel creates all", "Parallel", 3, "", "+0 +1 +2"],
  ["S6 deletes the highest only", "OrderedReady", 2, "0R 1R 2R 3R 4R", "-4"],
  ["S7 waits for it to be gone", "OrderedReady", 2, "0R 1R 2R 3R 4T", ""],
  ["S8 blocked by one that stays", "OrderedReady", 2, "0N 1R 2R 3R 4R", ""],
  ["S9 to zero, 4 first", "OrderedReady", 0, "0R 1R 2R 3N 4R", "-4"],
  ["S9 then 3, the only sick one", "OrderedReady", 0, "0R 1R 2R 3N", "-3"],
  ["S10 two sick ones: 4 goes", "OrderedReady", 0, "0R 1N 2R 3N 4R", "-4"],
  ["S10 but 3 blocks while 1 is sick", "OrderedReady", 0, "0R 1N 2R 3N", ""],
  ["S11 Parallel deletes all", "Parallel", 0, "0R 1R 2R 3R 4R", "-4 -3 -2 -1 -0"],
  ["S12 a terminating one is waited for", "OrderedReady", 1, "0T", ""],
  ["S12 then created again", "OrderedReady", 1, "", "+0"],
  ["S13 back to one: keeps 0, waits for 2", "OrderedReady", 1, "0R 1R 2T", ""],
  ["S13 then deletes 1", "OrderedReady", 1, "0R 1R", "-1"],
  ["a failed pod is deleted", "OrderedReady", 2, "0F 1R", "-0"],
] as const;

describe("reconcileStatefulSet()", () => {
  for (const [name, policy, replicas, pods, expected] of rows) {
    test(name, () => expect(act(input(policy, replicas, pods))).toBe(expected));
  }

  test("S4 minReadySeconds counts from the stored whole second", () => {
    const given = {
      ...input("OrderedReady", 3, ""),
      minReadySeconds: 10,
      pods: [{ ...pod(0, "R"), readySinceUs: 95_700_000 }],
    };
    const waiting = reconcileStatefulSet(given);
    expect([waiting.create, waiting.requeueAtUs]).toEqual([[], 105_000_000]);
    expect(act({ ...given, nowUs: 104_999_999 })).toBe("");
    expect(act({ ...given, nowUs: 105_000_000 })).toBe("+1");
  });

  test("says what it waits for", () => {
    expect(reconcileStatefulSet(input("OrderedReady", 2, "0N")).waitingFor).toBe(
      "waiting for api-0 to be ready",
    );
    expect(reconcileStatefulSet(input("OrderedReady", 0, "0R 1T")).waitingFor).toBe(
      "waiting for api-1 to be gone",
    );
    expect(reconcileStatefulSet(input("OrderedReady", 1, "0R")).waitingFor).toBeNull();
  });

  test("ordinals may start elsewhere, and other pods are not its own", () => {
    const given = {
      ...input("Parallel", 2, ""),
      startOrdinal: 5,
      pods: [{ ...pod(0, "R"), name: "api-canary" }],
    };
    expect(act(given)).toBe("+5 +6");
  });
});

test("status counts terminating pods too", () => {
  const given = { ...input("Parallel", 3, "0R 1N 2T"), minReadySeconds: 60 };
  expect(statefulSetStatus(given)).toEqual({ replicas: 3, readyReplicas: 1, availableReplicas: 0 });
});
