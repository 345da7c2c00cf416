/**
 * The guardian of a run. It reads from its standard input which process groups and temporary folders belong to the run
 * (`+PID`, `-PID`, `rm PATH`, `bye`); when that pipe closes, for whatever reason, it ends what is left and removes them.
 * It is in a session of its own, so that neither Ctrl-C nor a SIGKILL of limpet reaches it.
 */
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";

const GENTLE_MS = 1_000;
const runId = process.argv[2] ?? "";
const groups = new Set<number>();
const folders = new Set<string>();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line.startsWith("+")) groups.add(Number(line.slice(1)));
    else if (line.startsWith("-")) groups.delete(Number(line.slice(1)));
    else if (line.startsWith("rm ")) folders.add(line.slice(3));
  })
  .on("close", () => void tidyUp());

async function tidyUp(): Promise<void> {
  for (const pid of strays()) groups.add(pid);
  let left = [...groups].filter((pid) => signal(pid, "SIGTERM"));
  const until = process.hrtime.bigint() + BigInt(GENTLE_MS) * 1_000_000n;
  while (left.length > 0 && process.hrtime.bigint() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    left = left.filter((pid) => signal(pid, 0));
  }
  for (const pid of [...left, ...strays()]) signal(pid, "SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}

/** Signals a whole process group; false when nothing of it is left. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, name);
      return true;
    } catch {
      // No such group: perhaps a process that is no group leader.
    }
  }
  return false;
}

/** Processes that were started but not announced before limpet died: they carry the run's id in their environment. */
function strays(): number[] {
  if (runId === "") return [];
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map(Number)
      .filter((pid) => !groups.has(pid) && environmentOf(pid).includes(`LIMPET_RUN=${runId}`));
  } catch {
    return []; // No /proc (macOS): what was announced is all that can be found.
  }
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch {
    return [];
  }
}
