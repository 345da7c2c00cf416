import { renderJson } from "../report/json.ts";
import { renderJunit } from "../report/junit.ts";
import type { RunLog } from "../report/summary.ts";
import { renderTerminal } from "../report/terminal.ts";
import { relative } from "node:path";
import type { Host } from "./host.ts";
import type { Reporter } from "./options.ts";

export function render(host: Host, log: RunLog, reporter: Reporter): string {
  if (reporter === "json") return `${renderJson(log).trimEnd()}\n`;
  if (reporter === "junit") return `${renderJunit(log).trimEnd()}\n`;
  const near = relative(host.cwd, log.folder);
  const shown = near.startsWith("..") ? log : { ...log, folder: near };
  return renderTerminal(shown, { color: wantsColor(host) });
}

/** https://no-color.org, and never into a pipe unless asked. */
export function wantsColor({ env, stdout }: Host): boolean {
  if (env["NO_COLOR"]) return false;
  return env["FORCE_COLOR"] !== undefined || stdout.isTTY === true;
}
