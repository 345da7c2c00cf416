/** `limpet report`: a finished run, from its event log and nothing else. */
import { join } from "node:path";
import { findRun } from "../events/reader.ts";
import { readRunLog } from "../report/summary.ts";
import { exitCode } from "../events/verdicts.ts";
import type { Host } from "./host.ts";
import { render } from "./render.ts";
import type { Reporter } from "./options.ts";
import { RUNS_FOLDER } from "./runs-folder.ts";

export async function reportCommand(host: Host, name: string, reporter: Reporter): Promise<number> {
  const log = await readRunLog(findRun(join(host.cwd, RUNS_FOLDER), name));
  host.stdout.write(render(host, log, reporter));
  return log.unfinished.length > 0 ? 1 : exitCode(log.verdicts);
}
