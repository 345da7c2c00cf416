/** `limpet lint` and `limpet explain`, through the real entry point. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fixture, inRepository, limpet } from "./kit.ts";

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

test("a folder that is not there, and a code that is not: exit 2, no stack trace", async () => {
  const missing = await limpet(["lint", "nowhere"]);
  expect(missing).toMatchObject({ code: 2 });
  const unknown = await limpet(["explain", "LIMPET-R999"]);
  expect(unknown).toMatchObject({ code: 2 });
  for (const { stderr } of [missing, unknown]) expect(stderr).not.toMatch(/\n\s+at /);
});
