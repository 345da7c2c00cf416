/** A course of events as JSON lines: what goes into a replay. */
import { InputError } from "../errors.ts";
import { readHpaSpec, readScaledObjectSpec, type Problems } from "./api-spec.ts";
import type { HpaSpec, Reading, ScaledObjectSpec } from "./types.ts";

export type Controller = "keda" | "hpa";

/** What changes at an instant; a field that is absent stays as it was. */
export type TraceLine = {
  /** Microseconds from t = 0, a whole second. */
  readonly tUs: number;
  /** `course.jsonl:3`, for messages. */
  readonly source: string;
  /** One for each trigger, or each metric of an HPA that stands alone. */
  readonly metrics?: readonly Reading[];
  /** `spec.replicas`, written by somebody else. */
  readonly replicas?: number;
  /** `status.replicas`; follows `replicas` until it is given. */
  readonly statusReplicas?: number;
  readonly scaledObject?: ScaledObjectSpec;
  readonly hpa?: HpaSpec;
  /** Who acts at exactly this instant. */
  readonly pass?: Controller;
  /** Whole seconds from t = 0; null: never. */
  readonly lastActiveSeconds?: number | null;
  readonly creationSeconds?: number;
};

const MAX_SECONDS = 1e9;
const MAX_REPLICAS = 2 ** 31 - 1;
const MAX_PROBLEMS = 20;

type Fields = { readonly [key: string]: unknown };
type Taken = { -readonly [K in keyof TraceLine]: TraceLine[K] };
type Take = (line: Taken, value: unknown) => string | readonly string[] | null;

const shown = (value: unknown): string => JSON.stringify(value);
const isReading = (value: unknown): value is Reading =>
  (typeof value === "number" && Number.isFinite(value)) || value === "empty" || value === "error";

const takeCount =
  (name: "replicas" | "statusReplicas"): Take =>
  (line, value) => {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > MAX_REPLICAS)
      return `a whole number, 0 or more, is wanted, found ${shown(value)}`;
    line[name] = value as number;
    return null;
  };

const seconds = (value: unknown): number | null =>
  typeof value === "number" && Math.abs(value) <= MAX_SECONDS ? value : null;

const takeSpec = <T>(
  read: (value: unknown) => { readonly spec: T } | Problems,
  keep: (line: Taken, spec: T) => void,
): Take => {
  return (line, value) => {
    const result = read(value);
    if ("problems" in result) return result.problems;
    keep(line, result.spec);
    return null;
  };
};

const TAKE: Readonly<Record<string, Take>> = {
  metrics: (line, value) => {
    if (!Array.isArray(value)) return `a list is wanted, one entry for each trigger, found ${shown(value)}`;
    const wrong = value.find((one) => !isReading(one)) as unknown;
    if (wrong !== undefined)
      return `a number, "empty" or "error" is wanted for each trigger, found ${shown(wrong)}`;
    line.metrics = value as readonly Reading[];
    return null;
  },
  replicas: takeCount("replicas"),
  statusReplicas: takeCount("statusReplicas"),
  scaledObject: takeSpec(readScaledObjectSpec, (line, spec) => void (line.scaledObject = spec)),
  hpa: takeSpec(readHpaSpec, (line, spec) => void (line.hpa = spec)),
  pass: (line, value) => {
    if (value !== "keda" && value !== "hpa") return `"keda" or "hpa" is wanted, found ${shown(value)}`;
    line.pass = value;
    return null;
  },
  lastActiveTime: (line, value) => {
    const at = seconds(value);
    if (at === null && value !== null)
      return `seconds from t = 0 (null: never active) are wanted, found ${shown(value)}`;
    line.lastActiveSeconds = at === null ? null : Math.floor(at);
    return null;
  },
  creationTimestamp: (line, value) => {
    const at = seconds(value);
    if (at === null) return `seconds from t = 0 are wanted, found ${shown(value)}`;
    line.creationSeconds = Math.floor(at);
    return null;
  },
};

/**
 * Reads a trace. `name` is the file, for messages.
 * @throws {InputError} with a message for each line that is wrong.
 */
export function parseTrace(text: string, name: string): TraceLine[] {
  const problems: string[] = [];
  const lines: TraceLine[] = [];
  let before = -Infinity;
  for (const [index, content] of text.split("\n").entries()) {
    if (content.trim() === "") continue;
    const source = `${name}:${index + 1}`;
    const found = parseLine(content, source);
    problems.push(...found.problems.map((problem) => `${source}: ${problem}`));
    if (problems.length >= MAX_PROBLEMS) break;
    if (found.line === null) continue;
    const { tUs } = found.line;
    if (tUs < before)
      problems.push(
        `${source}: t ${tUs / 1e6} comes after t ${before / 1e6}; lines stand in the order of time`,
      );
    before = Math.max(before, tUs);
    lines.push(found.line);
  }
  if (problems.length > 0) throw new InputError(problems.slice(0, MAX_PROBLEMS));
  if (lines.length === 0)
    throw new InputError([`${name}: no line in it; a trace begins like {"t":0,"replicas":0,"metrics":[0]}`]);
  return lines;
}

function parseLine(
  content: string,
  source: string,
): { readonly line: TraceLine | null; readonly problems: readonly string[] } {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    return { line: null, problems: [`not JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { line: null, problems: [`an object {"t": …} is wanted, found ${shown(value)}`] };
  const { t, ...fields } = value as Fields;
  if (typeof t !== "number" || t < 0 || t > MAX_SECONDS)
    return {
      line: null,
      problems: [`t: seconds from 0 to ${MAX_SECONDS} are wanted, found ${shown(t) ?? "nothing"}`],
    };
  const line: Taken = { tUs: Math.round(t * 1e6), source };
  const problems: string[] = [];
  for (const [field, given] of Object.entries(fields)) {
    const take = Object.hasOwn(TAKE, field) ? TAKE[field] : undefined;
    if (take === undefined) {
      problems.push(`${field}: unknown field; there are t, ${Object.keys(TAKE).join(", ")}`);
      continue;
    }
    const wrong = take(line, given);
    if (wrong === null) continue;
    for (const one of typeof wrong === "string" ? [wrong] : wrong) problems.push(`${field}: ${one}`);
  }
  return { line, problems };
}
