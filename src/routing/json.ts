/** Reading plain JSON, as manifests hold it, without trusting its shape. A value of another type counts as absent. */
export type Spec = { readonly [key: string]: unknown };

export const isObject = (value: unknown): value is Spec =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) found = isObject(found) ? found[key] : undefined;
  return found;
}

export const objectAt = (value: unknown, ...path: readonly string[]): Spec | null => {
  const found = at(value, ...path);
  return isObject(found) ? found : null;
};

export const listAt = (value: unknown, ...path: readonly string[]): readonly unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};

export const textAt = (value: unknown, ...path: readonly string[]): string | null => {
  const found = at(value, ...path);
  return typeof found === "string" ? found : null;
};

/** Protobuf's JSON form writes 64-bit numbers as text, so both are read. */
export const numberAt = (value: unknown, ...path: readonly string[]): number | null => {
  const found = at(value, ...path);
  if (typeof found === "number" && Number.isFinite(found)) return found;
  return typeof found === "string" && /^\d+$/.test(found) ? Number(found) : null;
};

export const textsAt = (value: unknown, ...path: readonly string[]): readonly string[] =>
  listAt(value, ...path).filter((item): item is string => typeof item === "string");

const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  ns: 1e-6,
};

/** A Go duration such as `1.5s`, `1m30s`, `250ms` in milliseconds; null where it is none. */
export function durationMs(text: string | null): number | null {
  if (text === null || !/^(\d+(\.\d+)?(h|ms|us|ns|m|s))+$/.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)/g))
    total += Number(count) * UNIT_MS[unit!]!;
  return total;
}
