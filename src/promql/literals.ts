/** Numbers, durations and strings as the query language spells them. */

const unitMs: readonly (readonly [string, number])[] = [
  ["y", 365 * 24 * 3600 * 1000],
  ["w", 7 * 24 * 3600 * 1000],
  ["d", 24 * 3600 * 1000],
  ["h", 3600 * 1000],
  ["m", 60 * 1000],
  ["s", 1000],
  ["ms", 1],
];
const durationPattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** `1h30m` as milliseconds; null where it is no duration. Units must fall in size, each at most once. */
export function parseDuration(text: string): number | null {
  if (text === "") return null;
  const parts = durationPattern.exec(text);
  if (parts === null) return null;
  return unitMs.reduce((sum, [, ms], i) => sum + Number(parts[i + 1] ?? 0) * ms, 0);
}

/** The form in which Prometheus prints durations: `1h30m`, `1d`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let out = "";
  for (const [unit, size] of unitMs) {
    const exactOnly = unit === "y" || unit === "w" || unit === "d";
    if (exactOnly && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) out += `${count}${unit}`;
    rest -= count * size;
  }
  return out;
}

/**
 * An unsigned number as the query language takes it: decimal, exponent, hexadecimal, octal (`017`), `Inf`, `NaN`, digits
 * grouped by `_`, or a duration (as seconds). Null where it is none.
 */
export function parseNumber(text: string): number | null {
  const lower = text.toLowerCase();
  if (lower === "inf") return Infinity;
  if (lower === "nan") return NaN;
  if (/^0x[0-9a-f_]+$/.test(lower)) return Number(lower.replaceAll("_", ""));
  if (/^0[0-7]+$/.test(lower)) return Number.parseInt(lower, 8);
  if (/^(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[+-]?\d+)?$/.test(lower)) return Number(lower.replaceAll("_", ""));
  const durationMs = parseDuration(text);
  return durationMs === null ? null : durationMs / 1000;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** The text inside a quoted literal, escapes resolved as Go does; null where the literal is malformed. */
export function unquote(literal: string): string | null {
  const quote = literal[0] ?? "";
  if (literal.length < 2 || literal.at(-1) !== quote) return null;
  const body = literal.slice(1, -1);
  if (quote === "`") return body;
  let out = "";
  for (let i = 0; i < body.length; i++) {
    const char = body[i] ?? "";
    if (char === "\n") return null;
    if (char !== "\\") {
      out += char;
      continue;
    }
    const next = body[++i] ?? "";
    const other = next === "'" ? '"' : next === '"' ? "'" : "";
    if (other === quote) return null;
    const simple = simpleEscapes[next];
    if (simple !== undefined) {
      out += simple;
      continue;
    }
    const code = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(body.slice(i));
    if (code === null) return null;
    const point =
      code[4] === undefined
        ? Number.parseInt(code[1] ?? code[2] ?? code[3] ?? "", 16)
        : Number.parseInt(code[4], 8);
    if (point > 0x10ffff || (code[4] !== undefined && point > 255)) return null;
    out += String.fromCodePoint(point);
    i += code[0].length - 1;
  }
  return out;
}
