import { describe, expect, test } from "vitest";
import { reconcileReplicaSet, replicaSetStatus } from "./deployment.ts";
import type { ReplicaSetPod } from "./types.ts";

const NOW = 10_000_000_000;
const pod = (name: string, given: Partial<ReplicaSetPod> = {}): ReplicaSetPod => ({
  name,
  phase: "Running",
  ready: true,
  readySinceUs: NOW - 1000e6,
  terminating: false,
  createdAtUs: NOW - 1100e6,
  ...given,
});
const notReady = { ready: false, readySinceUs: null };
/** The first of two to go, in whichever order they are given. */
const goesFirst = (a: ReplicaSetPod, b: ReplicaSetPod): string[] =>
  [
    [a, b],
    [b, a],
  ].flatMap((pods) => reconcileReplicaSet({ nowUs: NOW, replicas: 1, pods }).delete);

const rows = [
  ["one that has no node", pod("x", { scheduled: false, ...notReady, phase: "Pending" }), pod("y")],
  ["pending before running", pod("x", { phase: "Pending", ...notReady }), pod("y", notReady)],
  ["not ready before ready", pod("x", notReady), pod("y", { deletionCost: -5 })],
  ["the lower deletion cost", pod("x", { deletionCost: -1 }), pod("y", { readySinceUs: NOW - 2e6 })],
  ["ready for a shorter time", pod("x", { readySinceUs: NOW - 20e6 }), pod("y")],
  ["more restarts", pod("x", { restarts: 3 }), pod("y", { createdAtUs: NOW - 20e6 })],
  ["the younger", pod("x", { createdAtUs: NOW - 20e6 }), pod("y")],
  ["about the same age: by UID", pod("x", { uid: "a", readySinceUs: NOW - 1001e6 }), pod("y", { uid: "b" })],
] as const;

describe("scale-in takes", () => {
  for (const [name, first, second] of rows) {
    test(name, () => expect(goesFirst(first, second)).toEqual(["x", "x"]));
  }

  test("one of two on the same node", () => {
    const pods = [pod("a", { node: "n1" }), pod("b", { node: "n2" }), pod("c", { node: "n2" })];
    expect(reconcileReplicaSet({ nowUs: NOW, replicas: 2, pods }).delete).not.toContain("a");
  });
});

test("terminating and finished pods are replaced at once and do not count", () => {
  const pods = [pod("a"), pod("b", { terminating: true }), pod("c", { phase: "Failed", ...notReady })];
  expect(reconcileReplicaSet({ nowUs: NOW, replicas: 2, pods })).toEqual({ create: 1, delete: [] });
  expect(replicaSetStatus({ nowUs: NOW, replicas: 2, pods, minReadySeconds: 2000 })).toEqual({
    replicas: 1,
    readyReplicas: 1,
    availableReplicas: 0,
  });
});
