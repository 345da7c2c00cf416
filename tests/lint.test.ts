/** `limpet lint` and `limpet explain`, through the real entry point. */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyFolder, fixture, inRepository, limpet } from "./kit.ts";

type Found = { readonly code: string; readonly file: string; readonly line: number };

test("the original's manifests: exit 1, each finding with its line", async () => {
  const { code, stdout } = await limpet(["lint", fixture("original"), "--format", "json"]);
  expect(code).toBe(1);
  const { schemaVersion, findings } = JSON.parse(stdout) as { schemaVersion: number; findings: Found[] };
  expect(schemaVersion).toBe(1);
  const kind = findings.find((finding) => finding.code === "LIMPET-K101");
  expect(kind?.file).toMatch(/keda-scaler\.yaml$/);
  expect(findings.map((finding) => finding.code)).toEqual(
    expect.arrayContaining(["LIMPET-R101", "LIMPET-L104"]),
  );
  expect(findings.every(({ line }) => line >= 1)).toBe(true);
});

test("ours: nothing found, exit 0", async () => {
  expect(await limpet(["lint", inRepository("k8s/test-topology")])).toMatchObject({ code: 0 });
});

test("a rendered stream on standard input", async () => {
  const stdin = readFileSync(fixture("ledger/rendered.yaml"), "utf8");
  expect(await limpet(["lint", "-"], { stdin })).toMatchObject({ code: 0 });
});

test("--fail-on decides what fails", async () => {
  expect(await limpet(["lint", fixture("shop"), "--fail-on", "info"])).toMatchObject({ code: 1 });
});

test("--fix: --dry-run prints the difference, --fix writes it and says so, and once is enough", async () => {
  const cwd = emptyFolder();
  cpSync(fixture("original"), cwd, { recursive: true });
  const keda = () => readFileSync(join(cwd, "keda-scaler.yaml"), "utf8");
  const before = keda();
  const dry = await limpet(["lint", "--fix", "--dry-run"], { cwd });
  expect(dry.stdout).toMatch(/^\+ +kind: StatefulSet$/m);
  expect(dry.stdout).toMatch(/^- +metricName: test_active_tenants$/m);
  expect(keda()).toBe(before);
  const done = await limpet(["lint", "--fix"], { cwd });
  expect(done.stdout).toMatch(/^ {2}keda-scaler\.yaml:\d+:\d+ {2}LIMPET-K101 {2}added kind: StatefulSet$/m);
  expect(done).toMatchObject({ code: 1, stderr: "" });
  const after = keda();
  expect(after).toMatch(/kind: StatefulSet/);
  const again = await limpet(["lint", "--fix"], { cwd });
  expect(again.stdout).toMatch(/^nothing that --fix may change$/m);
  expect(keda()).toBe(after);
});

test.each([
  ["--fix on standard input", ["-", "--fix"], /--fix changes files, and standard input is none/],
  ["--dry-run alone", [".", "--dry-run"], /--dry-run is for --fix/],
  ["--dry-run as JSON", [".", "--fix", "--dry-run", "--format", "json"], /leave --format json out/],
])("%s: exit 2", async (_what, args, words) => {
  const { code, stderr } = await limpet(["lint", ...args], { stdin: "" });
  expect(code).toBe(2);
  expect(stderr).toMatch(words);
});

test("--show: the fault fails, the mended one passes, with numbers", async () => {
  const { code, stdout } = await limpet(["lint", "--show", "k101"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^LIMPET-K101: /);
  expect(stdout).toMatch(
    /^wrong +ScaledObject test-api-small-scaler: spec\.scaleTargetRef\.kind is left out$/m,
  );
  expect(stdout).toMatch(/^first response +< 20 s +nothing fail +\d+(\.\d+)? s pass$/m);
  expect(stdout).toMatch(
    /^because +ScaledObject test-api-small-scaler is not Ready: ScaledObjectCheckFailed/m,
  );
});

test("--show of what no run shows says why; of no rule, and with a path: exit 2", async () => {
  const { code, stdout } = await limpet(["lint", "--show", "S101"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Not shown: /m);
  expect(await limpet(["lint", "--show", "K999"])).toMatchObject({ code: 2, stdout: "" });
  expect(await limpet(["lint", ".", "--show", "K101"])).toMatchObject({ code: 2, stdout: "" });
});

test("a folder that is not there, and a code that is not: exit 2, no stack trace", async () => {
  const missing = await limpet(["lint", "nowhere"]);
  expect(missing).toMatchObject({ code: 2 });
  const unknown = await limpet(["explain", "LIMPET-R999"]);
  expect(unknown).toMatchObject({ code: 2 });
  for (const { stderr } of [missing, unknown]) expect(stderr).not.toMatch(/\n\s+at /);
});
