/** Reads a run's event log back, line by line, in bounded memory. */
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { EVENT_LOG_VERSION, type LogLine, type RunEvent, type RunHeader } from "./types.ts";
import { logFileName } from "./writer.ts";

/** Longer than any event; a file without line ends stops here. */
const MAX_LINE_CHARACTERS = 8 * 1024 * 1024;

const EVENT_TYPES: ReadonlySet<string> = new Set<RunEvent["type"]>([
  "topology",
  "route",
  "scaledObject",
  "decision",
  "pod",
  "endpoints",
  "target",
  "request",
  "requests.window",
  "fault",
  "lateness",
  "scenario",
  "phase",
  "resources",
  "log",
  "verdict",
  "notApplicable",
]);

export type ReadLine = { readonly line: LogLine; readonly text: string };

type Chunk = { readonly text: string; readonly whole: boolean };

/**
 * Lines with their line ends taken off, as many together as were read at once; the last one says whether it had one.
 */
async function* linesOf(path: string): AsyncGenerator<Chunk[]> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8" })) {
    const pieces = (rest + String(chunk)).split("\n");
    rest = pieces.pop() ?? "";
    yield pieces.map((text) => ({ text, whole: true }));
    if (rest.length > MAX_LINE_CHARACTERS) {
      throw new InputError([`${path}: damaged: a line is longer than ${MAX_LINE_CHARACTERS} characters`]);
    }
  }
  if (rest !== "") yield [{ text: rest, whole: false }];
}

function parseHeader(path: string, value: unknown): RunHeader {
  const header = value as Partial<RunHeader> | null;
  if (typeof header !== "object" || header?.type !== "header" || typeof header.version !== "number") {
    throw new InputError([`${path}:1: not an event log of limpet: its first line is no header`]);
  }
  if (header.version > EVENT_LOG_VERSION) {
    throw new InputError([
      `${path}:1: written by a newer limpet (log version ${header.version}, this one reads up to ${EVENT_LOG_VERSION}); update limpet to read it`,
    ]);
  }
  return header as RunHeader;
}

function parseEvent(path: string, number: number, value: unknown): RunEvent {
  const event = value as { readonly type?: unknown; readonly atUs?: unknown } | null;
  if (typeof event !== "object" || typeof event?.type !== "string" || !EVENT_TYPES.has(event.type)) {
    throw new InputError([`${path}:${number}: damaged: not an event of log version ${EVENT_LOG_VERSION}`]);
  }
  if (typeof event.atUs !== "number") {
    throw new InputError([`${path}:${number}: damaged: the event "${event.type}" has no time (atUs)`]);
  }
  return value as RunEvent;
}

/**
 * The lines of one file, header first. A last line that is cut off (the run was killed) is left out and said in a `log`
 * event in its place.
 *
 * @throws {InputError} for a file that is missing, damaged, or of a newer limpet.
 */
export async function* readLog(path: string): AsyncGenerator<ReadLine> {
  if (!existsSync(path)) throw new InputError([`${path}: there is no such event log`]);
  let number = 0;
  let lastUs = 0;
  for await (const chunks of linesOf(path)) {
    for (const { text, whole } of chunks) {
      number++;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        if (number > 1 && !whole) {
          const message = `${path}:${number}: the last line is cut off: the run was ended in the middle of it`;
          const line: LogLine = { type: "log", atUs: lastUs, level: "warn", message };
          yield { line, text: JSON.stringify(line) };
          return;
        }
        throw new InputError([`${path}:${number}: damaged: not a line of JSON`]);
      }
      const line = number === 1 ? parseHeader(path, value) : parseEvent(path, number, value);
      if (line.type !== "header") lastUs = line.atUs;
      yield { line, text };
    }
  }
  if (number === 0) throw new InputError([`${path}: damaged: the file is empty`]);
}

/** The files of a run's log, in the order in which they were written. */
export function logFiles(folder: string): string[] {
  const files: string[] = [];
  for (let part = 1; existsSync(join(folder, logFileName(part))); part++) {
    files.push(join(folder, logFileName(part)));
  }
  if (files.length === 0)
    throw new InputError([`${folder}: no event log (${logFileName(1)}) in this folder`]);
  return files;
}

/** Every line of a run, over all its files. */
export async function* readRun(folder: string): AsyncGenerator<ReadLine> {
  for (const file of logFiles(folder)) yield* readLog(file);
}

/**
 * The folder of a run: a path, a name below `base`, or `latest`.
 *
 * @throws {InputError} where there is none.
 */
export function findRun(base: string, run: string): string {
  if (run !== "latest") {
    for (const folder of [join(base, run), run]) {
      if (statSync(join(folder, logFileName(1)), { throwIfNoEntry: false })?.isFile()) return folder;
    }
    throw new InputError([`no run "${run}": neither ${join(base, run)} nor ${run} holds ${logFileName(1)}`]);
  }
  const runs = existsSync(base)
    ? readdirSync(base).filter((name) => existsSync(join(base, name, logFileName(1))))
    : [];
  const startedMs = (name: string): number => statSync(join(base, name, logFileName(1))).birthtimeMs;
  // Names begin with the date; the file's own time decides between runs of one second.
  const latest = runs
    .sort((a, b) =>
      a.slice(0, 19) < b.slice(0, 19)
        ? -1
        : a.slice(0, 19) > b.slice(0, 19)
          ? 1
          : startedMs(a) - startedMs(b),
    )
    .at(-1);
  if (latest === undefined) throw new InputError([`no runs in ${base} yet; limpet test makes one`]);
  return join(base, latest);
}
