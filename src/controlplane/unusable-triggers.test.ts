import { describe, expect, test } from "vitest";
import type { JsonObject, ScaledObject } from "../topology/types.ts";
import { readScaledObject } from "../topology/read-objects.ts";
import { unusableTriggers, withTriggersActedOn } from "./unusable-triggers.ts";

const scaledBy = (...triggers: JsonObject[]): ScaledObject =>
  readScaledObject({
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    name: "one",
    namespace: "default",
    labels: {},
    annotations: {},
    body: { spec: { triggers } },
    at: () => ({ file: "", line: 1, column: 1 }),
  });

const prometheus = (metadata: JsonObject = {}, type = "prometheus"): JsonObject => ({
  type,
  metadata: { serverAddress: "http://p:9090", query: "max(x)", threshold: "2", ...metadata },
});
const cron: JsonObject = { type: "cron", metadata: { desiredReplicas: "3" } };

describe("a trigger that KEDA cannot use", () => {
  test.each<[string, JsonObject, string | null]>([
    ["is right", prometheus(), null],
    ["is of another kind, which is not judged", cron, null],
    [
      "has no threshold",
      { type: "prometheus", metadata: { serverAddress: "s", query: "q" } },
      "no threshold",
    ],
    ["has a threshold in words", prometheus({ threshold: "two" }), 'threshold "two" is no number'],
    ["has a threshold that no HPA takes", prometheus({ threshold: "0" }), "threshold 0 must be above 0"],
    ["has no query", prometheus({ query: "" }), "no query given"],
    ["has no server", prometheus({ serverAddress: "" }), "no serverAddress given"],
    [
      "has its server from the environment",
      prometheus({ serverAddress: "", serverAddressFromEnv: "P" }),
      null,
    ],
    [
      "is mistyped",
      prometheus({}, "promethius"),
      "no scaler found for type promethius; did you mean prometheus?",
    ],
  ])("%s", (_, trigger, said) => {
    const found = unusableTriggers(scaledBy(trigger));
    if (said === null) expect(found).toBeNull();
    else expect(found).toContain(said);
  });
});

test("a trigger of another kind is left out, so that it cannot fail", () => {
  const mixed = scaledBy(cron, prometheus());
  const left = withTriggersActedOn(mixed);
  expect(left.triggers.map(({ type }) => type)).toEqual(["prometheus"]);
  expect(left.spec["triggers"]).toEqual([prometheus()]);
  expect(withTriggersActedOn(scaledBy(prometheus())).triggers).toHaveLength(1);
});
