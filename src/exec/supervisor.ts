/**
 * Starts and ends other programs. Each gets a process group of its own, so that ending it ends what it started too; a
 * guardian process sees to it that nothing outlives the run, not even after a SIGKILL of limpet.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { execPath, kill, pid as ownPid } from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { realUnixMs } from "../clock/real-time.ts";

/** Lines longer than this are cut: a program's output must not fill our memory. */
const MAX_LINE_LENGTH = 1 << 20;

export type ProgramSpec = {
  /** For messages. */
  readonly name: string;
  /** The program and its arguments; never a shell string. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly onStdoutLine?: (line: string) => void;
  readonly onStderrLine?: (line: string) => void;
};

export type Exit = { readonly code: number | null; readonly signal: string | null; readonly error?: string };

export interface Program {
  readonly name: string;
  readonly pid: number | undefined;
  readonly exited: Promise<Exit>;
  /** One line to its standard input; silently dropped once it has gone. */
  writeLine(line: string): void;
  /** Signals its whole process group. */
  signal(signal: "SIGTERM" | "SIGKILL"): void;
}

/** Where the bundled programs of this package are: `dist/`. This file is in one of its folders, whole or bundled into another. */
export const programPath = (name: string): string => {
  const here = fileURLToPath(import.meta.url);
  const dist = here.includes("/src/exec/")
    ? here.replace(/src\/exec\/[^/]+$/, "dist/")
    : here.replace(/[^/]+\/[^/]+$/, "");
  return `${dist}${name}/main.js`;
};

/** Argv of one of the package's own programs. A small young generation: dozens of these run side by side. */
export const ownProgram = (name: string): [string, ...string[]] => [
  execPath,
  "--max-semi-space-size=1",
  "--max-old-space-size=256",
  programPath(name),
];

/** Several may live in one process (a library's user): each marks its own. */
let supervisors = 0;

export class Supervisor implements AsyncDisposable {
  readonly runId: string;
  readonly #guardian: ChildProcess;
  readonly #running = new Set<Program>();

  constructor(hostEnv: Readonly<Record<string, string | undefined>>) {
    this.runId = `${realUnixMs().toString(36)}-${ownPid}-${++supervisors}`;
    this.#guardian = spawn(execPath, ["--max-semi-space-size=1", programPath("exec/guardian"), this.runId], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: hostEnv["PATH"] ?? "" },
    });
    this.#guardian.stdin?.on("error", () => {});
    this.#guardian.unref();
    // A pipe keeps the event loop alive like a socket does; the guardian must not keep limpet from ending.
    (this.#guardian.stdin as unknown as { unref?: () => void }).unref?.();
  }

  get guardianPid(): number | undefined {
    return this.#guardian.pid;
  }

  /** Process ids of what belongs to the run now: limpet, the guardian, the programs. */
  pids(): number[] {
    return [ownPid, this.#guardian.pid, ...[...this.#running].map((program) => program.pid)].filter(
      (pid) => pid !== undefined,
    );
  }

  removeAtEnd(folder: string): void {
    this.#tell(`rm ${folder}`);
  }

  start(spec: ProgramSpec): Program {
    const [file, ...args] = spec.command;
    const child = spawn(file, args, {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...spec.env, LIMPET_RUN: this.runId },
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    });
    if (child.pid !== undefined) this.#tell(`+${child.pid}`);
    child.stdin.on("error", () => {});
    readLines(child.stdout, spec.onStdoutLine);
    readLines(child.stderr, spec.onStderrLine);
    const exited = new Promise<Exit>((resolve) => {
      child.once("error", (error) => resolve({ code: null, signal: null, error: error.message }));
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    const program: Program = {
      name: spec.name,
      pid: child.pid,
      exited,
      writeLine: (line) => void (child.stdin.writable && child.stdin.write(`${line}\n`)),
      signal: (signal) => signalGroup(child.pid, signal),
    };
    this.#running.add(program);
    void exited.then(() => {
      this.#running.delete(program);
      // The group may outlive its leader (a user's script that started another program): end the rest too.
      signalGroup(child.pid, "SIGKILL");
      if (child.pid !== undefined) this.#tell(`-${child.pid}`);
    });
    return program;
  }

  /** Ends everything: gently, then by force. */
  async stop(gentleMs = 1_000): Promise<void> {
    const running = [...this.#running];
    for (const program of running) program.signal("SIGTERM");
    const all = Promise.all(running.map((program) => program.exited));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, gentleMs)));
    await Promise.race([all, patience]);
    clearTimeout(timer);
    for (const program of this.#running) program.signal("SIGKILL");
    await all;
    const guardianGone = new Promise((resolve) => this.#guardian.once("exit", resolve));
    this.#guardian.ref();
    this.#guardian.stdin?.end();
    if (this.#guardian.exitCode === null && this.#guardian.pid !== undefined) await guardianGone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #tell(line: string): void {
    this.#guardian.stdin?.write(`${line}\n`);
  }
}

function signalGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    kill(-pid, signal);
  } catch {
    // Already gone.
  }
}

function readLines(stream: NodeJS.ReadableStream, onLine: ((line: string) => void) | undefined): void {
  if (!onLine) {
    stream.resume();
    return;
  }
  createInterface({ input: stream }).on("line", (line) => onLine(line.slice(0, MAX_LINE_LENGTH)));
}
