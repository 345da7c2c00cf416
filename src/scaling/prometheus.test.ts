import { describe, expect, test } from "vitest";
import { hpaSpecFromScaledObject } from "./hpa.ts";
import { interpretReading, isTriggerError, prometheusTriggerValue } from "./prometheus.ts";
import { activationThresholdOf, metricMilli } from "./scaled-object.ts";
import { quantityMilli } from "./served-metric.ts";
import { defaultSpec, prometheusTrigger } from "./testing.ts";

const vector = (...values: unknown[]): string =>
  JSON.stringify({
    status: "success",
    data: { resultType: "vector", result: values.map((value) => ({ metric: {}, value })) },
  });
const ok = (body: string): { status: number; body: string } => ({ status: 200, body });
const strict = { ignoreNullValues: "false" };
const error = "error";

const rows = [
  ["P1 one element", {}, ok(vector([1, "2"])), 2],
  ["P2 no series is 0", {}, ok(vector()), 0],
  ["P3 unless null values are not ignored", strict, ok(vector()), error],
  ["P4 two elements", {}, ok(vector([1, "2"], [1, "3"])), error],
  ["P5 an empty value list", {}, ok(vector([])), 0],
  ["P5 an empty value list, strict", strict, ok(vector([])), error],
  ["P6 a value list of one", {}, ok(vector([1])), error],
  ["P7 +Inf", {}, ok(vector([1, "+Inf"])), 0],
  ["P7 -Inf", {}, ok(vector([1, "-Inf"])), 0],
  ["P8 +Inf, strict", strict, ok(vector([1, "+Inf"])), error],
  ["P9 NaN", {}, ok(vector([1, "NaN"])), 0],
  ["P9 NaN, strict", strict, ok(vector([1, "NaN"])), error],
  ["P10 HTTP 400", {}, { status: 400, body: vector([1, "2"]) }, error],
  ["P11 a negative number stays one", {}, ok(vector([1, "-3"])), -3],
  ["P14 a scalar", {}, ok('{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'), error],
  ["P17 null is -1", {}, ok(vector([1, null])), -1],
  ["P18 a number instead of text panics", {}, ok(vector([1, 3])), error],
  ["P19 status error with HTTP 200 and no data", {}, ok('{"status":"error"}'), 0],
  ["P19 the same, strict", strict, ok('{"status":"error"}'), error],
  ["HTTP 204", {}, { status: 204, body: "" }, error],
  ["no answer", {}, { status: 0, body: "" }, error],
  ["text that is no number", {}, ok(vector([1, "two"])), error],
  ["an empty text", {}, ok(vector([1, ""])), error],
  ["an exponent", {}, ok(vector([1, "1e3"])), 1000],
] as const;

describe("prometheusTriggerValue() and interpretReading()", () => {
  for (const [name, metadata, answer, expected] of rows) {
    test(name, () => {
      const trigger = prometheusTrigger(metadata);
      const reading = prometheusTriggerValue(answer);
      const read = interpretReading(trigger, reading);
      expect("error" in read ? error : read.value).toBe(expected);
      // What fails is asked a second time in the same check.
      expect(isTriggerError(trigger, reading)).toBe(expected === error);
    });
  }

  test("P9 up to 2.19 NaN passes through, and is above nothing", () => {
    const trigger = prometheusTrigger();
    const read = interpretReading(trigger, Number.NaN, { keda: "2.19" });
    expect("value" in read && read.value > activationThresholdOf(trigger)).toBe(false);
    expect("value" in read && Number.isNaN(read.value)).toBe(true);
  });
});

describe("the quantity that is served", () => {
  const rows = [
    ["P11 negatives are 0", -3, undefined, 0],
    ["P12 2.13 kept them", -3, "2.13", -3000],
    ["P13 2.13 cut off", 1.001, "2.13", 1000],
    ["P13 since 2.20 it is rounded", 1.001, "2.20", 1001],
    ["a tie goes to the even digit", 2.0625, undefined, 2062],
    ["also upwards", 2.1875, undefined, 2188],
    ["a small number rounds to nothing", 0.0004, undefined, 0],
    ["a large one is exact", 1e12, undefined, 1e15],
    ["NaN", Number.NaN, undefined, 0],
    ["infinity", Infinity, undefined, 0],
  ] as const;
  for (const [name, value, keda, milli] of rows) {
    test(name, () => expect(metricMilli(value, keda === undefined ? {} : { keda })).toBe(milli));
  }
  test("served-metric.ts gives it the same", () => expect(quantityMilli(2.0625)).toBe(2062));
});

test("P16 metricName is ignored: the metric is s0-prometheus", () => {
  const spec = { ...defaultSpec, triggers: [prometheusTrigger({ metricName: "foo" })] };
  for (const keda of ["2.13", "2.21"]) {
    const [metric] = hpaSpecFromScaledObject({ name: "api", spec, versions: { keda } }).metrics;
    expect(metric).toEqual({ name: "s0-prometheus", targetType: "AverageValue", targetMilli: 2000 });
  }
});
