import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dateOf, rfc3339Of } from "./dates.ts";
import { formatFloat, KahanSum, parseFloat64, quantile } from "./go-math.ts";
import { naturallyBefore } from "./label-functions.ts";
import { compareLabels, Labels } from "./labels.ts";
import { formatDuration, parseDuration } from "./literals.ts";
import { matcher } from "./matchers.ts";
import { re2ToRegExp } from "./re2.ts";

describe("numbers as Go writes them", () => {
  test.each([
    [0, "0"],
    [-0, "-0"],
    [1.5, "1.5"],
    [1e21, "1000000000000000000000"],
    [-1.25e-7, "-0.000000125"],
    [1.7976931348623157e308, `17976931348623157${"0".repeat(292)}`],
    [NaN, "NaN"],
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
  ])("%s is %s", (value, text) => {
    expect(formatFloat(value)).toBe(text);
  });

  test("and reads them back the same", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(parseFloat64(formatFloat(value))).toBe(value);
      }),
    );
  });

  test.each([
    ["+Inf", Infinity],
    ["-inf", -Infinity],
    ["nan", NaN],
    ["1e3", 1000],
    ["0x1p-2", 0.25],
    ["1_000", null],
    ["", null],
    ["1.2.3", null],
    ["+nan", null],
  ])("parseFloat64 %s", (text, value) => {
    expect(parseFloat64(text)).toBe(value);
  });
});

test("dates agree with the calendar", () => {
  fc.assert(
    fc.property(fc.integer({ min: -8_640_000_000_000, max: 8_640_000_000_000 }), (seconds) => {
      const { year, month, day, hour, minute, dayOfWeek, dayOfYear } = dateOf(seconds);
      const second = ((seconds % 60) + 60) % 60;
      // Years below 100 mean 1900 and later to Date.UTC.
      if (year > 99 || year < 0)
        expect(Date.UTC(year, month - 1, day, hour, minute, second)).toBe(seconds * 1000);
      if (year > 99 || year < 0)
        expect(Date.UTC(year, 0, dayOfYear, hour, minute, second)).toBe(seconds * 1000);
      expect(dayOfWeek).toBe((((Math.floor(seconds / 86_400) + 4) % 7) + 7) % 7);
    }),
  );
  expect(rfc3339Of(1_700_000_000_120)).toBe("2023-11-14T22:13:20.12Z");
});

test("compensated sums keep what plain ones lose", () => {
  const sum = new KahanSum();
  for (const value of [1, 1e100, 1, -1e100]) sum.add(value);
  expect(sum.total).toBe(2);
});

test.each([
  [0.5, [3, 1, 2], 2],
  [0.25, [0, 1], 0.25],
  [-0.1, [1], -Infinity],
  [1.1, [1], Infinity],
  [NaN, [1], NaN],
  [0.5, [], NaN],
])("quantile %s of %j is %s", (q, values, expected) => {
  expect(quantile(q, values)).toBe(expected);
});

test.each([
  ["1h30m", 5_400_000],
  ["1d", 86_400_000],
  ["1y2w3d4h5m6s7ms", 33_019_506_007 - 0],
  ["30m1h", null],
  ["5", null],
  ["", null],
  ["1.5h", null],
])("duration %s", (text, ms) => {
  const read = parseDuration(text);
  if (ms === null) expect(read).toBeNull();
  else {
    expect(read).not.toBeNull();
    expect(parseDuration(formatDuration(read ?? 0))).toBe(read);
    if (!text.includes("y")) expect(read).toBe(ms);
  }
});

describe("regular expressions of RE2", () => {
  test.each([
    ["a|b", "a", true],
    ["a|b", "ab", false],
    [".+", "a\nb", true],
    ["(?i)ABC", "abc", true],
    ["(?P<x>a)b", "ab", true],
    ["[[:digit:]]+", "123", true],
    ["\\d{2,}", "12", true],
    ["a{,2}", "a{,2}", true],
    ["[]a]", "]", true],
    ["\\Qa.b\\E", "a.b", true],
    ["\\Qa.b\\E", "axb", false],
    ["[\\w.-]+", "a-b.c", true],
    ["\\pL+", "é", true],
    ["\\p{Greek}", "α", true],
    ["a-b/c:d", "a-b/c:d", true],
    ["", "", true],
    ["10\\.0\\..*", "10.0.3", true],
    ["\\x{41}", "A", true],
  ])("%s against %j: %s", (pattern, text, expected) => {
    const regex = re2ToRegExp(pattern);
    expect(typeof regex).not.toBe("string");
    if (typeof regex !== "string") expect(regex.test(text)).toBe(expected);
  });

  test.each([
    ["(", "error parsing regexp: missing closing ): `(`"],
    [")", "error parsing regexp: unexpected ): `)`"],
    ["[a", "error parsing regexp: missing closing ]: `[a`"],
    ["*a", "error parsing regexp: missing argument to repetition operator: `*`"],
    ["a**", "error parsing regexp: invalid nested repetition operator: `**`"],
    ["a(?=b)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"],
    ["(a)\\1", "error parsing regexp: invalid escape sequence: `\\1`"],
    ["a\\", "error parsing regexp: trailing backslash at end of expression: ``"],
    ["a{2000}", "error parsing regexp: invalid repeat count: `{2000}`"],
  ])("%s is refused", (pattern, message) => {
    expect(re2ToRegExp(pattern)).toBe(message);
  });
});

test("matchers take an absent label for an empty one", () => {
  expect(matcher("a", "=", "").matches("")).toBe(true);
  expect(matcher("a", "!=", "x").matches("")).toBe(true);
  expect(matcher("a", "=~", "x|").matches("")).toBe(true);
  expect(matcher("a", "!~", "x+").matches("xx")).toBe(false);
});

test("labels: sorted, without empty values, equal by key", () => {
  const labels = Labels.from({ b: "2", a: "1", c: "" });
  expect(labels.toString()).toBe('{a="1", b="2"}');
  expect(labels.key).toBe(Labels.from({ a: "1", b: "2" }).key);
  expect(labels.with("aa", "x").with("b", "").toString()).toBe('{a="1", aa="x"}');
  expect(compareLabels(Labels.from({ a: "1" }), labels)).toBeLessThan(0);
  expect(Labels.from({ "odd name": 'quo"te\n' }).toString()).toBe('{"odd name"="quo\\"te\\n"}');
});

test("numbers inside text sort as numbers", () => {
  expect(["pod-10", "pod-9", "pod-1"].sort((a, b) => (naturallyBefore(a, b) ? -1 : 1))).toEqual([
    "pod-1",
    "pod-9",
    "pod-10",
  ]);
});
