/** The sidecar as a program: orders as JSON lines on standard input, reports on standard output. */
import { createInterface } from "node:readline";
import { clockFromEnv } from "../../clock/wall-clock.ts";
import type { SidecarOrder, SidecarReport } from "./protocol.ts";
import { parseOrder } from "./wire.ts";
import { createSidecar } from "./sidecar.ts";

let lines: string[] = [];
/** Reports of one turn of the event loop leave in one write. */
function report(entry: SidecarReport): void {
  if (lines.push(JSON.stringify(entry)) === 1) setImmediate(flush);
}
function flush(): void {
  if (lines.length === 0) return;
  process.stdout.write(`${lines.join("\n")}\n`);
  lines = [];
}

function fail(error: unknown): never {
  process.stderr.write(`sidecar: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

/** What is still to be written goes out first; a reader that is gone does not hold us. */
function end(): void {
  flush();
  process.stdout.end(() => process.exit(0));
}

const sidecar = createSidecar({ clock: clockFromEnv(process.env), report });
const input = createInterface({ input: process.stdin, crlfDelay: Infinity });
input.on("line", (line) => {
  let order: SidecarOrder;
  try {
    order = parseOrder(line);
  } catch (error) {
    fail(error);
  }
  sidecar.order(order).catch(fail);
});
input.on("close", () => {
  sidecar.close();
  end();
});
process.stdout.on("error", () => process.exit(0));
process.on("SIGTERM", () => void sidecar.drain().then(end, fail));
