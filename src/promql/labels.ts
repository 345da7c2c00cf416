/** Label name → value. An empty value means the same as an absent label. */
export type LabelSet = Readonly<Record<string, string>>;

export const METRIC_NAME = "__name__";
/** What identifies a metric rather than an instance of it; goes wherever the name goes. */
export const METADATA_LABELS: readonly string[] = [METRIC_NAME, "__type__", "__unit__"];

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const legacyName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Go's `strconv.Quote` for the characters that labels hold. */
export function goQuote(text: string): string {
  let out = '"';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (char === '"' || char === "\\") out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\t") out += "\\t";
    else if (char === "\r") out += "\\r";
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else out += char;
  }
  return `${out}"`;
}

/** The labels of one series: immutable, sorted by name, without empty values. */
export class Labels {
  /** name, value, name, value, … in order of names. */
  readonly pairs: readonly string[];
  private cachedKey: string | undefined;
  private cachedNameless: Labels | undefined;

  private constructor(pairs: readonly string[]) {
    this.pairs = pairs;
  }

  static readonly empty: Labels = new Labels([]);

  static from(set: LabelSet): Labels {
    const names = Object.keys(set).filter((name) => set[name] !== "");
    names.sort(compareText);
    return new Labels(names.flatMap((name) => [name, set[name] ?? ""]));
  }

  /** For pairs that are already sorted by name and hold no empty value. */
  static fromSortedPairs(pairs: readonly string[]): Labels {
    return new Labels(pairs);
  }

  /** Equal for equal label sets, and only for those. */
  get key(): string {
    this.cachedKey ??= this.pairs.join("\u0000");
    return this.cachedKey;
  }

  get(name: string): string {
    const { pairs } = this;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return pairs[i + 1] ?? "";
    return "";
  }

  private filter(keep: (name: string) => boolean): Labels {
    const pairs: string[] = [];
    for (let i = 0; i < this.pairs.length; i += 2) {
      const name = this.pairs[i] ?? "";
      if (keep(name)) pairs.push(name, this.pairs[i + 1] ?? "");
    }
    return pairs.length === this.pairs.length ? this : new Labels(pairs);
  }

  keeping(names: readonly string[]): Labels {
    return this.filter((name) => names.includes(name));
  }

  dropping(names: readonly string[]): Labels {
    return this.filter((name) => !names.includes(name));
  }

  /** Without the metric's name (and `__type__`, `__unit__`). */
  withoutName(): Labels {
    this.cachedNameless ??= this.dropping(METADATA_LABELS);
    return this.cachedNameless;
  }

  with(name: string, value: string): Labels {
    const rest = this.dropping([name]).pairs;
    if (value === "") return new Labels(rest);
    let at = 0;
    while (at < rest.length && compareText(rest[at] ?? "", name) < 0) at += 2;
    return new Labels([...rest.slice(0, at), name, value, ...rest.slice(at)]);
  }

  toObject(): Record<string, string> {
    const set: Record<string, string> = {};
    for (let i = 0; i < this.pairs.length; i += 2) set[this.pairs[i] ?? ""] = this.pairs[i + 1] ?? "";
    return set;
  }

  /** As Prometheus writes it in messages: `{__name__="up", job="api"}`. */
  toString(): string {
    const parts: string[] = [];
    for (let i = 0; i < this.pairs.length; i += 2) {
      const name = this.pairs[i] ?? "";
      parts.push(`${legacyName.test(name) ? name : goQuote(name)}=${goQuote(this.pairs[i + 1] ?? "")}`);
    }
    return `{${parts.join(", ")}}`;
  }
}

/** The order in which Prometheus lists series: pair by pair, then the shorter first. */
export function compareLabels(a: Labels, b: Labels): number {
  const length = Math.min(a.pairs.length, b.pairs.length);
  for (let i = 0; i < length; i++) {
    const order = compareText(a.pairs[i] ?? "", b.pairs[i] ?? "");
    if (order !== 0) return order;
  }
  return a.pairs.length - b.pairs.length;
}
