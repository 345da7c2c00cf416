/** The run as JUnit XML, for CI servers: a suite for each scenario, a case for each check. */
import type { CheckResult } from "../events/types.ts";
import { measuredWords, type RunLog } from "./summary.ts";
import { counting } from "../events/verdicts.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Characters that XML 1.0 has no way to write are replaced. */
const escape = (text: string): string =>
  Array.from(text, (character) => {
    const code = character.codePointAt(0)!;
    if (code < 32 && code !== 10 && code !== 9) return "\uFFFD";
    return ENTITIES[character] ?? (code === 10 ? "&#10;" : character);
  }).join("");

const element = (
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content = "",
): string => {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`);
  return content === ""
    ? `<${name}${written.join("")}/>`
    : `<${name}${written.join("")}>${content}</${name}>`;
};

function caseOf(scenario: string, check: CheckResult): string {
  const words = `measured ${measuredWords(check)}, expected ${check.limit}, ${check.samples} samples`;
  const why = [words, check.reason, check.remedy ?? ""].filter((text) => text !== "").join("\n");
  const attributes = { classname: scenario, name: check.name };
  const inside = {
    pass: element("system-out", {}, escape(why)),
    reported: element("system-out", {}, escape(why)),
    fail: element("failure", { message: check.reason, type: "fail" }, escape(why)),
    undecided: element("failure", { message: check.reason, type: "undecided" }, escape(why)),
    void: element("error", { message: check.reason, type: "void" }, escape(why)),
  }[check.verdict];
  return `    ${element("testcase", attributes, inside)}`;
}

export function renderJunit(log: RunLog): string {
  const scenarios = counting(log.verdicts);
  const count = (checks: readonly CheckResult[], ...kinds: readonly CheckResult["verdict"][]): number =>
    checks.filter(({ verdict }) => kinds.includes(verdict)).length;
  const sums = (checks: readonly CheckResult[]): Record<string, number> => ({
    tests: checks.length,
    failures: count(checks, "fail", "undecided"),
    errors: count(checks, "void"),
  });
  const suites = scenarios.map(
    ({ scenario, checks }) =>
      `  ${element(
        "testsuite",
        { name: scenario, ...sums(checks), skipped: 0 },
        `\n${checks.map((check) => caseOf(scenario, check)).join("\n")}\n  `,
      )}`,
  );
  const skipped = log.notApplicable.map(({ scenario, reason }) => {
    const message = `not applicable: ${reason}`;
    const one = element("testcase", { classname: scenario, name: scenario }, element("skipped", { message }));
    const attributes = { name: scenario, tests: 1, failures: 0, errors: 0, skipped: 1 };
    return `  ${element("testsuite", attributes, `\n    ${one}\n  `)}`;
  });
  const all = sums(scenarios.flatMap(({ checks }) => checks));
  const attributes = {
    name: `limpet test ${log.header.topology}`,
    ...all,
    tests: all["tests"]! + skipped.length,
    skipped: skipped.length,
    time: log.resources?.realSeconds ?? 0,
  };
  const content = [...suites, ...skipped].map((suite) => `\n${suite}`).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element("testsuites", attributes, `${content}\n`)}\n`;
}
