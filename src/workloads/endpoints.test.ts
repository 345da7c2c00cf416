import { describe, expect, test } from "vitest";
import { edsHealth, endpointConditions, istiodHealth } from "./endpoints.ts";
import type { PodView } from "./types.ts";

const pod = (ready: boolean, terminating: boolean, phase: PodView["phase"] = "Running") => ({
  ready,
  terminating,
  phase,
});

/** ready, terminating, publishNotReadyAddresses; then the conditions, istiod's view, and what the proxies get. */
const rows = [
  ["a ready pod", pod(true, false), false, [true, true, false], "Healthy", "HEALTHY"],
  [
    "a starting pod is announced as unhealthy",
    pod(false, false),
    false,
    [false, false, false],
    "UnHealthy",
    "UNHEALTHY",
  ],
  ["a draining pod", pod(true, true), false, [false, true, true], "Terminating", null],
  ["a dying pod", pod(false, true), false, [false, false, true], "Terminating", null],
  [
    "a starting pod, published all the same",
    pod(false, false),
    true,
    [true, false, false],
    "Healthy",
    "HEALTHY",
  ],
  ["a terminating one too", pod(false, true), true, [true, false, true], "Healthy", "HEALTHY"],
] as const;

describe("an endpoint", () => {
  for (const [name, given, publish, [ready, serving, terminating], health, eds] of rows) {
    test(name, () => {
      const conditions = endpointConditions(given, publish)!;
      expect(conditions).toEqual({ ready, serving, terminating });
      expect([istiodHealth(conditions), edsHealth(conditions)]).toEqual([health, eds]);
    });
  }

  test("a finished pod has none", () =>
    expect(endpointConditions(pod(false, false, "Failed"), true)).toBeNull());

  test("a persistent-session Service drains", () => {
    const conditions = endpointConditions(pod(true, true), false)!;
    expect(edsHealth(conditions, { persistentSession: true })).toBe("DRAINING");
  });

  test("before Istio 1.31 a starting pod was not sent at all", () => {
    const conditions = endpointConditions(pod(false, false), false)!;
    expect(edsHealth(conditions, { sendUnhealthyEndpoints: false })).toBeNull();
  });
});
