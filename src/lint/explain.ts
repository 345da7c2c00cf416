/** A page for each rule: what, why, wrong, right, source. `docs/rules/` is made of these. */
import { nearest } from "../topology/suggest.ts";
import { FAMILIES, type Family, type Rule } from "./rule.ts";
import { RULES } from "./rules.ts";
import { showOf } from "./shows.ts";

const fenced = (text: string): string => `\`\`\`yaml\n${text.trim()}\n\`\`\``;

function shown({ code }: Rule): string {
  const how = showOf(code);
  return "show" in how
    ? `\`limpet lint --show ${code}\` runs \`scenarios/show/${how.show.scenario}.yaml\` on the test topology with the fault in it and without: "${how.show.check}"${how.show.or === undefined ? "" : ` or "${how.show.or}"`} fails, and passes.`
    : `Not by a run: ${how.whyNot}.`;
}

/** The page as Markdown. */
export function explainRule(rule: Rule): string {
  const beside = [
    ...(rule.config === undefined ? [] : [`With this \`limpet.yaml\`:\n\n${fenced(rule.config)}`]),
    ...(rule.goals === undefined
      ? []
      : [
          `With the goals ${Object.entries(rule.goals)
            .map(([name, seconds]) => `\`${name}: ${seconds}\``)
            .join(", ")}.`,
        ]),
    ...(rule.exampleFile === undefined ? [] : [`As \`${rule.exampleFile}\`, beside \`objects.yaml\`.`]),
  ];
  return `${[
    `# ${rule.code}: ${rule.title}`,
    `${FAMILIES[rule.family]} · ${rule.severity}`,
    rule.why,
    "## Wrong",
    fenced(rule.wrong),
    "## Right",
    fenced(rule.right),
    ...beside,
    ...(rule.fix === undefined
      ? []
      : ["## What --fix does", `\`limpet lint --fix\` ${rule.fix}; the rest of the file stays as it is.`]),
    "## Shown",
    shown(rule),
    "## Accepting it",
    "On the line, or in a comment above it:",
    fenced(`# limpet:ignore ${rule.code} the reason`),
    "or on the object:",
    fenced(`metadata:\n  annotations:\n    limpet.dev/ignore: "${rule.code}: the reason"`),
    "## Source",
    rule.source,
  ].join("\n\n")}\n`;
}

/** The page of a code. */
export function explain(code: string): { readonly page: string } | { readonly meant: string | null } {
  const found = findRule(code);
  return "rule" in found ? { page: explainRule(found.rule) } : found;
}

/** The rule of a code, in any case and with or without `LIMPET-`; else what may have been meant. */
export function findRule(code: string): { readonly rule: Rule } | { readonly meant: string | null } {
  const upper = code.toUpperCase();
  const full = upper.startsWith("LIMPET-") ? upper : `LIMPET-${upper}`;
  const rule = RULES.find((one) => one.code === full);
  if (rule !== undefined) return { rule };
  return {
    meant: nearest(
      full,
      RULES.map((one) => one.code),
    ),
  };
}

/** The pages with their file names, and an index. */
export function rulePages(): readonly { readonly file: string; readonly text: string }[] {
  const sections = (Object.keys(FAMILIES) as Family[]).map((family) => {
    const rows = RULES.filter((rule) => rule.family === family).map(
      ({ code, title, severity, fix }) =>
        `| [${code}](${code}.md) | ${severity} | ${title} | ${fix === undefined ? "" : "yes"} |`,
    );
    return [
      `## ${FAMILIES[family]}`,
      ["| code | severity | what | `--fix` |", "| --- | --- | --- | --- |", ...rows].join("\n"),
    ].join("\n\n");
  });
  const head = `# Rules of limpet lint\n\n${RULES.length} rules. Each page has manifests on which the rule fires and the same put right; the tests run both.`;
  return [
    { file: "README.md", text: `${[head, ...sections].join("\n\n")}\n` },
    ...RULES.map((rule) => ({ file: `${rule.code}.md`, text: explainRule(rule) })),
  ];
}
