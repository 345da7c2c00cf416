/**
 * Prometheus' own division of a query into tokens (prometheus/prometheus promql/parser/lex.go). The grammar package divides
 * its own way and never complains; this is here for the words and the place of what Prometheus complains of.
 */
import { goQuote } from "./labels.ts";

export type TokenKind =
  | "identifier"
  | "metric identifier"
  | "keyword"
  | "operator"
  | "aggregator"
  | "number"
  | "duration"
  | "string"
  | "punctuation";
export type Token = { readonly kind: TokenKind; readonly text: string; readonly at: number };
export type LexError = { readonly at: number; readonly message: string };
export type Lexed = { readonly tokens: readonly Token[]; readonly error: LexError | null };

const aggregators = new Set(
  "sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio".split(
    " ",
  ),
);
const wordOperators = new Set("and or unless atan2".split(" "));
const keywords = new Set(
  "offset smoothed anchored by without on ignoring group_left group_right bool start end step range max_of min_of".split(
    " ",
  ),
);
const fills = new Set(["fill", "fill_left", "fill_right"]);
const durationWords = new Set(["step", "range", "max_of", "min_of"]);

const isDigit = (char: string): boolean => char >= "0" && char <= "9" && char !== "";
const isAlphaNumeric = (char: string): boolean => /^[A-Za-z0-9_]$/.test(char);
const isSpace = (char: string): boolean => char === " " || char === "\t" || char === "\n" || char === "\r";

/** Go's `%q` of a rune. */
const goRune = (char: string): string =>
  char === "" ? "'�'" : char === "'" ? "'\\''" : char === "\\" ? "'\\\\'" : `'${char}'`;

/** Go's `%#U` of a rune. */
const goPoint = (char: string): string =>
  `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")} '${char}'`;

/** Ends the division; holds the complaint. */
class Stop extends Error {
  readonly found: LexError;

  constructor(at: number, message: string) {
    super(message);
    this.found = { at, message };
  }
}

class Lexer {
  readonly tokens: Token[] = [];
  private at = 0;
  private start = 0;
  private parens = 0;
  private braces = false;
  private brackets = false;
  private gotColon = false;
  /** From `[` to the first duration; what follows that is divided as outside of brackets. */
  private inDuration = false;
  private readonly input: string;

  constructor(input: string) {
    this.input = input;
  }

  run(): void {
    for (;;) {
      this.start = this.at;
      if (isSpace(this.peek())) {
        this.at++;
        continue;
      }
      if (this.peek() === "#" && !this.inDuration) {
        while (this.peek() !== "" && this.peek() !== "\n" && this.peek() !== "\r") this.at++;
        continue;
      }
      if (this.peek() === "") return this.end();
      if (this.braces) this.insideBraces();
      else if (this.inDuration) this.insideBrackets();
      else this.statement();
    }
  }

  private peek(ahead = 0): string {
    const point = this.input.codePointAt(this.at + ahead);
    return point === undefined ? "" : String.fromCodePoint(point);
  }

  private next(): string {
    const char = this.peek();
    this.at += char.length;
    return char;
  }

  private emit(kind: TokenKind): void {
    this.tokens.push({ kind, text: this.input.slice(this.start, this.at), at: this.start });
    this.start = this.at;
  }

  /** Like an `emit` whose token the complaint then replaces. */
  private stop(message: string): never {
    throw new Stop(this.start, message);
  }

  private end(): void {
    if (this.braces) this.stop("unexpected end of input inside braces");
    if (this.inDuration) this.stop("unexpected end of input in duration expression");
    if (this.parens > 0) this.stop("unclosed left parenthesis");
    if (this.brackets) this.stop("unclosed left bracket");
  }

  private statement(): void {
    const char = this.next();
    if ("+-*/%^@".includes(char)) return this.emit("operator");
    if (isDigit(char) || (char === "." && isDigit(this.peek()))) {
      this.at = this.start;
      return this.number();
    }
    if (/^[A-Za-z_:]$/.test(char)) return this.brackets ? this.wordInBrackets(char) : this.word();
    switch (char) {
      case ",":
        return this.emit("punctuation");
      case "=":
        if (this.peek() === "~") return this.stop(`unexpected character after '=': '~'`);
        if (this.peek() !== "=") return this.emit("punctuation");
        this.at++;
        return this.emit("operator");
      case "!": {
        const after = this.next();
        if (after !== "=") return this.stop(`unexpected character after '!': ${goRune(after)}`);
        return this.emit("operator");
      }
      case "<":
      case ">":
        if (this.peek() === "=" || this.peek() === "/") this.at++;
        return this.emit("operator");
      case '"':
      case "'":
      case "`":
        return this.text(char);
      case "(":
        this.parens++;
        return this.emit("punctuation");
      case ")":
        return this.closeParen();
      case "{":
        this.braces = true;
        return this.emit("punctuation");
      case "[":
        if (this.brackets) return this.stop("unexpected left bracket '['");
        this.brackets = true;
        this.inDuration = true;
        this.gotColon = false;
        return this.emit("punctuation");
      case "]":
        if (!this.brackets) return this.stop("unexpected right bracket ']'");
        this.brackets = false;
        return this.emit("punctuation");
      default:
        return this.stop(`unexpected character: ${goRune(char)}`);
    }
  }

  private closeParen(): void {
    this.start = this.at;
    if (--this.parens < 0) this.stop("unexpected right parenthesis ')'");
    this.start--;
    this.emit("punctuation");
  }

  private insideBraces(): void {
    const char = this.next();
    switch (char) {
      case ",":
        return this.emit("punctuation");
      case '"':
      case "'":
      case "`":
        return this.text(char);
      case "=":
        if (this.peek() === "~") {
          this.at++;
          return this.emit("operator");
        }
        return this.emit("punctuation");
      case "!": {
        const after = this.next();
        if (after !== "=" && after !== "~")
          return this.stop(`unexpected character after '!' inside braces: ${goRune(after)}`);
        return this.emit("operator");
      }
      case "{":
        return this.stop("unexpected left brace '{'");
      case "}":
        this.braces = false;
        return this.emit("punctuation");
      default:
        if (!/^[A-Za-z_]$/.test(char))
          return this.stop(`unexpected character inside braces: ${goRune(char)}`);
        while (isAlphaNumeric(this.peek())) this.at++;
        return this.emit("identifier");
    }
  }

  private insideBrackets(): void {
    const char = this.next();
    if ("+-*/%^".includes(char)) return this.emit("operator");
    if (isDigit(char) || (char === "." && isDigit(this.peek()))) {
      this.at = this.start;
      this.inDuration = false;
      return this.number();
    }
    switch (char) {
      case "]":
        this.brackets = false;
        this.inDuration = false;
        return this.emit("punctuation");
      case ":":
        this.start = this.at;
        return this.stop("unexpected colon before duration in duration expression");
      case "(":
        this.parens++;
        return this.emit("punctuation");
      case ")":
        return this.closeParen();
      case ",":
        return this.emit("punctuation");
      default:
        if (!this.durationWord())
          return this.stop(`unexpected character in duration expression: ${goRune(char)}`);
        return this.emit("keyword");
    }
  }

  private durationWord(): boolean {
    while (/^[A-Za-z_]$/.test(this.peek())) this.at++;
    return durationWords.has(this.input.slice(this.start, this.at).toLowerCase());
  }

  private wordInBrackets(char: string): void {
    if (char === ":") {
      if (this.gotColon) return this.stop("unexpected colon ':'");
      this.gotColon = true;
      return this.emit("punctuation");
    }
    if (this.durationWord()) return this.emit("keyword");
    return this.stop(`unexpected character: ${goRune(char)}, expected ':'`);
  }

  private word(): void {
    while (/^[A-Za-z0-9_:]$/.test(this.peek())) this.at++;
    const text = this.input.slice(this.start, this.at);
    const lower = text.toLowerCase();
    if (lower === "inf" || lower === "nan") return this.emit("number");
    if (wordOperators.has(lower)) return this.emit("operator");
    if (aggregators.has(lower)) return this.emit("aggregator");
    const isFill = fills.has(lower) && /^\s*\(/.test(this.input.slice(this.at));
    if (keywords.has(lower) || isFill) return this.emit("keyword");
    return this.emit(text.includes(":") ? "metric identifier" : "identifier");
  }

  private text(quote: string): void {
    for (;;) {
      const char = this.next();
      if (char === quote) return this.emit("string");
      if (quote === "`") {
        if (char === "") this.stop("unterminated raw string");
      } else if (char === "" || char === "\n") this.stop("unterminated quoted string");
      else if (char === "\\") this.escape(quote);
    }
  }

  private escape(quote: string): void {
    let char = this.next();
    if (char === quote || (char !== "" && "abfnrtv\\".includes(char))) return;
    if (char === "") this.stop("escape sequence not terminated");
    const [digits, base, most] =
      char >= "0" && char <= "7"
        ? [3, 8, 255]
        : char === "x"
          ? [2, 16, 255]
          : char === "u"
            ? [4, 16, 0x10ffff]
            : char === "U"
              ? [8, 16, 0x10ffff]
              : [0, 0, 0];
    if (digits === 0) this.stop(`unknown escape sequence ${goPoint(char)}`);
    if (base === 16) char = this.next();
    let value = 0;
    for (let left = digits; left > 0; left--) {
      const digit = /^[0-9A-Fa-f]$/.test(char) ? Number.parseInt(char, 16) : 16;
      if (digit >= base) {
        if (char === "") this.stop("escape sequence not terminated");
        this.stop(`illegal character ${goPoint(char)} in escape sequence`);
      }
      value = value * base + digit;
      if (left > 1) char = this.next();
    }
    if (value > most || (value >= 0xd800 && value < 0xe000))
      this.stop("escape sequence is an invalid Unicode code point");
  }

  private number(): void {
    if (this.scanNumber()) return this.emit("number");
    if (this.scanDuration()) return this.emit("duration");
    return this.stop(`bad number or duration syntax: ${goQuote(this.input.slice(this.start, this.at))}`);
  }

  private accept(chars: string): boolean {
    const char = this.peek();
    if (char === "" || !chars.includes(char)) return false;
    this.at++;
    return true;
  }

  private acceptAll(chars: string): void {
    while (this.accept(chars));
  }

  private scanNumber(): boolean {
    let digits = "0123456789";
    if (this.accept("0") && this.accept("xX")) {
      this.accept("_");
      digits += "abcdefABCDEF";
    }
    this.accept(".");
    this.accept(digits);
    let [dot, exponent] = [false, false];
    for (;;) {
      const char = this.peek();
      if (char === "" || !`${digits}._eE`.includes(char)) break;
      if (char === "." && dot) return !this.accept(".");
      if ((char === "e" || char === "E") && exponent) return !this.accept("eE");
      if (this.accept(".")) {
        dot = true;
        if (this.accept("_.") || digits.length > 10) return false;
      } else if (this.accept("eE")) {
        exponent = true;
        this.accept("+-");
        if (this.accept("._eE") || this.peek() === "") return false;
      } else if (this.accept("_")) {
        if (this.accept("._eE") || this.peek() === "") return false;
      } else this.acceptAll(digits);
    }
    return this.at > this.start && !isAlphaNumeric(this.peek());
  }

  private scanDuration(): boolean {
    if (!this.accept("smhdwy")) return false;
    this.accept("s");
    while (this.accept("0123456789")) {
      this.acceptAll("0123456789");
      if (!this.accept("smhdw")) return false;
      this.accept("s");
    }
    return !isAlphaNumeric(this.peek());
  }
}

/** The tokens of `query`, up to what Prometheus' lexer would not take. */
export function lex(query: string): Lexed {
  const lexer = new Lexer(query);
  try {
    lexer.run();
    return { tokens: lexer.tokens, error: null };
  } catch (problem) {
    if (problem instanceof Stop) return { tokens: lexer.tokens, error: problem.found };
    throw problem;
  }
}
