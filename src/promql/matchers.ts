import { PromqlError } from "./errors.ts";
import type { Labels } from "./labels.ts";
import { re2ToRegExp } from "./re2.ts";

export type MatchOperator = "=" | "!=" | "=~" | "!~";

/** A label matcher. Regular expressions are RE2's and match the whole value; an absent label has the value "". */
export type Matcher = {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  readonly matches: (value: string) => boolean;
};

/** Throws a `PromqlError` (`bad_data`) where `value` is no regular expression that RE2 takes. */
export function matcher(name: string, operator: MatchOperator, value: string): Matcher {
  switch (operator) {
    case "=":
      return { name, operator, value, matches: (text) => text === value };
    case "!=":
      return { name, operator, value, matches: (text) => text !== value };
    default: {
      const wanted = operator === "=~";
      const regex = compile(value);
      const known = new Map<string, boolean>();
      const matches = (text: string): boolean => {
        let hit = known.get(text);
        if (hit === undefined) {
          hit = regex.test(text);
          if (known.size < 10_000) known.set(text, hit);
        }
        return hit === wanted;
      };
      return { name, operator, value, matches };
    }
  }
}

function compile(value: string): RegExp {
  const compiled = re2ToRegExp(value);
  if (typeof compiled === "string") throw new PromqlError("bad_data", compiled);
  return compiled;
}

export const matchesAll = (labels: Labels, matchers: readonly Matcher[]): boolean =>
  matchers.every((one) => one.matches(labels.get(one.name)));
