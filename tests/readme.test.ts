/**
 * Each command that README.md shows as a shell block, run as it stands. Only the installation and the test command itself
 * are not run from here: `.ci/run` runs `npm ci` and `npm run check`, which ends in `npm test`.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { checkOf } from "../src/scenarios/checks/index.ts";
import { loadScenarios } from "../src/scenarios/load.ts";
import { loadTopology } from "../src/topology/load.ts";
import { codeBlocks } from "./markdown.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(`${root}/${path}`, "utf8");
const readme = read("README.md");
const commands = codeBlocks(readme, "sh").flatMap((block) => block.trim().split("\n"));
const quoted = codeBlocks(readme, "text");
const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;

const withoutComment = (command: string): string => command.replace(/\s+#.*$/, "");

type Ran = { readonly code: number | null; readonly stdout: string; readonly all: string };

async function shell(command: string): Promise<Ran> {
  const child = spawn("bash", ["-o", "pipefail", "-c", command], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let all = "";
  child.stdout.on("data", (chunk) => ((stdout += String(chunk)), (all += String(chunk))));
  child.stderr.on("data", (chunk) => (all += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, all };
}

const ATTEMPTS = 3;

/** As `shell()`; once more where limpet says that the machine was too busy for an answer. */
async function limpet(command: string): Promise<Ran> {
  for (let attempt = 1; ; attempt++) {
    const ran = await shell(command);
    if (attempt === ATTEMPTS || !ran.all.includes("This machine was too busy")) return ran;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Lines that `text` has in common with what README.md quotes, spaces aside. */
const squeezed = (text: string): string[] =>
  text.split("\n").map((line) => line.trim().replaceAll(/\s+/g, " "));

const installing = commands.filter((command) => command.startsWith("npm ci"));
const byHand = commands.filter((command) => command.startsWith("curl") || command === "npx limpet up");
const oneByOne = commands.filter((command) => !installing.includes(command) && !byHand.includes(command));

test("npm ci, npm start and npm test are what CI and package.json run", () => {
  expect(installing.map(withoutComment)).toEqual(["npm ci && npm start", "npm ci && npm test"]);
  const ci = read(".ci/run").split("\n");
  expect(ci).toEqual(expect.arrayContaining(["npm ci", "npm run check"]));
  expect(scripts["check"]).toMatch(/&& npm test$/);
  expect(scripts["start"]).toBe("node bin/limpet.js test");
});

test("npm start, with one of its tests", async () => {
  const { code, stdout, all } = await limpet('npm start -- "scale from zero" --seed 7');
  expect({ code, all }).toMatchObject({ code: 0 });
  expect(stdout).toContain("1 of 1 test passes");
});

test("the table that npm start gives has the rows that README.md shows", async () => {
  const { plans } = await loadScenarios([], await loadTopology({ path: `${root}/k8s/test-topology` }));
  const rows = plans.flatMap(({ checks }) => checks.map(({ name, check }) => name ?? checkOf(check).title));
  const [head = "", ...table] = (quoted[0] ?? "").split("\n");
  const measures = table
    .slice(0, table.indexOf(""))
    .map((line) => line.slice(head.indexOf("measure "), head.indexOf("expected")).trim());
  expect(measures).toEqual(rows);
  expect(quoted[0]).toContain(`${plans.length} of ${plans.length} tests pass`);
});

describe("one by one", () => {
  test.each(oneByOne.map((command) => [withoutComment(command), command]))("%s", async (command, written) => {
    const wanted = Number(/# exit (\d+)/.exec(written)?.[1] ?? 0);
    const { code, stdout, all } = await limpet(command);
    expect({ code, all }).toMatchObject({ code: wanted });
    if (command === "npx limpet") expect(stdout.trim()).toBe(quoted.at(-1)?.trim());
    if (command.includes("--reporter json")) expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1 });
    if (wanted !== 1) return;
    // Of the quoted failure: the cause and the remedy, word for word.
    const causes = new Set(squeezed(quoted[1]!).filter((line) => /is not Ready:|add kind:/.test(line)));
    expect(causes.size).toBe(2);
    expect(squeezed(stdout)).toEqual(expect.arrayContaining([...causes]));
  });
});

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

// In CI nothing may be skipped: without curl these then fail.
describe.skipIf(!hasCurl && process.env["CI"] === undefined)(
  `by hand${hasCurl ? "" : " (skipped: curl is not installed)"}`,
  () => {
    let up: ChildProcess | null = null;
    afterAll(() => up?.kill("SIGTERM"));

    test("limpet up, the curl commands, Ctrl-C", async () => {
      expect(byHand[0]).toBe("npx limpet up");
      const gateway = await freePort();
      const prometheus = await freePort();
      const args = [
        "bin/limpet.js",
        "up",
        "--port",
        String(gateway),
        "--prometheus-port",
        String(prometheus),
      ];
      const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
      up = child;
      const exited = once(child, "close") as Promise<[number | null]>;
      let said = "";
      await new Promise<void>((resolve) => {
        child.stdout.on("data", (chunk) => {
          said += String(chunk);
          if (said.includes("Ctrl-C stops everything.")) resolve();
        });
        void exited.then(() => resolve());
      });
      expect(said).toContain(`http://127.0.0.1:${gateway}`);
      for (const written of byHand.slice(1)) {
        const command = written
          .replaceAll("localhost:8080", `localhost:${gateway}`)
          .replaceAll("localhost:9090", `localhost:${prometheus}`);
        const { code, stdout, all } = await shell(command);
        expect({ command, code, all }).toMatchObject({ code: 0 });
        if (command.includes("/request")) expect(JSON.parse(stdout)).toMatchObject({ tenant_id: "tenant-x" });
        if (command.includes("/simulate/")) expect(JSON.parse(stdout)).toMatchObject({ requests: 5 });
        if (command.includes("/api/v1/")) expect(JSON.parse(stdout)).toMatchObject({ status: "success" });
      }
      child.kill("SIGINT");
      expect((await exited)[0]).toBe(130);
      up = null;
    });
  },
);

test("the library example", async () => {
  const [example] = codeBlocks(readme, "js");
  const child = spawn(process.execPath, ["--input-type=module", "--eval", example!], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => (said += String(chunk)));
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  const [code] = (await once(child, "close")) as [number | null];
  expect({ code, said }).toMatchObject({ code: 0 });
  expect(said).toContain("tier: 'small'");
});
