import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { InputError } from "../errors.ts";
import type { Host } from "./host.ts";

/** What a question may come with: more is a mistake, or better asked in parts. */
const MAX_BYTES = 256 * 1024 * 1024;

export type NamedText = {
  /** As the user named it; `stdin` for `-`. */
  readonly name: string;
  readonly text: string;
};

/** The text of `FILE|-`. `option` is for messages: `--trace`. */
export async function readInput(host: Host, option: string, named: string): Promise<NamedText> {
  if (named === "-") return { name: "stdin", text: withoutMark(await host.readStdin()) };
  const path = resolve(host.cwd, named);
  const refuse = (why: string): never => {
    throw new InputError([`${option} ${named}: ${why}; name a file, or - for standard input`]);
  };
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) refuse(`larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    return { name: named, text: withoutMark(readFileSync(path, "utf8")) };
  } catch (error) {
    if (error instanceof InputError) throw error;
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return refuse("no such file");
    if (code === "EISDIR") return refuse("is a folder");
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const withoutMark = (text: string): string => (text.startsWith("\uFEFF") ? text.slice(1) : text);
