import type { SyntaxNode } from "@lezer/common";
import type { ParseOptions } from "./parse-options.ts";

/** What everything that reads the grammar's tree needs. */
export type Reader = {
  readonly query: string;
  readonly options: Required<ParseOptions>;
  readonly text: (node: SyntaxNode) => string;
  /** Throws the parse error `message` at `offset`. */
  readonly fail: (offset: number, message: string) => never;
};

export const children = (node: SyntaxNode): SyntaxNode[] => {
  const all: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling)
    if (child.name !== "LineComment") all.push(child);
  return all;
};
