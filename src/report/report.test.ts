import { stripVTControlCharacters } from "node:util";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { describe, expect, test } from "vitest";
import type { CheckResult, RunEvent, RunHeader, Verdict } from "../events/types.ts";
import { renderJson } from "./json.ts";
import { renderJunit } from "./junit.ts";
import { Progress } from "./progress.ts";
import { measuredWords, summarize, type RunLog } from "./summary.ts";
import { exitCode } from "../events/verdicts.ts";
import { renderTerminal } from "./terminal.ts";

const header: RunHeader = {
  type: "header",
  version: 1,
  part: 1,
  limpet: "0.1.0",
  date: "2026-11-23T10:14:07Z",
  engine: "local",
  seed: 7,
  speed: 20,
  topology: "k8s/test-topology",
  epochUnixSeconds: 1,
  parts: {},
};

const check = (given: Partial<CheckResult>): CheckResult => ({
  name: "first response",
  measured: 11.4,
  limit: "< 30 s",
  unit: "s",
  samples: 21,
  verdict: "pass",
  reason: "",
  ...given,
});

const verdict = (
  scenario: string,
  kind: Verdict["verdict"],
  checks: readonly CheckResult[],
  given: Partial<Verdict> = {},
): Verdict => ({
  type: "verdict",
  atUs: 60e6,
  scenario,
  attempt: 1,
  speed: 20,
  verdict: kind,
  checks,
  counts: true,
  ...given,
});

const lost = check({ name: "requests lost", measured: 0, of: 21, limit: "0", unit: "requests" });
const failed = check({
  measured: "none in 90 s",
  verdict: "fail",
  reason:
    "ScaledObject test-api-small-scaler is not Ready: ScaledObjectCheckFailed: no Deployment test-api-small\nnone of 21 requests was answered",
  remedy: "keda-scaler.yaml:8 add kind: StatefulSet",
});
const moved = check({
  name: "moved by scale steps",
  measured: 1,
  of: 4,
  limit: "reported",
  unit: "tenants",
  verdict: "reported",
  reason: "even hashing moves 1",
});
const undecided = check({
  name: "cooldown",
  measured: 75,
  limit: "59–71 s",
  verdict: "undecided",
  reason: "timers ran up to 1.9 s late at speed 10; the check's margin is 1.0 s.",
  remedy: "Try --speed 5",
});

async function logOf(...events: readonly RunEvent[]): Promise<RunLog> {
  async function* lines(): AsyncGenerator<{ line: RunHeader | RunEvent; text: string }> {
    for (const line of [header, ...events]) yield await Promise.resolve({ line, text: JSON.stringify(line) });
  }
  return summarize(".limpet/runs/2026-11-23T10-14-07-seed7", lines());
}

const resources: RunEvent = {
  type: "resources",
  atUs: 1_860e6,
  pssBytesPeak: 412 * 2 ** 20,
  realSeconds: 96.2,
};
const terminal = async (...events: readonly RunEvent[]): Promise<string> =>
  renderTerminal(await logOf(...events), { color: false });

describe("the last screen", () => {
  test("of a pass", async () => {
    const screen = await terminal(
      verdict("scale from zero", "pass", [check({}), lost]),
      verdict("tenant affinity", "pass", [moved]),
      resources,
    );
    expect(screen).toBe(
      [
        " test             measure               expected  measured",
        " scale from zero  first response        < 30 s    11.4 s    pass",
        "                  requests lost         0         0 of 21   pass",
        " tenant affinity  moved by scale steps  reported  1 of 4    –     even hashing moves 1",
        "",
        " 2 of 2 tests pass · 96 s (31 min of topology time) · peak memory 412 MiB",
        " event log  .limpet/runs/2026-11-23T10-14-07-seed7/   look again: limpet report latest",
        "",
      ].join("\n"),
    );
  });

  test("of a failure: the cause, then what was seen, then what to do", async () => {
    const screen = await terminal(verdict("scale from zero", "fail", [failed, lost]));
    expect(screen).toContain("first response  < 30 s    none in 90 s  FAIL");
    expect(screen).toContain(
      [
        " scale from zero · first response: FAIL",
        "   ScaledObject test-api-small-scaler is not Ready: ScaledObjectCheckFailed: no Deployment test-api-small",
        "   none of 21 requests was answered",
        "     keda-scaler.yaml:8 add kind: StatefulSet",
      ].join("\n"),
    );
    expect(screen).toContain("0 of 1 test passes");
  });

  test("says which attempt counts, what does not apply, what was not finished, what was found", async () => {
    const screen = await terminal(
      {
        type: "topology",
        atUs: 0,
        objects: 1,
        files: 1,
        tiers: [],
        entry: "e",
        entryPods: { name: "e", file: "e.yaml", line: 1 },
        standIns: [],
        notActedOn: [],
        findings: [
          { file: "kustomization.yaml", line: 8, message: "prometheus.yaml not found", remedy: "add it" },
        ],
      },
      { type: "notApplicable", atUs: 0, scenario: "consistent hashing", reason: "needs 3 ready pods" },
      verdict("scale to zero", "pass", [check({})], { counts: false }),
      verdict("scale to zero", "undecided", [undecided], { attempt: 2, speed: 10 }),
      { type: "scenario", atUs: 1, scenario: "tenant affinity", attempt: 1, what: "started" },
      { type: "log", atUs: 2, level: "warn", message: "the last line is cut off" },
    );
    for (const line of [
      " kustomization.yaml:8: prometheus.yaml not found",
      " scale to zero: timers were late at speed 20 (pass); run again at speed 10, which counts: undecided",
      "   timers ran up to 1.9 s late at speed 10; the check's margin is 1.0 s.",
      " not applicable: consistent hashing: needs 3 ready pods",
      " not finished: tenant affinity: the run was ended before",
      " warning: the last line is cut off",
    ]) {
      expect(screen).toContain(line);
    }
  });

  test("has colour only where it is asked for, and says the same", async () => {
    const log = await logOf(verdict("scale from zero", "fail", [failed, lost]));
    const colored = renderTerminal(log, { color: true });
    expect(colored).toContain("\u001B[");
    const plain = stripVTControlCharacters(colored);
    expect(plain.replaceAll(/ +$/gm, "")).toBe(renderTerminal(log, { color: false }));
  });
});

describe("exitCode()", () => {
  test.each([
    ["all pass", [verdict("a", "pass", [])], 0],
    ["one fails", [verdict("a", "pass", []), verdict("b", "fail", [])], 1],
    ["one is undecided", [verdict("a", "undecided", [])], 1],
    ["one is void", [verdict("a", "void", [])], 1],
    [
      "the second attempt counts",
      [verdict("a", "fail", [], { counts: false }), verdict("a", "pass", [], { attempt: 2 })],
      0,
    ],
    ["the second attempt never came", [verdict("a", "pass", [], { counts: false })], 1],
    ["nothing applies", [], 0],
  ] as const)("%s", (_, verdicts, code) => expect(exitCode(verdicts)).toBe(code));
});

test("JSON: one document of the promised form", async () => {
  const log = await logOf(verdict("scale from zero", "fail", [failed, lost]), {
    type: "notApplicable",
    atUs: 0,
    scenario: "consistent hashing",
    reason: "needs 3 ready pods",
  });
  const document = JSON.parse(renderJson(log)) as Record<string, unknown>;
  expect(document).toMatchObject({
    schemaVersion: 1,
    engine: "local",
    seed: 7,
    speed: 20,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    scenarios: [
      {
        name: "scale from zero",
        verdict: "fail",
        checks: [
          {
            name: "first response",
            measured: "none in 90 s",
            limit: "< 30 s",
            unit: "s",
            samples: 21,
            verdict: "fail",
            reason: failed.reason,
          },
          { name: "requests lost", measured: 0, of: 21 },
        ],
      },
    ],
    notApplicable: [{ name: "consistent hashing", reason: "needs 3 ready pods" }],
  });
});

test("JUnit: well-formed, counts that add up, causes that can be read back", async () => {
  const nasty = check({ name: 'a "b" <c> & d', verdict: "fail", reason: "line 1\nline 2 \u0007 ]]>" });
  const log = await logOf(
    verdict("scale from zero", "fail", [failed, lost, nasty]),
    verdict("scale to zero", "undecided", [undecided, check({ verdict: "void", reason: "no effect" })]),
    { type: "notApplicable", atUs: 0, scenario: "consistent hashing", reason: "needs 3 ready pods" },
  );
  const xml = renderJunit(log);
  expect(XMLValidator.validate(xml)).toBe(true);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "",
    isArray: (name) => ["testsuite", "testcase"].includes(name),
  });
  type Case = { name: string; failure?: { message: string; type: string }; error?: object; skipped?: object };
  type Parsed = {
    testsuites: {
      tests: string;
      failures: string;
      errors: string;
      skipped: string;
      testsuite: { name: string; testcase: Case[] }[];
    };
  };
  const { testsuites } = parser.parse(xml) as Parsed;
  expect([testsuites.tests, testsuites.failures, testsuites.errors, testsuites.skipped]).toEqual([
    "6",
    "3",
    "1",
    "1",
  ]);
  const [first, second, third] = testsuites.testsuite;
  expect(first!.testcase[0]!.failure).toMatchObject({ type: "fail" });
  expect(first!.testcase[0]!.failure!.message).toContain("no Deployment test-api-small");
  expect(first!.testcase[2]!.name).toBe('a "b" <c> & d');
  expect(second!.testcase[0]!.failure!.type).toBe("undecided");
  expect(second!.testcase[1]!.error).toBeDefined();
  expect(third!.testcase[0]!.skipped).toMatchObject({ message: "not applicable: needs 3 ready pods" });
});

test.each([
  [{ measured: 11.4, unit: "s" }, "11.4 s"],
  [{ measured: 100, unit: "%" }, "100 %"],
  [{ measured: 5, unit: "pods" }, "5"],
  [{ measured: 0, unit: "requests", of: 21 }, "0 of 21"],
  [{ measured: null, unit: "s" }, "–"],
  [{ measured: "none in 90 s", unit: "s" }, "none in 90 s"],
])("measuredWords(%j) is %s", (given, words) => expect(measuredWords(given)).toBe(words));

describe("progress", () => {
  const events: readonly RunEvent[] = [
    { type: "scenario", atUs: 0, scenario: "scale from zero", attempt: 1, what: "started" },
    {
      type: "scenario",
      atUs: 12e6,
      scenario: "scale from zero",
      attempt: 1,
      what: "step",
      step: "wake",
      values: { baseUs: 13e6, endUs: 43e6 },
    },
    {
      type: "decision",
      atUs: 20e6,
      by: "keda",
      object: "o",
      tier: "small",
      target: "t",
      from: 0,
      to: 1,
      wrote: true,
      desired: 1,
      reason: "ScalerActive",
      metrics: [],
      conditions: {},
    },
    {
      type: "endpoints",
      atUs: 22e6,
      service: "s",
      tier: "small",
      version: 1,
      ready: [{ pod: "p", address: "a" }],
    },
    verdict("scale from zero", "pass", [check({})], { atUs: 43e6 }),
  ];
  const shown = (isTTY: boolean): string[] => {
    const texts: string[] = [];
    const screen = { write: (text: string) => void texts.push(text), isTTY, columns: 100 };
    const progress = new Progress(screen, {
      heading: "limpet test",
      speed: 20,
      scenarios: ["scale from zero", "scale to zero"],
    });
    for (const event of events) progress.event(event, 1);
    progress.end();
    return texts;
  };

  test("is a plain line for each thing that happens where there is no terminal", () => {
    expect(shown(false).join("")).toBe(
      [
        "limpet test",
        "  0:00  scale from zero  begins",
        "  0:12  scale from zero  wake",
        "  0:20  small  0 → 1   KEDA: ScalerActive",
        "  0:43  scale from zero  pass   first response 11.4 s",
        "",
      ].join("\n"),
    );
  });

  test("is one block on a terminal, which redraws in place and goes in the end", () => {
    const texts = shown(true);
    expect(texts[0]).not.toContain("\u001B[3A");
    const redraws = texts.slice(1);
    expect(redraws.every((text) => text.startsWith("\u001B[3A"))).toBe(true);
    expect(texts.join("")).toContain(
      "scale from zero  ▸  small ●   0 tenants · 0 answered · 0 moved   0:09 of 0:30",
    );
    expect(texts.at(-2)).toContain("scale from zero  ✓  first response 11.4 s");
    expect(texts.at(-2)).toContain("scale to zero    ·  waiting");
    expect(texts.at(-1)).toBe(`\u001B[3A${"\u001B[2K\n".repeat(3)}\u001B[3A`);
  });
});
