/** The fenced blocks of one language in a Markdown document, in order, without their fences. */
export const codeBlocks = (markdown: string, language: string): string[] =>
  [...markdown.matchAll(/^```([^\n`]*)\n([^]*?)^```$/gm)]
    .filter((match) => match[1]!.trim() === language)
    .map((match) => match[2]!);
