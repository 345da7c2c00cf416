/**
 * Where in a JSON text something stands: `JSON.parse` tells neither where a value was nor, on every Node, where it gave
 * up. Only walked when there is a mistake to point at.
 */
export type Path = readonly (string | number)[];

/** A reading that failed at `offset`: the text is not JSON from there on. */
class NotJson extends Error {
  readonly offset: number;
  readonly wanted: string;

  constructor(offset: number, wanted: string) {
    super(wanted);
    this.offset = offset;
    this.wanted = wanted;
  }
}

const BLANK = /[ \t\n\r]*/y;
const TEXT = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

class Walker {
  readonly #text: string;
  readonly #found: (path: Path, offset: number) => void;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, found: (path: Path, offset: number) => void) {
    this.#text = text;
    this.#found = found;
  }

  walk(): void {
    this.#value();
    if (this.#at < this.#text.length) throw new NotJson(this.#at, "the end of the text");
  }

  /** Eats what the pattern matches here and the blanks after it; null where it does not. */
  #eat(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined || found === "") return null;
    this.#at += found.length;
    this.#blanks();
    return found;
  }

  #blanks(): void {
    BLANK.lastIndex = this.#at;
    this.#at += BLANK.exec(this.#text)![0].length;
  }

  #eatSign(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    this.#blanks();
    return true;
  }

  #value(): void {
    this.#blanks();
    this.#found(this.#path, this.#at);
    if (this.#eatSign("{")) return this.#members("}", () => this.#key());
    if (this.#eatSign("[")) return this.#members("]", (index) => index);
    if (this.#eat(TEXT) === null && this.#eat(SCALAR) === null) throw new NotJson(this.#at, "a value");
  }

  #key(): string {
    const key = this.#eat(TEXT);
    if (key === null) throw new NotJson(this.#at, 'a name in double quotes or "}"');
    if (!this.#eatSign(":")) throw new NotJson(this.#at, '":"');
    return JSON.parse(key) as string;
  }

  #members(end: string, keyOf: (index: number) => string | number): void {
    if (this.#eatSign(end)) return;
    for (let index = 0; ; index++) {
      this.#path.push(keyOf(index));
      this.#value();
      this.#path.pop();
      if (this.#eatSign(end)) return;
      if (!this.#eatSign(",")) throw new NotJson(this.#at, `"," or "${end}"`);
    }
  }
}

/** Why the text is not JSON, and from where on; null where it is. */
export function jsonFault(text: string): { readonly offset: number; readonly wanted: string } | null {
  try {
    new Walker(text, () => {}).walk();
    return null;
  } catch (error) {
    if (error instanceof NotJson) return error;
    // Nested deeper than the stack: nobody writes that by hand.
    if (error instanceof RangeError) return { offset: 0, wanted: "less nesting" };
    throw error;
  }
}

/** Where the value at `path` begins, or the nearest value around it that is there. */
export function offsetOf(text: string, path: Path): number {
  let best = { depth: -1, offset: 0 };
  const walker = new Walker(text, (at, offset) => {
    if (at.length > best.depth && at.every((step, index) => step === path[index]))
      best = { depth: at.length, offset };
  });
  try {
    walker.walk();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return best.offset;
}

/** The line of an offset, from 1. */
export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** A path as people write it: `hosts[3].weight`. */
export const pathText = (path: Path): string =>
  path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join("");
