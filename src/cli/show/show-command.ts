/** `limpet lint --show CODE`: the fault in a run that fails, and the same run with the fault mended. */
import { InputError } from "../../errors.ts";
import type { CheckResult, Verdict } from "../../events/types.ts";
import { findRule } from "../../lint/explain.ts";
import { showOf } from "../../lint/shows.ts";
import type { Show, ShownChange } from "../../lint/shows/show.ts";
import { columns } from "../columns.ts";
import { EXIT, type Host } from "../host.ts";
import { rightObjects, wrongObjects } from "./demonstration.ts";
import { runShown } from "./run-shown.ts";

export async function showCommand(host: Host, code: string): Promise<number> {
  const found = findRule(code);
  if ("meant" in found) {
    const hint = found.meant === null ? "" : `; did you mean ${found.meant}?`;
    throw new InputError([`lint: no rule has the code "${code}"${hint} docs/rules/ lists them all`]);
  }
  const { rule } = found;
  const how = showOf(rule.code);
  if ("whyNot" in how) {
    host.stdout.write(
      `${rule.code}: ${rule.title}\n\nNot shown: ${how.whyNot}.\nWhy it matters: limpet explain ${rule.code}\n`,
    );
    return EXIT.pass;
  }
  const { show } = how;
  const objects = rightObjects(host.packageRoot, show);
  const right = await runShown(objects, show, host.packageRoot);
  const wrong = await runShown(wrongObjects(objects, show), show, host.packageRoot);
  host.stdout.write(`${rule.code}: ${rule.title}\n\n${page(show, wrong, right)}`);
  return isProved(show, wrong, right) ? EXIT.pass : EXIT.failed;
}

/** The check fails with the fault, and all pass without it. */
export const isProved = (show: Show, wrong: Verdict, right: Verdict): boolean =>
  right.verdict === "pass" && named(wrong, show)?.verdict === "fail";

/** The check that tells, the one that fails first of all. */
function named({ checks }: Verdict, { check, or }: Show): CheckResult | undefined {
  const telling = checks.filter(({ name }) => name === check || name === or);
  return telling.find(({ verdict }) => verdict === "fail") ?? telling[0];
}

function page(show: Show, wrong: Verdict, right: Verdict): string {
  const rows = right.checks.map((check, i) => [
    check.name,
    limits(wrong.checks[i], check),
    measured(wrong.checks[i]),
    measured(check),
  ]);
  const reason = named(wrong, show)?.reason ?? "";
  return [
    ...(show.slow
      ? ["given   programs that listen 8 s after their start (scenarios/show/limpet-slow.yaml)"]
      : []),
    ...(show.given ?? []).map((one) => `given   ${changeInWords(one)}`),
    ...show.changes.map((one) => `wrong   ${changeInWords(one)}`),
    ...(show.objects === undefined ? [] : [`wrong   beside it:\n${indented(show.objects)}`]),
    "right   the test topology, without that",
    "",
    columns([["check", "wanted", "wrong", "right"], ...rows]),
    "",
    ...(reason === "" ? [] : [`because  ${reason.split("\n").join("\n         ")}`]),
    `scenarios/show/${show.scenario}.yaml, simulated engine, seed 7, ${Math.round(wrong.atUs / 1e6)} s and ${Math.round(right.atUs / 1e6)} s of topology time`,
    "",
  ].join("\n");
}

/** A limit may follow from what was changed: then both are told. */
const limits = (wrong: CheckResult | undefined, right: CheckResult): string =>
  wrong === undefined || wrong.limit === right.limit ? right.limit : `${wrong.limit}, and ${right.limit}`;

function measured(check: CheckResult | undefined): string {
  if (check === undefined) return "–";
  const value = check.measured === null ? "nothing" : `${check.measured}`;
  const unit = typeof check.measured === "number" && check.unit !== "" ? ` ${check.unit}` : "";
  return `${value}${check.of === undefined ? unit : ` of ${check.of}`} ${check.verdict}`;
}

const indented = (text: string): string =>
  text
    .trim()
    .split("\n")
    .map((line) => `        ${line}`)
    .join("\n");

function changeInWords({ object, at, value }: ShownChange): string {
  const field = at.join(".").replaceAll(/\.(\d+|-)(?=\.|$)/g, "[$1]");
  return `${object}: ${field}${value === undefined ? " is left out" : `: ${JSON.stringify(value)}`}`;
}
