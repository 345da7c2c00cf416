import { execPath } from "node:process";
import { afterAll, expect, test } from "vitest";
import { startWallClock } from "../clock/wall-clock.ts";
import { commandRunner } from "./run-command.ts";
import { Supervisor } from "./supervisor.ts";

const supervisor = new Supervisor(process.env);
afterAll(() => supervisor.stop());

function runner(interrupted = new AbortController()) {
  const env = { PATH: process.env["PATH"], GREETING: "hello" };
  const run = commandRunner({
    supervisor,
    clock: startWallClock(),
    env,
    cwd: "/",
    interrupted: interrupted.signal,
  });
  return (script: string, timeoutSeconds = 30) =>
    run({ program: execPath, args: ["-e", script], env: { OWN: "too" } }, timeoutSeconds);
}

test("says what a program wrote and how it ended", async () => {
  const script =
    "console.log(process.env.GREETING, process.env.OWN, process.cwd()); console.error('no'); process.exit(3)";
  expect(await runner()(script)).toEqual({
    ended: "by itself",
    code: 3,
    stdout: "hello too /\n",
    stderr: "no\n",
  });
});

test("a program that is not there is told apart from one that fails", async () => {
  const run = commandRunner({
    supervisor,
    clock: startWallClock(),
    env: {},
    cwd: "/",
    interrupted: new AbortController().signal,
  });
  expect(await run({ program: "no-such-program-anywhere", args: [] }, 5)).toMatchObject({
    ended: "not found",
  });
});

test("what takes too long is ended, and what it had said is kept", async () => {
  const ran = await runner()("console.log('begun'); setInterval(() => {}, 1000)", 1);
  expect(ran).toMatchObject({ ended: "timed out", code: null });
});

test("an interruption ends it", async () => {
  const interrupted = new AbortController();
  const running = runner(interrupted)("setInterval(() => {}, 1000)");
  interrupted.abort();
  expect(await running).toMatchObject({ ended: "interrupted" });
});
