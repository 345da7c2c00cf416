import { normalize } from "node:path";
import { InputError } from "../errors.ts";
import type { Source } from "./types.ts";

/** What a topology may hold at most: enough for any real repository, too little to hang or fill this machine. */
export const LIMITS = {
  files: 2_000,
  fileBytes: 8 * 1024 * 1024,
  documents: 10_000,
  /** Values in all documents, aliases counted as often as they are used. */
  values: 500_000,
  depth: 100,
  kustomizations: 200,
  /** Problems told at once; the rest is only counted. */
  problems: 50,
} as const;

/** Everything wrong with the input, gathered so that it can be told at once. */
export class Problems {
  readonly #found: string[] = [];
  readonly #prefix: string;

  /** `prefix` is put before the file of each problem: the folder as the user named it. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** `message` says what was wanted, what was found and what to do. */
  add(where: Source | null, message: string): void {
    this.#found.push(where === null ? message : `${this.shown(where)}: ${message}`);
  }

  shown(where: Source): string {
    // What no file says, as a value that was set for this run, has no place in one.
    if (where.line === 0) return where.file;
    return `${this.named(where.file)}:${where.line}:${where.column}`;
  }

  named(file: string): string {
    // What lies beside the folder (a base, a limpet.yaml named by itself) is named without the way through it.
    return file.startsWith("../") ? normalize(`${this.#prefix}${file}`) : `${this.#prefix}${file}`;
  }

  /** @throws {InputError} where anything was added. */
  throwIfAny(): void {
    const distinct = [...new Set(this.#found)];
    if (distinct.length === 0) return;
    const told = distinct.slice(0, LIMITS.problems);
    const rest = distinct.length - told.length;
    throw new InputError(rest > 0 ? [...told, `and ${rest} more`] : told);
  }

  /** For what makes going on senseless. */
  fail(where: Source | null, message: string): never {
    this.add(where, message);
    this.throwIfAny();
    throw new InputError([message]);
  }
}

/** What one load has used of {@link LIMITS}. */
export type Budget = { files: number; documents: number; values: number; kustomizations: number };

export const newBudget = (): Budget => ({ files: 0, documents: 0, values: 0, kustomizations: 0 });
