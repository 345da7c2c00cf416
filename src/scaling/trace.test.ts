import { describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { hpaSpecFromScaledObject } from "./hpa.ts";
import { readHpaSpec, readScaledObjectSpec } from "./api-spec.ts";
import { defaultSpec } from "./testing.ts";
import { parseTrace } from "./trace.ts";

const problemsOf = (text: string): readonly string[] => {
  try {
    parseTrace(text, "course.jsonl");
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
};
const external = (target: object): object => ({
  type: "External",
  external: { metric: { name: "s0-prometheus" }, target },
});
const average = external({ type: "AverageValue", averageValue: "2" });

test("a line's fields; blank lines and a last newline are nothing", () => {
  const text = `{"t": 0.02, "metrics": [1.5, "empty", "error"], "statusReplicas": 2, "pass": "keda"}\n\n{"t": 3, "lastActiveTime": -1.5}\n`;
  expect(parseTrace(text, "x")).toEqual([
    { tUs: 20_000, source: "x:1", metrics: [1.5, "empty", "error"], statusReplicas: 2, pass: "keda" },
    { tUs: 3_000_000, source: "x:3", lastActiveSeconds: -2 },
  ]);
});

describe("every mistake is said with its line", () => {
  test.each([
    ["", "course.jsonl: no line in it; a trace begins like"],
    ['{"t":0}\n{"t":', "course.jsonl:2: not JSON: "],
    ["[0]", 'course.jsonl:1: an object {"t": …} is wanted, found [0]'],
    ['{"replicas":1}', "course.jsonl:1: t: seconds from 0 to 1000000000 are wanted, found nothing"],
    ['{"t":-1}', "course.jsonl:1: t: seconds from 0 to 1000000000 are wanted, found -1"],
    ['{"t":"1"}', 'course.jsonl:1: t: seconds from 0 to 1000000000 are wanted, found "1"'],
    ['{"t":2}\n\n{"t":1}', "course.jsonl:3: t 1 comes after t 2; lines stand in the order of time"],
    ['{"t":0,"replica":1}', "course.jsonl:1: replica: unknown field; there are t, metrics, replicas"],
    ['{"t":0,"toString":1}', "course.jsonl:1: toString: unknown field"],
    ['{"t":0,"replicas":1.5}', "course.jsonl:1: replicas: a whole number, 0 or more, is wanted, found 1.5"],
    ['{"t":0,"metrics":7}', "course.jsonl:1: metrics: a list is wanted, one entry for each trigger, found 7"],
    [
      '{"t":0,"metrics":["down"]}',
      'course.jsonl:1: metrics: a number, "empty" or "error" is wanted for each trigger, found "down"',
    ],
    ['{"t":0,"metrics":[null]}', "found null"],
    ['{"t":0,"pass":"KEDA"}', 'course.jsonl:1: pass: "keda" or "hpa" is wanted, found "KEDA"'],
    [
      '{"t":0,"lastActiveTime":"now"}',
      "course.jsonl:1: lastActiveTime: seconds from t = 0 (null: never active) are wanted",
    ],
    [
      '{"t":0,"scaledObject":{"triggers":[]}}',
      "course.jsonl:1: scaledObject: no triggers defined in the ScaledObject",
    ],
    ['{"t":0,"hpa":{}}', "course.jsonl:1: hpa: maxReplicas: missing"],
  ])("%s → %s", (text, message) => {
    expect(problemsOf(text).join("\n")).toContain(message);
  });

  test("all at once", () => {
    expect(problemsOf('{"t":0,"replicas":-1,"pass":1}\n{"t":1,"x":1}')).toHaveLength(3);
  });
});

describe("readScaledObjectSpec()", () => {
  test("takes what the API takes", () => {
    expect(readScaledObjectSpec(defaultSpec)).toEqual({ spec: defaultSpec });
  });
  test.each([
    [{ ...defaultSpec, cooldownPeriod: "60" }, 'cooldownPeriod: a whole number is wanted, found "60"'],
    [{ ...defaultSpec, minReplicaCount: 6 }, "minReplicaCount 6 must not be above maxReplicaCount 5"],
    [{ ...defaultSpec, triggers: [{ type: "prometheus" }] }, "trigger 0 (prometheus): no threshold given"],
    [{ ...defaultSpec, triggers: [{ metadata: {} }] }, "triggers[0].type: a text is wanted"],
    [
      {
        ...defaultSpec,
        advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleUp: { selectPolicy: "max" } } } },
      },
      "behavior.scaleUp.selectPolicy: Max or Min or Disabled is wanted",
    ],
    [{ metadata: { name: "a" }, spec: defaultSpec }, "the spec alone is wanted"],
    [7, "a spec is wanted, found 7"],
  ])("%# %s", (value, problem) => {
    const result = readScaledObjectSpec(value);
    expect("problems" in result ? result.problems.join("\n") : "").toContain(problem);
  });
});

describe("readHpaSpec()", () => {
  test("reads the HPA that KEDA makes", () => {
    const { name: _, ...made } = hpaSpecFromScaledObject({ name: "api", spec: defaultSpec });
    const result = readHpaSpec({ minReplicas: 1, maxReplicas: 5, metrics: [average] });
    expect("spec" in result && result.spec).toMatchObject(made);
  });
  test("keeps an absent behavior absent and an empty one present: they are two different controllers", () => {
    const keysOf = (more: object): boolean => {
      const result = readHpaSpec({ maxReplicas: 5, metrics: [average], ...more });
      return "spec" in result && "behavior" in result.spec;
    };
    expect([keysOf({}), keysOf({ behavior: null }), keysOf({ behavior: {} })]).toEqual([false, false, true]);
  });
  test.each([
    [{ metrics: [average] }, "maxReplicas: missing"],
    [{ maxReplicas: 2, minReplicas: 3, metrics: [average] }, "minReplicas: 3 is above maxReplicas 2"],
    [{ maxReplicas: 2 }, "metrics: none; at least one of type External is wanted"],
    [
      { maxReplicas: 2, metrics: [{ type: "Resource" }] },
      "metrics[0].type: External is wanted (no other is acted on)",
    ],
    [
      { maxReplicas: 2, metrics: [external({ type: "Value", averageValue: "2" })] },
      "metrics[0].external.target.value: a quantity",
    ],
    [
      { maxReplicas: 2, metrics: [average], behavior: { scaleDown: { policies: [{ type: "Pods" }] } } },
      "behavior.scaleDown.policies[0].value: missing",
    ],
  ])("%# %s", (value, problem) => {
    const result = readHpaSpec(value);
    expect("problems" in result ? result.problems.join("\n") : "").toContain(problem);
  });
});
