import { describe, expect, test } from "vitest";
import { InputError } from "../../errors.ts";
import { EnvReader } from "./env.ts";
import { guardRealMs, guardUs } from "./guard.ts";
import { ByteBudget } from "./http.ts";
import { LabelCap } from "./label-cap.ts";
import { readTenantId } from "./tenant-id.ts";

describe("readTenantId()", () => {
  const rows: readonly [string, string | string[] | undefined, number | "ok"][] = [
    ["takes letters, digits and . _ : -", "Acme.eu_1:blue-2", "ok"],
    ["takes 128 characters", "a".repeat(128), "ok"],
    ["refuses a missing header with 422", undefined, 422],
    ["refuses an empty one with 400", "", 400],
    ["refuses 129 characters", "a".repeat(129), 400],
    ["refuses a space", "a b", 400],
    ["refuses a slash", "a/b", 400],
    ["refuses letters beyond ASCII", "é", 400],
    ["refuses two headers, as Node joins them", "a, b", 400],
    ["refuses two headers, as a list", ["a", "b"], 400],
  ];
  test.each(rows)("%s", (_name, header, expected) => {
    const reading = readTenantId(header, "x-tenant-id");
    expect(reading.refusal?.status ?? "ok").toBe(expected);
  });
});

test("EnvReader tells every mistake at once", () => {
  const read = new EnvReader({ A: "x", B: "7.5", C: "maybe", D: "{", E: "" });
  read.number("A", 1, 0, 10);
  read.integer("B", 1, 0, 10);
  read.flag("C", false);
  read.json("D", 1, "a number", () => 2);
  expect(read.number("E", 4, 0, 10)).toBe(4);
  try {
    read.done();
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).problems).toEqual([
      'environment variable A: wanted a number from 0 to 10, found "x"',
      'environment variable B: wanted a whole number, found "7.5"',
      'environment variable C: wanted true or false, found "maybe"',
      'environment variable D: wanted JSON, a number, found "{"',
    ]);
  }
});

describe("a limit on real input and output", () => {
  const rows = [
    ["is as configured at speed 1", 1, 10, 10, 10_000],
    ["is divided by the speed", 5, 10, 10, 2000],
    ["is never below one real second", 20, 10, 20, 1000],
    ["is as configured in virtual time", Infinity, 10, 10, 10_000],
  ] as const;
  test.each(rows)("%s", (_name, speed, seconds, topologySeconds, realMs) => {
    expect(guardUs({ speed }, seconds)).toBe(topologySeconds * 1e6);
    expect(guardRealMs({ speed }, seconds)).toBe(realMs);
  });
});

test("LabelCap gives the first values a series, the rest share one, and room is made again", () => {
  let dropped = 0;
  const cap = new LabelCap(2, () => dropped++);
  expect(["a", "b", "c", "a"].map((value) => cap.label(value))).toEqual(["a", "b", "other", "a"]);
  expect(dropped).toBe(1);
  cap.forget("a");
  expect(cap.label("c")).toBe("c");
});

test("ByteBudget refuses what does not fit and takes it once there is room", () => {
  const budget = new ByteBudget(10);
  expect([budget.take(6), budget.take(5)]).toEqual([true, false]);
  budget.give(6);
  expect([budget.take(5), budget.used]).toEqual([true, 5]);
});
