/** One program, run to its end: what it said and how it ended. For tools that are asked or told something and return. */
import { type Clock, secondsToUs } from "../clock/clock.ts";
import type { Supervisor } from "./supervisor.ts";

export type Command = {
  readonly program: string;
  /** Never a shell string. */
  readonly args: readonly string[];
  /** Beside the environment that the runner was made with. */
  readonly env?: Readonly<Record<string, string>>;
};

export type Outcome = {
  /** `not found`: there is no such program. `timed out`, `interrupted`: it was ended from here. */
  readonly ended: "by itself" | "timed out" | "interrupted" | "not found";
  /** Its exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunCommand = (command: Command, timeoutSeconds: number) => Promise<Outcome>;

/** How long a program that was told to end may take before it is made to. */
const GENTLE_SECONDS = 5;

export type CommandRunner = {
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly interrupted: AbortSignal;
};

/** A program that takes too long, or is interrupted, is ended with all that it started: gently, then by force. */
export function commandRunner({ supervisor, clock, env, cwd, interrupted }: CommandRunner): RunCommand {
  const inherited = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return async (command, timeoutSeconds) => {
    const stdout: string[] = [];
    const stderr: string[] = [];
    const program = supervisor.start({
      name: command.program,
      command: [command.program, ...command.args],
      env: { ...inherited, ...command.env },
      cwd,
      onStdoutLine: (line) => void stdout.push(line),
      onStderrLine: (line) => void stderr.push(line),
    });
    let ended: Outcome["ended"] = "by itself";
    const end = (why: "timed out" | "interrupted"): void => {
      ended = why;
      program.signal("SIGTERM");
      force = clock.at(clock.nowUs() + secondsToUs(GENTLE_SECONDS), () => program.signal("SIGKILL"));
    };
    const limit = clock.at(clock.nowUs() + secondsToUs(timeoutSeconds), () => end("timed out"));
    let force = limit;
    const interrupt = (): void => end("interrupted");
    if (interrupted.aborted) interrupt();
    else interrupted.addEventListener("abort", interrupt);
    const { code, error } = await program.exited;
    interrupted.removeEventListener("abort", interrupt);
    limit.cancel();
    force.cancel();
    const missing = error?.includes("ENOENT") === true;
    return {
      ended: missing ? "not found" : ended,
      code,
      stdout: text(stdout),
      stderr: error !== undefined && !missing ? error : text(stderr),
    };
  };
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
