import { execPath } from "node:process";
import { mkdtempSync, existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pssBytes } from "./memory.ts";
import { Supervisor, programPath } from "./supervisor.ts";

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function eventually(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(holds()).toBe(true);
}

/** A program that starts another one, deaf to SIGTERM, tells its pid and stays. */
const PARENT = `
  const { spawn } = require("node:child_process");
  const child = spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: "ignore" });
  console.log(child.pid);
  setInterval(() => {}, 1000);
`;

test("stop() ends a program and what it started, deaf or not", async () => {
  const supervisor = new Supervisor(process.env);
  const pids: number[] = [];
  const program = supervisor.start({
    name: "parent",
    command: [execPath, "-e", PARENT],
    env: {},
    onStdoutLine: (line) => void pids.push(Number(line)),
  });
  await eventually(() => pids.length === 1);
  expect(await pssBytes([program.pid!])).toBeGreaterThan(1e6);
  await supervisor.stop(200);
  await eventually(() => !alive(pids[0]!) && !alive(program.pid!));
  expect(alive(supervisor.guardianPid!)).toBe(false);
});

test("a program that cannot be started says so instead of throwing", async () => {
  await using supervisor = new Supervisor(process.env);
  const exit = await supervisor.start({ name: "none", command: ["/no/such/program"], env: {} }).exited;
  expect(exit.error).toContain("ENOENT");
});

test("the guardian ends everything when limpet is killed by SIGKILL, announced or not", async () => {
  await using supervisor = new Supervisor(process.env);
  const folder = mkdtempSync(join(tmpdir(), "limpet-test-"));
  writeFileSync(join(folder, "file"), "x");
  const said: string[] = [];
  // A stand-in for limpet: it starts a guardian, announces one program, keeps another to itself, and waits.
  const limpet = `
    const { spawn } = require("node:child_process");
    const guardian = spawn(process.execPath, [${JSON.stringify(programPath("exec/guardian"))}, "test-inner"], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    const start = () => spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore", env: { LIMPET_RUN: "test-inner" } });
    const announced = start();
    guardian.stdin.write("+" + announced.pid + "\\nrm " + ${JSON.stringify(folder)} + "\\n");
    const silent = start();
    setTimeout(() => console.log([guardian.pid, announced.pid, silent.pid].join(" ")), 200);
    setInterval(() => {}, 1000);
  `;
  const program = supervisor.start({
    name: "limpet",
    command: [execPath, "-e", limpet],
    env: {},
    onStdoutLine: (line) => void said.push(line),
  });
  await eventually(() => said.length === 1);
  const pids = said[0]!.split(" ").map(Number);
  expect(pids.every(alive)).toBe(true);
  process.kill(program.pid!, "SIGKILL");
  await eventually(() => !pids.some(alive));
  expect(existsSync(folder)).toBe(false);
});
