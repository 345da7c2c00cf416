import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../errors.ts";
import { LogDigest } from "./digest.ts";
import { maxLateness } from "./lateness.ts";
import { findRun, readLog, readRun } from "./reader.ts";
import { EVENT_LOG_VERSION, type LogLine, type RunEvent } from "./types.ts";
import { createRunFolder, EventWriter, type HeaderFields } from "./writer.ts";

const base = mkdtempSync(join(tmpdir(), "limpet-log-"));
afterAll(() => rmSync(base, { recursive: true }));

const header: HeaderFields = {
  limpet: "0.1.0",
  date: "2026-11-23T10:14:07Z",
  engine: "local",
  seed: 7,
  speed: 20,
  topology: "k8s/test-topology",
  epochUnixSeconds: 1,
  parts: {},
};

const said = (atUs: number, message = "x"): RunEvent => ({ type: "log", atUs, level: "info", message });

async function linesOf(lines: AsyncIterable<{ readonly line: LogLine }>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for await (const { line } of lines) all.push(line);
  return all;
}

function logWith(...events: readonly RunEvent[]): string {
  const folder = createRunFolder(base, "run");
  const writer = new EventWriter(folder, header);
  for (const event of events) writer.write(event);
  writer.close();
  return writer.path;
}

describe("a run's folder", () => {
  test("is never an old one: a name that is taken gets a number", () => {
    const first = createRunFolder(base, "2026-11-23T10-14-07-seed7");
    expect(basename(createRunFolder(base, "2026-11-23T10-14-07-seed7"))).toBe(`${basename(first)}-2`);
  });

  test("is found by its name, by its path, and the latest by its date", () => {
    const runs = join(base, "runs");
    for (const name of ["2026-11-23T10-14-07-seed9", "2026-11-24T09-00-00-seed1"]) {
      new EventWriter(createRunFolder(runs, name), header).close();
    }
    createRunFolder(runs, "2027-01-01T00-00-00-without-a-log");
    expect(basename(findRun(runs, "latest"))).toBe("2026-11-24T09-00-00-seed1");
    expect(basename(findRun(runs, "2026-11-23T10-14-07-seed9"))).toBe("2026-11-23T10-14-07-seed9");
    expect(findRun(runs, join(runs, "2026-11-24T09-00-00-seed1"))).toContain("seed1");
    expect(() => findRun(runs, "nothing")).toThrow(InputError);
    expect(() => findRun(join(base, "none"), "latest")).toThrow(/no runs in .* yet/);
  });
});

describe("the event log", () => {
  test("is read as it was written, header first", async () => {
    const lines = await linesOf(readLog(logWith(said(1), said(2, "é\n→"))));
    expect(lines).toEqual([
      { type: "header", version: EVENT_LOG_VERSION, part: 1, ...header },
      said(1),
      said(2, "é\n→"),
    ]);
  });

  test("holds verdicts and scenarios back not at all, other events only until the buffer is full", () => {
    const folder = createRunFolder(base, "flush");
    const writer = new EventWriter(folder, header);
    const count = (): number => readFileSync(writer.path, "utf8").split("\n").length - 1;
    expect(count()).toBe(1);
    writer.write(said(1));
    expect(count()).toBe(1);
    writer.write({ type: "scenario", atUs: 2, scenario: "s", attempt: 1, what: "started" });
    expect(count()).toBe(3);
    for (let i = 0; i < 100; i++) writer.write(said(3, "y".repeat(400)));
    expect(count()).toBeGreaterThan(70);
    writer.close();
    writer.write(said(4));
    expect(count()).toBe(103);
  });

  test("has a file for each start of an engine, read as one", async () => {
    const folder = createRunFolder(base, "parts");
    for (const part of [1, 2]) {
      const writer = new EventWriter(folder, header, part);
      writer.write(said(part));
      writer.close();
    }
    const lines = await linesOf(readRun(folder));
    expect(lines.map((line) => (line.type === "header" ? `part ${line.part}` : line.atUs))).toEqual([
      "part 1",
      1,
      "part 2",
      2,
    ]);
    expect(() => new EventWriter(folder, header, 2)).toThrow(/EEXIST/);
  });

  test("that was cut off is read up to there, and says so", async () => {
    const path = logWith(said(1), said(2));
    appendFileSync(path, '{"type":"log","atUs":3,"le');
    const lines = await linesOf(readLog(path));
    expect(lines).toHaveLength(4);
    expect(lines[3]).toMatchObject({ type: "log", level: "warn", atUs: 2 });
  });

  const newer = JSON.stringify({ type: "header", ...header, version: EVENT_LOG_VERSION + 1, part: 1 });
  const good = JSON.stringify({ type: "header", ...header, version: EVENT_LOG_VERSION, part: 1 });
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ["an empty file", "", /damaged: the file is empty/],
    ["another file", '{"a":1}\n', /:1: not an event log of limpet/],
    ["a newer log", `${newer}\n`, /:1: written by a newer limpet \(log version 2, this one reads up to 1\)/],
    [
      "a line that is no JSON",
      `${good}\n{"type":"lo\n${JSON.stringify(said(1))}\n`,
      /:2: damaged: not a line of JSON/,
    ],
    ["an event that is unknown", `${good}\n{"type":"zzz","atUs":1}\n`, /:2: damaged: not an event/],
    ["an event without time", `${good}\n{"type":"log"}\n`, /:2: damaged: the event "log" has no time/],
  ];
  test.each(rows)("refuses %s", async (_, text, message) => {
    const path = join(createRunFolder(base, "bad"), "events.jsonl");
    writeFileSync(path, text);
    const reading = linesOf(readLog(path));
    await expect(reading).rejects.toThrow(InputError);
    await expect(reading).rejects.toThrow(message);
  });
});

test("the digest is that of what happened, whenever it happened", () => {
  const of = (...lines: readonly string[]): string => {
    const digest = new LogDigest();
    for (const line of lines) digest.add(line);
    return digest.value();
  };
  const event = JSON.stringify(said(1));
  expect(of('{"type":"header","date":"a"}', event)).toBe(of('{"type":"header","date":"b"}', event));
  expect(of(event)).not.toBe(of(event, event));
  expect(of()).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

describe("maxLateness()", () => {
  const late = (atUs: number, lateUs: number): RunEvent => ({ type: "lateness", atUs, loop: "keda", lateUs });
  test.each([
    ["none", [], null],
    ["the worst inside", [late(110, 5), late(150, 9)], 9],
    ["one that was due inside and ran after", [late(230, 40)], 40],
    ["one that was due before and ran inside", [late(105, 50)], 50],
    ["one over before", [late(99, 50)], null],
    ["one that was due after", [late(230, 20)], null],
  ] as const)("%s", (_, events, lateUs) => {
    expect(maxLateness(events, 100, 200)?.lateUs ?? null).toBe(lateUs);
  });
});
