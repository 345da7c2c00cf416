// Programs of other people's for the tests: found on this machine, else made once and kept in a cache folder.
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

export const runs = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The first program of this name on PATH; null without one. */
export const onPath = (name) =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(runs) ?? null;

/**
 * Path of `program` inside the cache's folder `name`. Where it is not there, `make(folder)` brings it about in a folder of its own
 * first: a half-made one is never taken for a whole one. null where it could not.
 */
export function cachedProgram(name, program, make) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "limpet");
  const folder = join(cache, name);
  const file = join(folder, program);
  if (runs(file)) return file;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "making-"));
  try {
    if (make(fresh) && runs(join(fresh, program))) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(fresh, folder);
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return runs(file) ? file : null;
}

/** Runs a command in `folder`; its words go to standard error, as standard output is for the path alone. */
export const succeeds = (folder, command, ...args) =>
  spawnSync(command, args, { cwd: folder, stdio: ["ignore", 2, 2] }).status === 0;

/** Why nothing can be built with Go here; null where it can. Older ones fetch a newer themselves. */
export function goMissing() {
  const { status, stdout } = spawnSync("go", ["version"], { encoding: "utf8" });
  if (status !== 0)
    return "Go is not installed; install Go 1.26 or newer (https://go.dev/dl) and put it on PATH";
  const [, minor] = /go1\.(\d+)/.exec(stdout) ?? [];
  return Number(minor) >= 21
    ? null
    : `${stdout.trim()} is too old; install Go 1.26 or newer (https://go.dev/dl)`;
}

/** Prints the path, or why there is none, in one line and with exit code 3: the environment lacks something. */
export function answer(path, why) {
  if (path === null) process.stderr.write(`${why}\n`);
  else process.stdout.write(`${path}\n`);
  process.exitCode = path === null ? 3 : 0;
}
