/** A file of recorded traces: one JSON object a line. */
import { readFileSync } from "node:fs";

export const readRecorded = <T>(file: URL): T[] => parseRecorded<T>(readFileSync(file, "utf8"));

export const parseRecorded = <T>(text: string): T[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
