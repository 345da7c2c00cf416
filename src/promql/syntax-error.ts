import type { Tree } from "@lezer/common";
import type { PromqlError } from "./errors.ts";
import { goQuote } from "./labels.ts";
import { parseError } from "./parse-error.ts";

type Token = { readonly kind: string; readonly text: string; readonly at: number };

const tokenPattern =
  /(?<space>\s+|#[^\n]*)|(?<string>"(?:[^\\"\n]|\\.)*"|'(?:[^\\'\n]|\\.)*'|`[^`]*`)|(?<number>0x[0-9a-f]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.])|(?:\d+(?:ms|[ywdhms]))+(?!\w))|(?<word>[A-Za-z_:][\w:]*)|(?<operator>=~|!~|!=|==|<=|>=|[-+*/%^=<>(){}[\],:@])/iy;

const keywords =
  /^(and|or|unless|atan2|avg|bottomk|by|bool|count|count_values|group|group_left|group_right|ignoring|inf|limitk|limit_ratio|max|min|nan|offset|on|quantile|stddev|stdvar|sum|topk|without|start|end|step|range)$/i;

/** Splits the query as far as it can be split; the message says why no further. */
function tokens(query: string): {
  readonly all: Token[];
  readonly stop: { at: number; message: string } | null;
} {
  const all: Token[] = [];
  let at = 0;
  let braces = 0;
  let parens = 0;
  let brackets = 0;
  const stopped = (message: string, where = at) => ({ all, stop: { at: where, message } });
  while (at < query.length) {
    tokenPattern.lastIndex = at;
    const groups = tokenPattern.exec(query)?.groups;
    const char = String.fromCodePoint(query.codePointAt(at) ?? 0);
    if (groups === undefined) {
      if (char === '"' || char === "'") return stopped("unterminated quoted string");
      if (char === "`") return stopped("unterminated raw string");
      if (/\d/.test(char)) {
        const bad = /^[\w.]+/.exec(query.slice(at))?.[0] ?? char;
        return stopped(`bad number or duration syntax: ${goQuote(bad)}`);
      }
      if (char === "!") return stopped(`unexpected character after '!': ${goRune(query, at + 1)}`);
      return stopped(
        braces > 0
          ? `unexpected character inside braces: ${goRune(query, at)}`
          : `unexpected character: ${goRune(query, at)}`,
      );
    }
    const kind =
      ["space", "string", "number", "word", "operator"].find((name) => groups[name] !== undefined) ?? "";
    const text = groups[kind] ?? "";
    if (kind === "operator") {
      if (text === "=" && braces === 0)
        return stopped(`unexpected character after '=': ${goRune(query, at + 1)}`);
      if (text === "!~" && braces === 0) return stopped(`unexpected character after '!': '~'`);
      if (text === "{") {
        if (braces > 0) return stopped("unexpected left brace '{'");
        braces++;
      } else if (text === "}") {
        if (braces === 0) return stopped("unexpected character: '}'");
        braces--;
      } else if (text === "(") parens++;
      else if (text === ")" && --parens < 0) return stopped("unexpected right parenthesis ')'");
      else if (text === "[") {
        if (brackets > 0) return stopped("unexpected left bracket '['");
        brackets++;
      } else if (text === "]" && --brackets < 0) return stopped("unexpected right bracket ']'");
    }
    if (kind !== "space") all.push({ kind, text, at });
    at += text.length;
  }
  if (braces > 0) return stopped("unexpected end of input inside braces");
  if (brackets > 0) return stopped("unclosed left bracket");
  if (parens > 0) return stopped("unclosed left parenthesis");
  return { all, stop: null };
}

const goRune = (query: string, at: number): string => {
  if (at >= query.length) return "'\\ufffd'";
  const char = String.fromCodePoint(query.codePointAt(at) ?? 0);
  return char === "'" ? "'\\''" : `'${char}'`;
};

function describe(token: Token | undefined): string {
  if (token === undefined) return "end of input";
  if (token.kind === "string") return `string ${goQuote(token.text)}`;
  if (token.kind === "number")
    return `${/[a-z]$/i.test(token.text) && !/^0x/i.test(token.text) ? "duration" : "number"} ${goQuote(token.text)}`;
  if (token.kind === "word") {
    if (keywords.test(token.text)) return `<${token.text.toLowerCase()}>`;
    return `${token.text.includes(":") ? "metric identifier" : "identifier"} ${goQuote(token.text)}`;
  }
  return goQuote(token.text);
}

/** Where inside a construct the unexpected token stands, and what could have stood there. */
function context(before: readonly Token[], path: ReadonlySet<string>): string {
  const last = before.at(-1)?.text ?? "";
  const opened = before.findLast((token) => token.text === "{" || token.text === "}");
  if (opened?.text === "{") {
    if (last === "{" || last === ",") return ` in label matching, expected identifier or "}"`;
    if (/^(=|!=|=~|!~)$/.test(last)) return " in label matching, expected string";
    if (before.at(-1)?.kind === "word") return " in label matching, expected label matching operator";
    return ` in label matching, expected "," or "}"`;
  }
  if (path.has("GroupingLabels")) {
    if (last === "(" || last === ",") return " in grouping opts, expected label";
    return ` in grouping opts, expected "," or ")"`;
  }
  if (/^(by|without|on|ignoring)$/i.test(last)) return ` in grouping opts, expected "("`;
  if (/^offset$/i.test(last)) return " in offset, expected number, duration, step(), or range()";
  if (last === "@") return " in @, expected timestamp";
  if (last === "[") return " in subquery or range selector, expected number, duration, step(), or range()";
  if (path.has("AggregateExpr") && before.at(-1)?.kind === "word") return " in aggregation";
  return "";
}

/** The error of a tree that the grammar could not make whole, in Prometheus' words; null for a whole one. */
export function firstSyntaxError(query: string, tree: Tree): PromqlError | null {
  const { all, stop } = tokens(query);
  let at: number | null = null;
  tree.iterate({
    enter: (node) => {
      if (node.type.isError && at === null) at = node.from;
      return at === null;
    },
  });
  if (at === null && stop === null) return null;
  if (all.length === 0 && stop === null) return parseError(query, 0, "no expression found in input");
  const from: number = at ?? Infinity;
  const index = all.findIndex((token) => token.at >= from);
  // What the lexer stumbles over first is the message, unless the parser stumbled before.
  if (stop !== null && (index < 0 || (all[index]?.at ?? 0) >= stop.at))
    return parseError(query, stop.at, stop.message);
  const token = index < 0 ? undefined : all[index];
  const before = index < 0 ? all : all.slice(0, index);
  const path = new Set<string>();
  for (let node = tree.resolve(from, -1) as { name: string; parent: unknown } | null; node !== null;) {
    path.add(node.name);
    node = node.parent as typeof node;
  }
  return parseError(
    query,
    token?.at ?? query.length,
    `unexpected ${describe(token)}${context(before, path)}`,
  );
}
