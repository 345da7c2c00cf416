/** `# limpet:ignore CODE reason` in a manifest: on the line that a finding names, or in the comment above it. */
export type IgnoreComment = {
  readonly file: string;
  /** The comment's own line. */
  readonly line: number;
  readonly column: number;
  readonly code: string;
  /** Empty where none was given; then nothing is suppressed. */
  readonly reason: string;
  /** The line that it is about. */
  readonly about: number;
};

const MARK = /(?:^|\s)#\s*limpet:ignore\b(.*)$/;
const ONLY_COMMENT = /^\s*(#|$)/;

/** Comments of one file, in order. A comment line is about the next line that is not one. */
export function ignoreComments(file: string, text: string): IgnoreComment[] {
  if (!text.includes("limpet:ignore")) return [];
  const lines = text.split("\n");
  return lines.flatMap((content, i) => {
    const match = MARK.exec(content.replace(/\r$/, ""));
    if (match === null) return [];
    const [code = "", ...reason] = (match[1] ?? "").trim().split(/\s+/);
    let about = i;
    while (about < lines.length && ONLY_COMMENT.test(lines[about] ?? "")) about++;
    const column = content.indexOf("#", match.index) + 1;
    return [{ file, line: i + 1, column, code, reason: reason.join(" "), about: about + 1 }];
  });
}
