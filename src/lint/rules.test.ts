import { describe, expect, test } from "vitest";
import { RULES } from "./rules.ts";
import { service, yaml } from "./examples.ts";
import { lintFiles, lintText } from "./test-kit.ts";

describe.each(RULES.map((rule) => [rule.code, rule.title, rule] as const))("%s %s", (code, _title, rule) => {
  const codesIn = async (text: string) => {
    const options = {
      ...(rule.config === undefined ? {} : { config: rule.config }),
      ...(rule.goals === undefined ? {} : { goals: rule.goals }),
    };
    const { findings } =
      rule.exampleFile === undefined
        ? await lintText(text, options)
        : await lintFiles({ [rule.exampleFile]: text, "objects.yaml": yaml(service()) });
    return findings.filter((finding) => finding.code === code);
  };

  test("fires on its wrong example, at a line of it", async () => {
    const found = await codesIn(rule.wrong);
    expect(found.length).toBeGreaterThan(0);
    for (const finding of found) {
      expect(finding.file).toBe(rule.exampleFile ?? "stdin");
      expect(finding.line).toBeGreaterThan(1);
      expect(finding.message).toMatch(/[^.]\.$/);
      expect(finding.message.length).toBeLessThan(320);
      expect(finding.remedy).not.toBe("");
      expect(finding.object).toMatch(/^[A-Z]\w+ [\w.-]+(\/[\w.-]+)?$/);
    }
  });

  test("is silent on its right example", async () => {
    expect(await codesIn(rule.right)).toEqual([]);
  });
});
