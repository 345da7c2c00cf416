/** Every rule about behaviour proves itself: its fault is found and fails a run, the mended one is clean and passes. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Verdict } from "../../events/types.ts";
import { RULES } from "../../lint/rules.ts";
import { NOT_SHOWN_CODES, SHOWN_CODES, showOf } from "../../lint/shows.ts";
import type { Show } from "../../lint/shows/show.ts";
import { lintText } from "../../lint/test-kit.ts";
import { rightObjects, wrongObjects } from "./demonstration.ts";
import { runShown, shownConfig } from "./run-shown.ts";
import { isProved } from "./show-command.ts";

const root = process.cwd();

/** Most rules have the same right one, which runs once. */
const rightRuns = new Map<string, Promise<Verdict>>();
function runRight(objects: string, show: Show): Promise<Verdict> {
  const key = `${show.scenario} ${show.slow}\n${objects}`;
  const found = rightRuns.get(key) ?? runShown(objects, show, root);
  rightRuns.set(key, found);
  return found;
}

test("every rule is shown, or says why it is not", () => {
  expect([...SHOWN_CODES, ...NOT_SHOWN_CODES].sort()).toEqual(RULES.map(({ code }) => code).sort());
});

describe.each(SHOWN_CODES)("%s", (code) => {
  const how = showOf(code);
  if (!("show" in how)) throw new Error("unreachable: it is one of the shown");
  const { show } = how;
  const right = rightObjects(root, show);
  const wrong = wrongObjects(right, show);
  const config = readFileSync(shownConfig(show, root), "utf8");

  test("is found in the wrong one, and not in the right one", async () => {
    const goals = RULES.find((rule) => rule.code === code)?.goals ?? {};
    const codesIn = async (text: string) =>
      (await lintText(text, { config, goals })).findings.map((finding) => finding.code);
    expect(await codesIn(wrong)).toContain(code);
    expect(await codesIn(right)).not.toContain(code);
  });

  test("fails a run when wrong, and passes it when right", async () => {
    const verdicts = [await runShown(wrong, show, root), await runRight(right, show)] as const;
    expect(isProved(show, ...verdicts), JSON.stringify(verdicts, null, 1)).toBe(true);
    expect(isProved(show, verdicts[1], verdicts[1])).toBe(false);
  });
});
