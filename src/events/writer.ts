/** Writes a run's event log: append-only, in whole lines, with a bounded buffer. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { EVENT_LOG_VERSION, type RunEvent, type RunHeader } from "./types.ts";

/** Characters kept back before they are written. What a killed run can lose. */
const BUFFER_CHARACTERS = 32_768;
const FOLDERS_TRIED = 100;

/** Seldom, and the first things that a person looks for after a crash: never kept back. */
const AT_ONCE: ReadonlySet<RunEvent["type"]> = new Set([
  "scenario",
  "verdict",
  "fault",
  "notApplicable",
  "topology",
]);

export const logFileName = (part: number): string => (part === 1 ? "events.jsonl" : `events-${part}.jsonl`);

export type HeaderFields = Omit<RunHeader, "type" | "version" | "part">;

/** Makes the run's folder below `base`; a name that is taken gets `-2`, `-3`, … */
export function createRunFolder(base: string, name: string): string {
  mkdirSync(base, { recursive: true });
  for (let n = 1; n <= FOLDERS_TRIED; n++) {
    const folder = join(base, n === 1 ? name : `${name}-${n}`);
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new Error(
    `Cannot make a folder for the run: ${name} and ${FOLDERS_TRIED - 1} more are taken in ${base}`,
  );
}

/** Where the events of a run go. */
export interface EventSink {
  write(event: RunEvent): void;
  close(): void;
}

/** One file of a run's log. Writing is synchronous, so nothing queues up behind a slow disk. */
export class EventWriter implements EventSink {
  readonly path: string;
  readonly #fd: number;
  #buffer: string[] = [];
  #buffered = 0;
  #open = true;

  /** Opens a new file in `folder`; one that exists is left alone and is an error (`EEXIST`). */
  constructor(folder: string, header: HeaderFields, part = 1) {
    this.path = join(folder, logFileName(part));
    this.#fd = openSync(this.path, "ax");
    const line: RunHeader = { type: "header", version: EVENT_LOG_VERSION, part, ...header };
    this.#append(JSON.stringify(line));
    this.flush();
  }

  write(event: RunEvent): void {
    if (!this.#open) return;
    this.#append(JSON.stringify(event));
    if (this.#buffered >= BUFFER_CHARACTERS || AT_ONCE.has(event.type)) this.flush();
  }

  flush(): void {
    if (this.#buffered === 0) return;
    const bytes = Buffer.from(this.#buffer.join(""));
    this.#buffer = [];
    this.#buffered = 0;
    for (let written = 0; written < bytes.length;) written += writeSync(this.#fd, bytes, written);
  }

  /** Events that come later are dropped. */
  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    closeSync(this.#fd);
  }

  #append(line: string): void {
    this.#buffer.push(line, "\n");
    this.#buffered += line.length + 1;
  }
}
