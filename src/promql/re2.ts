/**
 * RE2's regular expressions by JavaScript's: the two agree on nearly everything that people write in matchers. What
 * RE2 refuses (look-around, back-references) is refused in RE2's words; what JavaScript spells differently (named
 * groups, POSIX classes, flags, `\z`) is rewritten. Not rewritten: `\C`, and Unicode classes by names that only one knows.
 */
const posixClasses: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

const refuse = (what: string, source: string): string => `error parsing regexp: ${what}: \`${source}\``;

type Rewritten = { readonly source: string; readonly ignoreCase: boolean };

/** Thrown inside this file only; carries the message. */
class Refused extends Error {}

class Rewriter {
  private at = 0;
  private out = "";
  private ignoreCase = false;
  private readonly input: string;

  constructor(input: string) {
    this.input = input;
  }

  run(): Rewritten {
    let depth = 0;
    while (this.at < this.input.length) {
      const char = this.input[this.at] ?? "";
      if (char === "\\") this.escape(false);
      else if (char === "[") this.charClass();
      else if (char === "(") {
        if (this.group()) depth++;
      } else if (char === ")") {
        if (--depth < 0) throw new Refused(refuse("unexpected )", this.input));
        this.take(char);
      } else if (char === "{") this.braces();
      else if (char === "*" || char === "+" || char === "?") this.repeat();
      else if (char === "}" || char === "]") this.take(`\\${char}`, 1);
      else this.take(char);
    }
    if (depth > 0) throw new Refused(refuse("missing closing )", this.input));
    return { source: this.out, ignoreCase: this.ignoreCase };
  }

  private take(text: string, consumed = text.length): void {
    this.out += text;
    this.at += consumed;
  }

  private repeat(): void {
    const previous = this.out;
    const operator = /^[*+?]\??/.exec(this.input.slice(this.at))?.[0] ?? "";
    if (previous === "" || /(^|[^\\])(\(|\||\(\?:|\(\?[a-z-]+:)$/.test(previous))
      throw new Refused(refuse("missing argument to repetition operator", operator[0] ?? ""));
    this.take(operator);
    const doubled = /^[*+?]|^\{\d+(,\d*)?\}/.exec(this.input.slice(this.at))?.[0];
    if (doubled !== undefined)
      throw new Refused(refuse("invalid nested repetition operator", operator + doubled));
  }

  private braces(): void {
    const repetition = /^\{(\d+)(?:,(\d*))?\}\??/.exec(this.input.slice(this.at));
    if (repetition === null) return this.take("\\{", 1);
    const [text, low, high] = repetition;
    if (Number(low) > 1000 || Number(high ?? 0) > 1000 || (high && Number(high) < Number(low)))
      throw new Refused(refuse("invalid repeat count", text.replace(/\?$/, "")));
    if (this.out === "") throw new Refused(refuse("missing argument to repetition operator", text));
    this.take(text);
  }

  /** Whether it opened a group that a `)` will close. */
  private group(): boolean {
    const rest = this.input.slice(this.at);
    const opened = (text: string, consumed = text.length): boolean => {
      this.take(text, consumed);
      return true;
    };
    if (!rest.startsWith("(?")) return opened("(");
    const named = /^\(\?P?<([A-Za-z_]\w*)>/.exec(rest);
    if (named !== null) return opened(`(?<${named[1]}>`, named[0].length);
    if (rest.startsWith("(?:")) return opened("(?:");
    const look = /^\(\?(<?[=!]|>|#|P=|\()/.exec(rest);
    if (look !== null) throw new Refused(refuse("invalid or unsupported Perl syntax", look[0]));
    const flags = /^\(\?([imsU]*)(?:-([imsU]+))?(:|\))/.exec(rest);
    if (flags === null)
      throw new Refused(refuse("invalid or unsupported Perl syntax", /^\(\?[^)]?/.exec(rest)?.[0] ?? "(?"));
    const [text, on = "", off = "", end] = flags;
    this.setFlags(text, on, off, end === ")");
    if (end === ":") return opened("(?:", text.length);
    this.at += text.length;
    return false;
  }

  /** JavaScript of Node 20 has no inline flags; those that change nothing here, or hold for all, can be had. */
  private setFlags(text: string, on: string, off: string, forTheRest: boolean): void {
    const unsupported = (what: string): never => {
      throw new Refused(`regular expression flag ${text} is ${what} by limpet's built-in Prometheus`);
    };
    // `s` is on anyway.
    if (/[Um]/.test(on) || off.includes("s")) unsupported("not supported");
    if (on.includes("i") && !(this.out === "" && forTheRest))
      unsupported("supported at the start of the expression only");
    if (on.includes("i")) this.ignoreCase = true;
  }

  private charClass(): void {
    this.take("[");
    if (this.input[this.at] === "^") this.take("^");
    // RE2 takes a `]` that stands first as itself.
    if (this.input[this.at] === "]") this.take("\\]", 1);
    for (;;) {
      const char = this.input[this.at];
      if (char === undefined) throw new Refused(refuse("missing closing ]", this.input));
      if (char === "]") return this.take("]");
      const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.input.slice(this.at));
      if (posix !== null) {
        const set = posixClasses[posix[2] ?? ""];
        if (set === undefined || posix[1] === "^")
          throw new Refused(refuse("invalid character class range", posix[0]));
        this.take(set, posix[0].length);
      } else if (char === "\\") this.escape(true);
      else if (/[[({})|/&~!#$%*+,.:;<=>?@`^]/.test(char))
        this.take(/[[({})|/^]/.test(char) ? `\\${char}` : char, 1);
      else this.take(char);
    }
  }

  private escape(inClass: boolean): void {
    const rest = this.input.slice(this.at);
    const next = rest[1];
    if (next === undefined) throw new Refused(refuse("trailing backslash at end of expression", ""));
    if (/[1-9]/.test(next)) throw new Refused(refuse("invalid escape sequence", `\\${next}`));
    if (!inClass && next === "A") return this.take("^", 2);
    if (!inClass && next === "z") return this.take("$", 2);
    if (next === "a") return this.take("\\x07", 2);
    if (!inClass && next === "Q") {
      const end = rest.indexOf("\\E");
      const literal = end < 0 ? rest.slice(2) : rest.slice(2, end);
      return this.take(literal.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), end < 0 ? rest.length : end + 2);
    }
    const hex = /^\\x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))/.exec(rest);
    if (hex !== null) return this.take(`\\u{${hex[1] ?? hex[2]}}`, hex[0].length);
    const unicode = /^\\([pP])(?:\{(\^?)(\w+)\}|(\w))/.exec(rest);
    if (unicode !== null) return this.unicodeClass(unicode);
    if (/[dDsSwWnrtfv]/.test(next) || (/[bB]/.test(next) && !inClass)) {
      // RE2's \s knows no vertical tab and only ASCII.
      if (next === "s") return this.take(inClass ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]", 2);
      if (next === "S" && !inClass) return this.take("[^\\t\\n\\f\\r ]", 2);
      return this.take(`\\${next}`);
    }
    if (/[A-Za-z0-9]/.test(next)) throw new Refused(refuse("invalid escape sequence", `\\${next}`));
    const needsEscape = /[\\^$.*+?()[\]{}|/]/.test(next) || (inClass && next === "-");
    this.take(needsEscape ? `\\${next}` : next, 2);
  }

  private unicodeClass(found: RegExpExecArray): void {
    const name = found[3] ?? found[4] ?? "";
    const negated = (found[1] === "P") !== (found[2] === "^");
    for (const spelled of [name, `Script=${name}`]) {
      const source = `\\${negated ? "P" : "p"}{${spelled}}`;
      try {
        new RegExp(source, "u").test("");
        return this.take(source, found[0].length);
      } catch {
        // Not known by this spelling: try the next.
      }
    }
    throw new Refused(refuse("invalid character class range", found[0]));
  }
}

/** An anchored expression for `source`, or the message that says why there is none. */
export function re2ToRegExp(source: string): RegExp | string {
  try {
    const { source: rewritten, ignoreCase } = new Rewriter(source).run();
    return new RegExp(`^(?:${rewritten})$`, ignoreCase ? "sui" : "su");
  } catch (problem) {
    if (problem instanceof Refused) return problem.message;
    return refuse("invalid regular expression", source);
  }
}
