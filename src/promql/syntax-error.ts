import type { Tree } from "@lezer/common";
import type { PromqlError } from "./errors.ts";
import { goQuote } from "./labels.ts";
import { lex, type Token } from "./lexer.ts";
import { parseDuration } from "./literals.ts";
import { parseError } from "./parse-error.ts";

function describe(token: Token | undefined): string {
  if (token === undefined) return "end of input";
  const { kind, text } = token;
  switch (kind) {
    case "keyword":
      return `<${text}>`;
    case "operator":
      return `<op:${text}>`;
    case "aggregator":
      return `<aggr:${text}>`;
    case "punctuation":
      return goQuote(text);
    case "identifier":
    case "metric identifier":
      return `${kind} ${goQuote(text)}`;
    default:
      return `${kind} ${text.length > 10 ? `${goQuote(text.slice(0, 10))}...` : goQuote(text)}`;
  }
}

const grouping = /^(by|without|on|ignoring|group_left|group_right)$/i;

/** The brackets that are open after `tokens`, outermost first, each with the index of its token. */
function openBrackets(tokens: readonly Token[]): number[] {
  const open: number[] = [];
  for (const [i, { kind, text }] of tokens.entries()) {
    if (kind !== "punctuation") continue;
    if (text === "(" || text === "[" || text === "{") open.push(i);
    else if (text === ")" || text === "]" || text === "}") open.pop();
  }
  return open;
}

/** Whether the parenthesis at `open` holds an aggregation's arguments: `sum (`, `sum by (…) (`. */
function isAggregation(tokens: readonly Token[], open: number): boolean {
  const before = tokens[open - 1];
  if (before?.kind === "aggregator") return true;
  if (before?.text !== ")") return false;
  let depth = 0;
  for (let i = open - 1; i >= 0; i--) {
    const text = tokens[i]?.text;
    if (text === ")") depth++;
    else if (text === "(" && --depth === 0)
      return grouping.test(tokens[i - 1]?.text ?? "") && tokens[i - 2]?.kind === "aggregator";
  }
  return false;
}

/** Where inside a construct the unexpected token stands, and what could have stood there. */
function context(before: readonly Token[], after: Token | undefined): string {
  const last = before.at(-1);
  const text = last?.text ?? "";
  const open = openBrackets(before);
  const innermost = open.at(-1);
  const bracket = innermost === undefined ? "" : (before[innermost]?.text ?? "");
  const labels = (expected: string): string => ` in label matching, expected ${expected}`;
  if (bracket === "{") {
    if (text === "{" || text === ",") return labels('identifier or "}"');
    if (last?.kind === "operator" || text === "=") return labels("string");
    if (last?.kind === "identifier") return labels("label matching operator");
    return labels('"," or "}"');
  }
  if (bracket === "[") {
    if (text === "[") return " in subquery or range selector, expected number, duration, step(), or range()";
    const colon = before.findLastIndex((token) => token.text === ":");
    if (text === ":") return ` in subquery selector, expected number, duration, step(), range(), or "]"`;
    return colon > (innermost ?? 0)
      ? ' in subquery selector, expected "]"'
      : ' in subquery or range, expected ":" or "]"';
  }
  if (bracket === "(" && innermost !== undefined && grouping.test(before[innermost - 1]?.text ?? "")) {
    if (text === "(" || text === ",") return " in grouping opts, expected label";
    return ' in grouping opts, expected "," or ")"';
  }
  if (/^(by|without|on|ignoring)$/i.test(text) && last?.kind === "keyword")
    return ' in grouping opts, expected "("';
  if (/^offset$/i.test(text) && last?.kind === "keyword")
    return " in offset, expected number, duration, step(), or range()";
  if (text === "@") return " in @, expected timestamp";
  const inAggregation = open.some((index) => isAggregation(before, index));
  return inAggregation || (last?.kind === "aggregator" && after?.text !== undefined && before.length > 1)
    ? " in aggregation"
    : "";
}

/** The error of a query that the grammar could not make whole, in Prometheus' words; null for a whole one. */
export function firstSyntaxError(
  query: string,
  tree: Tree,
  whyNotCallable: (name: string) => string | null,
): PromqlError | null {
  const { tokens, error } = lex(query);
  let broken = Infinity;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError) broken = Math.min(broken, node.from);
      return broken === Infinity;
    },
  });
  const wrong = tokens.find(({ kind, text }) => kind === "duration" && parseDuration(text) === null);
  if (error === null && broken === Infinity && wrong === undefined) return null;
  if (tokens.length === 0 && error === null) return parseError(query, 0, "no expression found in input");

  // A function that nobody knows is no error of the grammar there, and reading goes on; here it is one.
  const unknown = tokens.findIndex(
    ({ kind, text }, i) =>
      (kind === "identifier" || /^(max|min)_of$/i.test(text)) &&
      tokens[i + 1]?.text === "(" &&
      whyNotCallable(text) !== null &&
      !context(tokens.slice(0, i + 1), tokens[i + 1]).includes("grouping") &&
      !context(tokens.slice(0, i), tokens[i]).includes("grouping"),
  );
  let index = tokens.findIndex((token) => token.at + token.text.length > broken);
  if (index < 0) index = tokens.length;
  const name = tokens[unknown];
  if (name !== undefined && unknown < index + 1)
    return parseError(query, name.at, whyNotCallable(name.text) ?? "");

  // What the lexer stumbles over is the message, unless the parser stumbled before.
  const token = tokens[index];
  if (wrong !== undefined && (token === undefined || wrong.at <= token.at))
    return parseError(query, wrong.at, `not a valid duration string: ${goQuote(wrong.text)}`);
  if (error !== null && token === undefined) return parseError(query, error.at, error.message);
  const before = tokens.slice(0, index);
  const comma = before.at(-1);
  if (
    token?.text === ")" &&
    comma?.text === "," &&
    !/grouping/.test(context(before, token)) &&
    before.length > 2
  )
    return parseError(query, comma.at, "trailing commas not allowed in function call args");
  return parseError(
    query,
    token?.at ?? query.length,
    `unexpected ${describe(token)}${context(before, token)}`,
  );
}
