import { InputError } from "../../errors.ts";
import type { Env } from "./env.ts";
import { createLog, type Log } from "./log.ts";

/** What a program of a pod needs of its process: `main.ts` hands in the real one, a test its own. */
export type Host = {
  readonly env: Env;
  readonly writeOut: (line: string) => void;
  readonly writeErr: (line: string) => void;
  readonly onTerminate: (listener: () => void) => void;
  readonly exit: (code: number) => void;
};

export type Program = {
  listen(): Promise<{ readonly address: string; readonly port: number }>;
  /** Answers how many requests had to be cut off. */
  drain(): Promise<number>;
};

/**
 * Runs a service until SIGTERM or SIGINT: prints `{"type":"listening","address","port"}` on standard output when it
 * listens, drains when it is told to end. Exit codes: 0 drained · 1 requests were cut off, or a failure of ours · 2 a setting
 * that cannot be read · 3 the address cannot be bound.
 */
export async function runProgram(host: Host, create: (env: Env, log: Log) => Program): Promise<void> {
  const log = createLog(host.writeErr);
  let program: Program;
  try {
    program = create(host.env, log);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const problem of error.problems) log("error", problem);
    return host.exit(2);
  }
  let ending = false;
  host.onTerminate(() => {
    if (ending) return;
    ending = true;
    program.drain().then(
      (cutOff) => {
        if (cutOff > 0) log("warn", "the grace period passed with requests in progress", { cutOff });
        host.exit(cutOff > 0 ? 1 : 0);
      },
      (error: unknown) => {
        log("error", "draining failed", { detail: String(error) });
        host.exit(1);
      },
    );
  });
  try {
    const bound = await program.listen();
    host.writeOut(JSON.stringify({ type: "listening", ...bound }));
  } catch (error) {
    log("error", "cannot listen", { detail: error instanceof Error ? error.message : String(error) });
    host.exit(3);
  }
}

/** The real process, as `main.ts` hands it in. */
export const processHost = (real: NodeJS.Process): Host => ({
  env: real.env,
  writeOut: (line) => void real.stdout.write(`${line}\n`),
  writeErr: (line) => void real.stderr.write(`${line}\n`),
  onTerminate: (listener) => {
    real.on("SIGTERM", listener);
    real.on("SIGINT", listener);
  },
  exit: (code) => real.exit(code),
});
