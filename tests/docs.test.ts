/** The documents, held against what they speak of. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { InputError } from "../src/errors.ts";
import { BUNDLED, loadScenarios, MORE } from "../src/scenarios/load.ts";
import { readConfig } from "../src/topology/config.ts";
import { Files } from "../src/topology/files.ts";
import { loadTopology } from "../src/topology/load.ts";
import { newBudget, Problems } from "../src/topology/problems.ts";
import type { LimpetConfig } from "../src/topology/types.ts";
import { codeBlocks } from "./markdown.ts";
import { scenarioTables } from "./scenario-tables.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "limpet-docs-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...(readdirSync(join(root, "docs"), { recursive: true }) as string[])
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

test.each(DOCUMENTS)("%s links only to what is there", (document) => {
  const links = [...read(document).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!);
  const local = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(local.filter((link) => !existsSync(join(root, dirname(document), link)))).toEqual([]);
});

// A path is what has a folder and an ending, or ends with a slash; what is planned is not written as a path.
test.each(DOCUMENTS)("%s names only files that are there", (document) => {
  const paths = [
    ...read(document).matchAll(/`((?:src|tests|docs|k8s|scenarios|scripts|bin|\.ci)\/[^`\s]*)`/g),
  ]
    .map((match) => match[1]!)
    .filter((path) => !/[*<>…{]/.test(path));
  expect([...new Set(paths)].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("docs/dependencies.md has one line for each dependency, and none for another", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
    "dependencies" | "devDependencies",
    Record<string, string>
  >;
  const [runtime = "", development = ""] = read("docs/dependencies.md").split("## Development");
  const named = (text: string): string[] =>
    [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
  expect(named(runtime).sort()).toEqual(Object.keys(dependencies).sort());
  expect(named(development).sort()).toEqual(Object.keys(devDependencies).sort());
});

test("docs/event-log.md has one line for each type of event", () => {
  const types = [...read("src/events/types.ts").matchAll(/readonly type: "([^"]+)"/g)].map(
    (match) => match[1]!,
  );
  const rows = [...read("docs/event-log.md").matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
  expect(rows.sort()).toEqual(types.sort());
});

// `npx vitest run --project program tests/docs.test.ts -u` writes them anew.
test("the tables of docs/scenarios.md are what the code reads", async () => {
  const marks = /(<!-- tables: begin -->\n)[^]*(<!-- tables: end -->)/;
  const current = read("docs/scenarios.md").replace(
    marks,
    (_, begin, end) => `${begin}${scenarioTables()}\n${end}`,
  );
  await expect(current).toMatchFileSnapshot(join(root, "docs/scenarios.md"));
});

test("the scenario of docs/scenarios.md works out for the test topology", async () => {
  const [example] = codeBlocks(read("docs/scenarios.md"), "yaml");
  const file = join(scratch, "example.yaml");
  writeFileSync(file, example!);
  const topology = await loadTopology({ path: join(root, "k8s/test-topology") });
  const { plans, notApplicable } = await loadScenarios([file], topology);
  expect([plans.length, notApplicable.length]).toEqual([1, 0]);
});

describe("limpet.yaml", () => {
  async function configOf(text: string): Promise<LimpetConfig> {
    const file = join(scratch, "limpet.yaml");
    writeFileSync(file, text);
    const problems = new Problems("");
    const { config } = await readConfig(file, new Files(scratch, problems, newBudget()), problems);
    problems.throwIfAny();
    return config;
  }

  test.each(["README.md", "docs/limpet-yaml.md"])("%s's example is one", async (document) => {
    const [example] = codeBlocks(read(document), "yaml");
    const config = await configOf(example!);
    expect(config.activeTenants?.metric).toMatch(/^\w+$/);
  });

  const places = [
    ["the top", "zzz: 1"],
    ["a tier", "tiers: {a: {workload: w, zzz: 1}}"],
    ["a program", "programs: {a: {command: [c], zzz: 1}}"],
    ["request", "request: {zzz: 1}"],
    ["activeTenants", "activeTenants: {metric: m, zzz: 1}"],
    ["versions", "versions: {zzz: 1}"],
  ] as const;

  test.each(places)("docs/limpet-yaml.md's example has every field of %s", async (_, text) => {
    const refused = await configOf(text).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InputError);
    const fields = /Fields of [^:]+: (.*)$/m
      .exec((refused as InputError).problems.join("\n"))?.[1]
      ?.split(", ");
    const [example] = codeBlocks(read("docs/limpet-yaml.md"), "yaml");
    expect(fields?.length).toBeGreaterThan(1);
    expect(fields?.filter((field) => !new RegExp(`^\\s*${field}:`, "m").test(example!))).toEqual([]);
  });
});

test("docs/parity.md has every scenario, and none that differs", async () => {
  const topology = await loadTopology({ path: join(root, "k8s/test-topology") });
  const { plans } = await loadScenarios([...BUNDLED, ...MORE], topology);
  const rows = read("docs/parity.md")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const named = rows.map((cells) => cells[1]!).filter((name) => !["", "scenario", "---"].includes(name));
  expect(named.sort()).toEqual(plans.map(({ name }) => name).sort());
  expect(rows.filter((cells) => cells.includes("**differ**"))).toEqual([]);
});

test("docs/checklist.md has the 117 lines, each with where it stands", () => {
  const rows = [...read("docs/checklist.md").matchAll(/^\| (\d+) \|(.*)\|(.*)\|$/gm)];
  expect(rows.map((row) => Number(row[1]))).toEqual(Array.from({ length: 117 }, (_, i) => i + 1));
  expect(rows.filter((row) => row[3]!.trim() === "").map((row) => row[1])).toEqual([]);
});
