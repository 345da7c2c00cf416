import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { explain, rulePages } from "./explain.ts";
import { FAMILIES } from "./rule.ts";
import { RULES } from "./rules.ts";

const LETTERS = {
  routing: "R",
  keda: "K",
  timing: "T",
  workload: "W",
  metrics: "M",
  security: "S",
  input: "L",
};

test("every code is given once, in its family's form", () => {
  expect(new Set(RULES.map(({ code }) => code)).size).toBe(RULES.length);
  for (const { code, family } of RULES)
    expect(code).toMatch(new RegExp(`^LIMPET-${LETTERS[family]}1\\d\\d$`));
});

test("45 rules at least, in every family, and all 30 of the routing catalogue", () => {
  expect(RULES.length).toBeGreaterThanOrEqual(45);
  for (const family of Object.keys(FAMILIES)) expect(RULES.some((rule) => rule.family === family)).toBe(true);
  const catalogue = Array.from({ length: 30 }, (_, i) => `LIMPET-R${101 + i}`);
  expect(catalogue.filter((code) => !RULES.some((rule) => rule.code === code))).toEqual([]);
});

test("every rule has all its data", () => {
  for (const { title, why, wrong, right, source } of RULES) {
    expect(title.length).toBeGreaterThan(10);
    expect(title).not.toMatch(/\.$/);
    expect(why).toMatch(/\.$/);
    expect(wrong).not.toBe(right);
    expect(source).not.toBe("");
  }
});

// `npx vitest -u` writes the pages.
test.each(rulePages().map(({ file, text }) => [file, text] as const))(
  "docs/rules/%s is as the rule says",
  async (file, text) => {
    await expect(text).toMatchFileSnapshot(`../../docs/rules/${file}`);
  },
);

test("docs/rules has no page of a rule that is gone", () => {
  const known = new Set(rulePages().map(({ file }) => file));
  expect(readdirSync("docs/rules").filter((file) => !known.has(file))).toEqual([]);
});

test.each([
  ["LIMPET-R101", /^# LIMPET-R101: consistentHash on a headless Service/],
  ["limpet-r101", /^# LIMPET-R101/],
  ["k105", /^# LIMPET-K105/],
])("explain(%j) is its page", (code, page) => {
  const found = explain(code);
  expect("page" in found ? found.page : "").toMatch(page);
});

test("explain() of a code that is none says what may have been meant", () => {
  const found = explain("LIMPET-R1O1");
  expect("meant" in found && found.meant).toMatch(/^LIMPET-R1/);
});
