import { listAt } from "../topology/json.ts";
import type { Json } from "../topology/types.ts";

/** A list's texts and numbers, as text; what is neither is left out. */
export const wordsAt = (value: Json | undefined, ...path: readonly (string | number)[]): readonly string[] =>
  listAt(value, ...path).flatMap((item) =>
    typeof item === "string" || typeof item === "number" ? [String(item)] : [],
  );
