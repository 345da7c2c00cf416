import { InputError } from "../../errors.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Reads a program's settings from its environment and gathers every mistake, so that all are told at once. */
export class EnvReader {
  readonly #env: Env;
  readonly #problems: string[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  /** An empty variable counts as one that is not set. */
  raw(name: string): string | undefined {
    const value = this.#env[name];
    return value === undefined || value === "" ? undefined : value;
  }

  text(name: string, fallback: string, pattern?: RegExp, wanted?: string): string {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (pattern && !pattern.test(value)) this.problem(name, wanted ?? String(pattern), value);
    return value;
  }

  number(name: string, fallback: number, min: number, max: number): number {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    const read = Number(value);
    if (Number.isFinite(read) && read >= min && read <= max) return read;
    this.problem(name, `a number from ${min} to ${max}`, value);
    return fallback;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const read = this.number(name, fallback, min, max);
    if (Number.isInteger(read)) return read;
    this.problem(name, "a whole number", String(read));
    return fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.raw(name)?.toLowerCase();
    if (value === undefined) return fallback;
    if (["1", "true", "yes", "on"].includes(value)) return true;
    if (["0", "false", "no", "off"].includes(value)) return false;
    this.problem(name, "true or false", value);
    return fallback;
  }

  /** `read` answers undefined where the JSON has another shape than `wanted` says. */
  json<T>(name: string, fallback: T, wanted: string, read: (value: unknown) => T | undefined): T {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      this.problem(name, `JSON, ${wanted}`, value);
      return fallback;
    }
    const result = read(parsed);
    if (result !== undefined) return result;
    this.problem(name, wanted, value);
    return fallback;
  }

  problem(name: string, wanted: string, found: string): void {
    const shown = found.length > 200 ? `${found.slice(0, 200)}…` : found;
    this.#problems.push(`environment variable ${name}: wanted ${wanted}, found "${shown}"`);
  }

  /** @throws {InputError} naming every variable that could not be read. */
  done(): void {
    if (this.#problems.length > 0) throw new InputError(this.#problems);
  }
}

export const PATH = /^\/[^?#\s]*$/;
export const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
