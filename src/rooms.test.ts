/** The plan of the house, held: each room imports only rooms above it, and only a few files know the world outside. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** From top to bottom; rooms in one row may use each other. */
const TABLE = [
  ["errors.ts"],
  ["clock"],
  ["seed"],
  ["exec"],
  ["routing"],
  ["scaling"],
  ["workloads"],
  ["promql", "metrics"],
  ["topology"],
  ["cluster"],
  ["events"],
  ["controlplane"],
  ["services"],
  ["engines"],
  ["scenarios"],
  ["lint"],
  ["report", "dashboard"],
  ["index.ts", "cli"],
];

const src = dirname(fileURLToPath(import.meta.url));
const files = (readdirSync(src, { recursive: true }) as string[]).filter(
  (file) => file.endsWith(".ts") && !file.includes("fixtures"),
);
const roomOf = (file: string): string => file.split("/")[0]!;
const rowOf = (file: string): number => TABLE.findIndex((row) => row.includes(roomOf(file)));
const textOf = (file: string): string => readFileSync(join(src, file), "utf8");
const importsOf = (file: string): string[] =>
  [...textOf(file).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) =>
    relative(src, resolve(src, dirname(file), match[1]!)),
  );

const code = files.filter((file) => file !== "rooms.test.ts");

test("every file stands in a room of the table", () => {
  expect(code.filter((file) => rowOf(file) < 0)).toEqual([]);
});

test("a room imports only rooms above it", () => {
  const wrong = code.flatMap((file) =>
    importsOf(file)
      .filter((imported) => !imported.startsWith("..") && rowOf(imported) > rowOf(file))
      .map((imported) => `${file} imports ${imported}`),
  );
  expect(wrong).toEqual([]);
});

test("no engine imports another", () => {
  const engineOf = (file: string): string => file.split("/").slice(0, 2).join("/");
  const inEngine = (file: string): boolean => /^engines\/[^/]+\//.test(file);
  const wrong = code.filter(inEngine).flatMap((file) =>
    importsOf(file)
      .filter((imported) => inEngine(imported) && engineOf(imported) !== engineOf(file))
      .map((imported) => `${file} imports ${imported}`),
  );
  expect(wrong).toEqual([]);
});

/** What only tests import may reach for the real world: it judges ours against it. */
const forTests = (file: string): boolean => /\.test\.ts$|\/(testing|test-kit)\.ts$|\/judge\//.test(file);
const own = code.filter((file) => !forTests(file));
const outsideOf = (pattern: RegExp, allowed: (file: string) => boolean): string[] =>
  own.filter((file) => !allowed(file) && pattern.test(textOf(file)));

test.each([
  [
    "reads the time",
    /Date\.now\(|new Date\(\)|performance\.now\(|hrtime/,
    (file: string) => file.startsWith("clock/") || file.startsWith("cli/") || file.endsWith("main.ts"),
  ],
  ["makes chance", /Math\.random\(|randomUUID|randomBytes/, (file: string) => file.startsWith("seed/")],
  ["spawns programs", /node:child_process/, (file: string) => file.startsWith("exec/")],
  [
    "knows the process",
    /process\.(env|exit|argv|stdin|stdout)/,
    (file: string) => file.startsWith("cli/") || file.endsWith("main.ts"),
  ],
] as const)("nobody else %s", (_what, pattern, allowed) => {
  expect(outsideOf(pattern, allowed)).toEqual([]);
});
