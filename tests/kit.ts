/** What whole-program tests share: limpet as a person starts it, in a folder of its own, and what it left there. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";
import { z } from "zod";
import { readRun } from "../src/events/reader.ts";
import type { RunEvent } from "../src/events/types.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
export const entryPoint = join(root, "bin", "limpet.js");

/** A file or folder of the repository, however deep the test's own folder is. */
export const inRepository = (path: string): string => join(root, path);
export const fixture = (path: string): string => join(root, "tests", "fixtures", path);

const folders: string[] = [];
const running = new Set<ChildProcess>();
// limpet's own guardian ends the rest when limpet is gone.
const endAll = (): void => {
  for (const child of running) child.kill("SIGKILL");
};
process.once("exit", endAll);
afterAll(() => {
  endAll();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** An empty folder that is gone after the file's tests. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "limpet-program-"));
  folders.push(folder);
  return folder;
}

export type Finished = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The folder it was called in, where `.limpet/` is. */
  readonly cwd: string;
  /** All that it said, for the message of a test that fails. */
  readonly said: string;
};

export type Started = {
  readonly pid: number;
  readonly cwd: string;
  readonly finished: Promise<Finished>;
  /** Resolves with the first line on either stream that matches, whether it has come already or not. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
};

export type Given = {
  /** Default: an empty folder. */
  readonly cwd?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts `limpet ARGS…` through the real entry point, as a process of its own. */
export function startLimpet(args: readonly string[], given: Given = {}): Started {
  const cwd = given.cwd ?? emptyFolder();
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LIMPET_")));
  const child = spawn(process.execPath, [entryPoint, ...args], {
    cwd,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...env, NO_COLOR: "1", ...given.env },
  });
  running.add(child);
  let stdout = "";
  let stderr = "";
  let over = false;
  const watchers = new Set<() => void>();
  const note = (): void => {
    for (const watch of watchers) watch();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    note();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    note();
  });
  child.stdin.on("error", () => {});
  child.stdin.end(given.stdin ?? "");
  const words = (): string => `$ limpet ${args.join(" ")}\n${stdout}${stderr}`;
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      running.delete(child);
      over = true;
      note();
      resolve({ code, stdout, stderr, cwd, said: words() });
    });
  });
  return {
    pid: child.pid!,
    cwd,
    finished,
    signal: (name) => void child.kill(name),
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const found = pattern.exec(stdout) ?? pattern.exec(stderr);
          if (!found && !over) return;
          watchers.delete(watch);
          if (found) resolve(found);
          else reject(new Error(`it ended and never said ${pattern}\n${words()}`));
        };
        watchers.add(watch);
        watch();
      }),
  };
}

export const limpet = (args: readonly string[], given?: Given): Promise<Finished> =>
  startLimpet(args, given).finished;

const check = z.object({
  name: z.string().min(1),
  measured: z.union([z.number(), z.string(), z.null()]),
  limit: z.string().min(1),
  unit: z.string(),
  samples: z.int().min(0),
  verdict: z.enum(["pass", "fail", "undecided", "void", "reported"]),
  reason: z.string(),
  remedy: z.string().min(1).optional(),
});

/** The document of `--reporter json`: what a program may count on. */
const document = z.object({
  schemaVersion: z.literal(1),
  engine: z.literal("local"),
  seed: z.int(),
  speed: z.number().positive(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  folder: z.string(),
  realSeconds: z.number().nullable(),
  pssBytesPeak: z.number().nullable(),
  scenarios: z.array(
    z.object({
      name: z.string().min(1),
      verdict: z.enum(["pass", "fail", "undecided", "void"]),
      attempts: z.array(z.object({ speed: z.number(), verdict: z.string(), counts: z.boolean() })).min(1),
      checks: z.array(check).min(1),
    }),
  ),
  notApplicable: z.array(z.object({ name: z.string(), reason: z.string().min(1) })),
});

export type ResultDocument = z.infer<typeof document>;
export type ResultScenario = ResultDocument["scenarios"][number];
export type ResultCheck = z.infer<typeof check>;

export type Tested = Finished & { readonly result: ResultDocument };

/** `limpet test … --reporter json`, with its one document read and its shape checked. */
export async function limpetTest(args: readonly string[], given?: Given): Promise<Tested> {
  const finished = await limpet(["test", ...args, "--reporter", "json"], given);
  expect([0, 1], finished.said).toContain(finished.code);
  return { ...finished, result: document.parse(JSON.parse(finished.stdout)) };
}

/** The one scenario of a run that was asked for one. */
export function onlyScenario({ result, said }: Tested): ResultScenario {
  expect(result.scenarios, said).toHaveLength(1);
  return result.scenarios[0]!;
}

export function checkNamed(scenario: ResultScenario, name: string): ResultCheck {
  const found = scenario.checks.find((one) => one.name === name);
  if (!found) throw new Error(`no check "${name}" in ${scenario.checks.map((one) => one.name).join(", ")}`);
  return found;
}

/** The events of a run, in the order of its log. */
export async function eventsOf(folder: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const { line } of readRun(folder)) if (line.type !== "header") events.push(line);
  return events;
}

export const ofType = <T extends RunEvent["type"]>(
  events: readonly RunEvent[],
  type: T,
): Extract<RunEvent, { readonly type: T }>[] =>
  events.filter((event): event is Extract<RunEvent, { readonly type: T }> => event.type === type);

/** Whether the system tells of other processes: without it nobody can look for what was left behind. */
export const hasProc = process.platform === "linux";

/** Processes of the runs that the limpet with this process id started: they and their guardian carry its id. */
export function processesOfRun(limpetPid: number): number[] {
  const inEnvironment = new RegExp(`(^|\\0)LIMPET_RUN=[a-z0-9]+-${limpetPid}-`);
  const inArguments = new RegExp(`guardian/main\\.js\\0[a-z0-9]+-${limpetPid}-`);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) =>
        inEnvironment.test(textOf(`/proc/${pid}/environ`)) ||
        inArguments.test(textOf(`/proc/${pid}/cmdline`)),
    );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // It ended while we looked.
  }
}

/** Looks every 50 ms until it holds; fails after the limit with what was seen last. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  holds: (seen: T) => boolean,
  limitMs = 10_000,
): Promise<T> {
  const untilMs = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > untilMs)
      throw new Error(`not so within ${limitMs} ms; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
