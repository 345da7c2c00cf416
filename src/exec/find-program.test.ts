import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execPath } from "node:process";
import { afterAll, expect, test } from "vitest";
import { findProgram, versionText } from "./find-program.ts";

const folder = mkdtempSync(join(tmpdir(), "limpet-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const made = (path: string, mode: number): string => {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, "");
  chmodSync(file, mode);
  return file;
};

test("the first folder of PATH that has it as a program", () => {
  made("a/envoy", 0o644);
  mkdirSync(join(folder, "b", "envoy"), { recursive: true });
  const found = made("c/envoy", 0o755);
  made("d/envoy", 0o755);
  const path = ["a", "", "b", "missing", "c", "d"].map((name) => (name === "" ? "" : join(folder, name)));
  expect(findProgram("envoy", path.join(delimiter))).toBe(found);
  expect(findProgram("prometheus", path.join(delimiter))).toBeNull();
  expect(findProgram("envoy", undefined)).toBeNull();
});

test("what it says of its version; nothing where it cannot be run", async () => {
  expect(await versionText(execPath)).toMatch(/^v\d+/);
  expect(await versionText(join(folder, "a", "envoy"))).toBeNull();
  expect(await versionText(join(folder, "none"))).toBeNull();
});
