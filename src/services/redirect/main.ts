/** The redirect as a program: orders as JSON lines on standard input. */
import { createInterface } from "node:readline";
import type { RedirectOrder, RedirectReport } from "./protocol.ts";
import { Redirect } from "./redirect.ts";

function fail(error: unknown): never {
  process.stderr.write(`redirect: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

const STARTED: RedirectReport = { type: "started" };
const redirect = new Redirect();
createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on("line", (line) => {
    try {
      const order = JSON.parse(line) as RedirectOrder;
      const done = redirect.order(order).then(() => {
        if (order.type === "start") process.stdout.write(`${JSON.stringify(STARTED)}\n`);
      });
      done.catch(fail);
    } catch (error) {
      fail(error);
    }
  })
  .on("close", () => process.exit(0));
process.stdout.on("error", () => process.exit(0));
