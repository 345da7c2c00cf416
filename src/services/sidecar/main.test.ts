/** The sidecar as the program that the local engine starts: bundled, spoken to over its pipes. */
import { build } from "esbuild";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startWallClock } from "../../clock/wall-clock.ts";
import type { SidecarOrder, SidecarReport } from "./protocol.ts";
import { HOST, pod, route } from "./test-kit.ts";

let folder = "";
let file = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limpet-sidecar-"));
  file = join(folder, "sidecar.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("main.ts", import.meta.url))],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // undici is CommonJS and asks for Node's own modules with `require`.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function launch() {
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...startWallClock(20).env() },
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const reports = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return {
    child,
    exit,
    errors: () => errors,
    send: (order: SidecarOrder) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    report: async () => JSON.parse((await reports.next()).value as string) as SidecarReport,
  };
}

const startOrder: SidecarOrder = {
  type: "start",
  seed: 1,
  listeners: [{ route: route(), bindAddress: "127.0.0.1", bindPort: 0 }],
  dns: null,
  headless: [],
};

test("takes orders, reports exchanges, ends when its standard input closes", async () => {
  const one = await pod(0);
  const program = launch();
  program.send({ type: "endpoints", service: HOST, version: 3, endpoints: [one.endpoint] });
  program.send(startOrder);
  const started = await program.report();
  if (started.type !== "started") throw new Error(program.errors());
  const url = `http://127.0.0.1:${started.listeners[0]!.bindPort}/`;
  const answer = await fetch(url, { headers: { "x-tenant-id": "a" } });
  expect(await answer.text()).toBe("api-0");
  // Limits without a number went through JSON as null and still do not limit.
  expect(answer.status).toBe(200);
  expect(await program.report()).toMatchObject({
    type: "access",
    pod: "api-0",
    endpointsVersion: 3,
    flags: "-",
  });
  program.child.stdin.end();
  expect([await program.exit, program.errors()]).toEqual([0, ""]);
  one.close();
});

test("SIGTERM drains: the request in progress is answered, then it exits with 0", async () => {
  let answer = (): void => {};
  const slow = await pod(0, (_, response) => void (answer = () => response.end("late")));
  const arrived = new Promise((resolve) => slow.server.once("request", resolve));
  const program = launch();
  program.send(startOrder);
  program.send({ type: "endpoints", service: HOST, version: 1, endpoints: [slow.endpoint] });
  const started = await program.report();
  if (started.type !== "started") throw new Error(program.errors());
  const response = fetch(`http://127.0.0.1:${started.listeners[0]!.bindPort}/`);
  await arrived;
  program.child.kill("SIGTERM");
  setTimeout(() => answer(), 100);
  expect(await (await response).text()).toBe("late");
  expect(await program.exit).toBe(0);
  slow.close();
});

test("an order that is none ends it with one line and code 1", async () => {
  const program = launch();
  program.child.stdin.write('{"type":"dance"}\n');
  expect(await program.exit).toBe(1);
  expect(program.errors()).toBe("sidecar: Cannot read an order: type must be start or endpoints\n");
});
