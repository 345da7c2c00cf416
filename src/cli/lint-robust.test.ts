/** Whole folders with spoilt files, through the command: exit 0, 1 or 2, in clear words, whatever is in them. */
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { mutated, mutation } from "../lint/mutation-test-kit.ts";
import { EXIT } from "./host.ts";
import { lint } from "./lint-test-kit.ts";

const root = mkdtempSync(join(tmpdir(), "limpet-lint-folders-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const FOLDERS = ["k8s", "tests/fixtures"];
for (const folder of FOLDERS) cpSync(folder, join(root, folder), { recursive: true });

const TOPOLOGIES = [
  "k8s/test-topology",
  "tests/fixtures/original",
  "tests/fixtures/shop",
  "tests/fixtures/booking",
  "tests/fixtures/ledger",
  "tests/fixtures/faults/no-kind",
  "tests/fixtures/faults/headless-routing-service",
];

const yamlIn = (folder: string): string[] =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((name) => /\.ya?ml$/.test(name) && statSync(join(root, folder, name)).isFile())
    .map((name) => join(root, folder, name));

const FILES = TOPOLOGIES.flatMap((topology) => yamlIn(topology).map((file) => ({ topology, file })));
const AS_WRITTEN = new Map(FILES.map(({ file }) => [file, readFileSync(file, "utf8")]));

const allOf = (topology: string): string =>
  yamlIn(topology)
    .filter((file) => !/kustomization|limpet\.ya?ml$/.test(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n---\n");

test("spoilt files of whole topologies, as folders and as streams", async () => {
  const codes = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FILES),
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fc.constantFrom("text", "json", "sarif", "github"),
      fc.boolean(),
      async ({ topology, file }, changes, format, isStream) => {
        writeFileSync(file, changes.reduce(mutated, AS_WRITTEN.get(file)!));
        try {
          const { code, out, err } = isStream
            ? await lint(root, ["-", "--format", format], allOf(topology))
            : await lint(root, [topology, "--format", format]);
          codes.set(code, (codes.get(code) ?? 0) + 1);
          expect([EXIT.pass, EXIT.failed, EXIT.badInput]).toContain(code);
          expect(err).not.toMatch(/fault of limpet's own|\n\s+at |undefined|\[object/);
          expect(out).not.toMatch(/\bundefined\b|\[object|\bNaN\b/);
          if (code === EXIT.badInput) expect(err).toMatch(/^limpet: /);
          else expect(err).toBe("");
          if (code !== EXIT.badInput && (format === "json" || format === "sarif")) JSON.parse(out);
        } finally {
          writeFileSync(file, AS_WRITTEN.get(file)!);
        }
      },
    ),
    { numRuns: 120 },
  );
  for (const code of [EXIT.pass, EXIT.failed, EXIT.badInput]) expect(codes.get(code) ?? 0).toBeGreaterThan(3);
});
