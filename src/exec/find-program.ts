/** Other people's programs: where they are on this machine, and what they say they are. */
import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

const PATIENCE_MS = 20_000;

/** The first program of this name in the folders of `path` (the variable PATH); null without one. */
export function findProgram(name: string, path: string | undefined): string | null {
  const folders = (path ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** What `program --version` writes; null where it cannot be run. */
export function versionText(program: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, ["--version"], { timeout: PATIENCE_MS, env: {} }, (error, stdout, stderr) =>
      resolve(error === null ? stdout + stderr : null),
    );
  });
}
