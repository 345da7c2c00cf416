/** Reading a manifest's body without trusting its shape; a value of another type counts as absent. */
import type { Json, JsonObject } from "./types.ts";

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let here = value;
  for (const step of path) {
    if (Array.isArray(here)) here = typeof step === "number" ? (here as readonly Json[])[step] : undefined;
    else here = isObject(here) ? here[step] : undefined;
  }
  return here;
}

export const objectAt = (value: Json | undefined, ...path: readonly (string | number)[]): JsonObject => {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
};

export const listAt = (value: Json | undefined, ...path: readonly (string | number)[]): readonly Json[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
};

export const textAt = (value: Json | undefined, ...path: readonly (string | number)[]): string | null => {
  const found = at(value, ...path);
  return typeof found === "string" ? found : null;
};

export const numberAt = (value: Json | undefined, ...path: readonly (string | number)[]): number | null => {
  const found = at(value, ...path);
  return typeof found === "number" ? found : null;
};

export const textsAt = (
  value: Json | undefined,
  ...path: readonly (string | number)[]
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(objectAt(value, ...path)).flatMap(([key, item]) =>
      typeof item === "string" || typeof item === "number" || typeof item === "boolean"
        ? [[key, String(item)]]
        : [],
    ),
  );

/** A value as messages name what was found: short, whatever it is. */
export function shown(value: Json | undefined): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}
