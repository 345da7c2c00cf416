import { expect, test } from "vitest";
import { notActedOn } from "./acted-on.ts";
import { fromJson, type LocatedMap } from "./located.ts";
import { toManifest } from "./manifest.ts";
import { LIMITS, Problems } from "./problems.ts";
import { nearest } from "./suggest.ts";
import type { Json } from "./types.ts";

test.each([
  ["requestRate", ["rate", "request", "requests"], "request"],
  ["tenannts", ["tenants", "tiers"], "tenants"],
  ["teir", ["tier", "tenant"], "tier"],
  ["xyz", ["tenants", "tiers"], null],
  ["Kind", ["kind"], "kind"],
  ["smal", ["small", "medium"], "small"],
  ["requestRate", ["tenants", "rate", "pattern"], "rate"],
  ["rps", ["period", "requestsPerSecond"], null],
])("nearest to %s of %j is %s", (word, known, wanted) => {
  expect(nearest(word, known)).toBe(wanted);
});

const manifest = (body: Json) =>
  toManifest(fromJson(body, { file: "f", line: 1, column: 1 }) as LocatedMap, "d");

test("what is not acted on is counted once for each path and kind", () => {
  const service = manifest({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "a" },
    spec: { sessionAffinity: "ClientIP", ports: [{ port: 1, nodePort: 30000 }], sessionAffinityConfig: {} },
  });
  const scaledObject = manifest({
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    spec: { scaleTargetRef: { name: "x", envSourceContainerName: "y" }, triggers: [{ type: "cron" }] },
  });
  const knative = manifest({ apiVersion: "serving.knative.dev/v1", kind: "Service", spec: {} });
  expect(notActedOn([service, service, scaledObject, knative], new Set())).toEqual([
    { what: "Service", count: 1 },
    { what: "spec.sessionAffinity", count: 2 },
    { what: "spec.sessionAffinityConfig", count: 2 },
    { what: "spec.scaleTargetRef.envSourceContainerName", count: 1 },
    { what: "trigger type cron", count: 1 },
  ]);
  expect(notActedOn([service], new Set([service]))).toEqual([]);
});

test("problems are told once each, and not without end", () => {
  const problems = new Problems("deploy/");
  const where = { file: "a.yaml", line: 2, column: 3 };
  expect(() => problems.throwIfAny()).not.toThrow();
  problems.add(where, "wrong");
  problems.add(where, "wrong");
  expect(() => problems.throwIfAny()).toThrow(/^deploy\/a\.yaml:2:3: wrong$/);
  for (let i = 0; i < LIMITS.problems + 9; i++) problems.add(null, `problem ${i}`);
  expect(() => problems.throwIfAny()).toThrow(/and 10 more$/);
});
