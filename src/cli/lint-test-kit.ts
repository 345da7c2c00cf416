/** For tests: `limpet lint` by the command's own door, in a folder. */
import { run } from "./run.ts";

type Said = { readonly code: number; readonly out: string; readonly err: string };

export async function lint(cwd: string, args: readonly string[], stdin = ""): Promise<Said> {
  const said = { out: "", err: "" };
  const code = await run({
    args: ["lint", ...args],
    env: {},
    cwd,
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    readStdin: () => Promise.resolve(stdin),
    interrupted: new AbortController().signal,
    packageRoot: process.cwd(),
    now: () => new Date(0),
  });
  return { code, ...said };
}
