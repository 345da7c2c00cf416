import { isUtf8 } from "node:buffer";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.ts";
import { run } from "./run.ts";

const controller = new AbortController();
let interruptions = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    interruptions++;
    controller.abort();
    // A second Ctrl-C means it: the guardian ends what is left.
    if (interruptions > 1) process.exit(130);
  });
}
// `limpet … | head` closes the pipe early: not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await run({
  args: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  readStdin: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (!isUtf8(bytes))
      throw new InputError([
        "what came on standard input is not UTF-8; render it as UTF-8, or name the file",
      ]);
    return bytes.toString("utf8");
  },
  interrupted: controller.signal,
  packageRoot: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  now: () => new Date(),
});
