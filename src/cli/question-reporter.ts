import type { Host } from "./host.ts";
import type { QuestionReporter } from "./options.ts";

/** A question's answer is read by a person at a terminal, and by a program where it goes into a pipe or a file. */
export const wantsJson = ({ stdout }: Host, reporter: QuestionReporter | undefined): boolean =>
  reporter === undefined ? stdout.isTTY !== true : reporter === "json";
