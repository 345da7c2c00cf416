/** The event log of a real run: its aggregates are the fold of its rows, and a finished run reads as it did when it ran. */
import { basename } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { foldRows, mergeWindows } from "../src/events/aggregate.ts";
import { logFiles, readLog } from "../src/events/reader.ts";
import type { RequestRow, RequestsWindow, RunHeader } from "../src/events/types.ts";
import { limpet, limpetTest, type Tested } from "./kit.ts";

let tested: Tested;

// A scenario with a cold start, and one in which requests are lost and tenants move.
beforeAll(async () => {
  tested = await limpetTest(["scale from zero", "kill a gateway", "--seed", "9"]);
});

type Part = {
  readonly header: RunHeader;
  readonly rows: readonly RequestRow[];
  readonly windows: readonly RequestsWindow[];
};

/** Each file of the log has a time 0 of its own. */
async function partsOf(folder: string): Promise<Part[]> {
  const parts: Part[] = [];
  for (const file of logFiles(folder)) {
    let header: RunHeader | null = null;
    const rows: RequestRow[] = [];
    const windows: RequestsWindow[] = [];
    for await (const { line } of readLog(file)) {
      if (line.type === "header") header = line;
      else if (line.type === "request") rows.push(line);
      else if (line.type === "requests.window") windows.push(line);
    }
    parts.push({ header: header!, rows, windows });
  }
  return parts;
}

test("requests.window rows equal the fold of the request rows", async () => {
  const parts = await partsOf(tested.result.folder);
  const rows = parts.flatMap((part) => part.rows);
  // Not of one kind only, or the comparison would show little.
  expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(["answer", "lost"]));
  expect(new Set(rows.map(({ scenario }) => scenario)).size).toBe(2);
  for (const { affinity } of rows.filter(({ outcome }) => outcome === "answer"))
    expect(affinity).toBeDefined();
  for (const part of parts) {
    expect(part.windows.length).toBeGreaterThan(10);
    expect(part.windows.reduce((sum, { count }) => sum + count, 0)).toBe(part.rows.length);
    expect(mergeWindows(part.windows)).toEqual(foldRows(part.rows));
  }
});

test("the log's header says what was run, with what", async () => {
  const { result } = tested;
  const [first] = await partsOf(result.folder);
  expect(first!.header).toMatchObject({
    type: "header",
    part: 1,
    engine: "local",
    seed: 9,
    speed: 20,
    parts: { sidecar: "built in", metrics: "built in" },
  });
  expect(Date.parse(first!.header.date)).toBeGreaterThan(0);
});

test.each([
  ["latest", (): string[] => ["latest"]],
  ["no name at all", (): string[] => []],
  ["its name", (): string[] => [basename(tested.result.folder)]],
  ["its folder", (): string[] => [tested.result.folder]],
])("limpet report, by %s, shows the same verdicts and exits alike", async (_by, name) => {
  const again = await limpet(["report", ...name(), "--reporter", "json"], { cwd: tested.cwd });
  expect(again.stderr).toBe("");
  const { folder, ...rest } = JSON.parse(again.stdout) as Record<string, unknown>;
  const { folder: then, ...before } = JSON.parse(tested.stdout) as Record<string, unknown>;
  expect(rest).toEqual(before);
  expect(basename(String(folder))).toBe(basename(String(then)));
  expect(again.code).toBe(tested.code);
});

test("limpet report on the terminal shows each measure and where the log lies", async () => {
  const { stdout } = await limpet(["report"], { cwd: tested.cwd });
  for (const { name, checks } of tested.result.scenarios) {
    expect(stdout).toContain(` ${name} `);
    for (const check of checks) expect(stdout).toContain(check.name);
  }
  expect(stdout).toContain(basename(tested.result.folder));
});
