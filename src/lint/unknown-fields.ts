/**
 * Fields that the schema of a kind does not know. The models are compiled: there is no schema to read, only a function
 * that asks an object for each field it knows. So it is given an object that remembers what it was asked for.
 */
import type { Json, JsonObject } from "../topology/types.ts";

export type UnknownField = {
  readonly path: readonly (string | number)[];
  /** What the schema knows beside it. */
  readonly known: readonly string[];
};

type Validator = { readonly prototype: { validate(): void } };

type Asked = { readonly fields: Set<string>; isOpen: boolean };

const isContainer = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Whatever the validator says of the object is not looked at: that is told elsewhere. */
export function unknownFields(body: JsonObject, model: Validator): readonly UnknownField[] {
  const asked = new Map<object, Asked>();
  const spies = new Map<object, object>();
  const spyOn = (target: object): object => {
    const before = spies.get(target);
    if (before !== undefined) return before;
    const note: Asked = { fields: new Set(), isOpen: false };
    asked.set(target, note);
    const spy = new Proxy(target, {
      get(object, key): unknown {
        if (typeof key === "string") note.fields.add(key);
        const value: unknown = Reflect.get(object, key);
        return isContainer(value) ? spyOn(value) : value;
      },
      has(object, key) {
        if (typeof key === "string") note.fields.add(key);
        return Reflect.has(object, key);
      },
      // Who goes through all keys takes any: labels, a trigger's metadata.
      ownKeys(object) {
        note.isOpen = true;
        return Reflect.ownKeys(object);
      },
    });
    spies.set(target, spy);
    return spy;
  };
  try {
    model.prototype.validate.call(spyOn(body));
  } catch {
    // Said by the loader, with its place.
  }
  const found: UnknownField[] = [];
  const walk = (value: Json, path: readonly (string | number)[]): void => {
    if (Array.isArray(value)) {
      for (const [i, item] of (value as readonly Json[]).entries()) walk(item, [...path, i]);
      return;
    }
    if (!isContainer(value)) return;
    const note = asked.get(value);
    // Nobody asked it for anything: a part of which the schema says nothing.
    const isClosed = note !== undefined && !note.isOpen && note.fields.size > 0;
    for (const [key, inner] of Object.entries(value as JsonObject)) {
      if (isClosed && !note.fields.has(key)) found.push({ path: [...path, key], known: [...note.fields] });
      else walk(inner, [...path, key]);
    }
  };
  walk(body, []);
  return found;
}
