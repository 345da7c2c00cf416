/** docker, kind, kubectl and helm in one program: `stand-in.js PROGRAM ARGS…`, its world in the file $STAND_IN_WORLD. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { answer, type World } from "../src/cluster/testing.ts";

const file = process.env["STAND_IN_WORLD"]!;
const [program = "", ...args] = process.argv.slice(2);
const before = readFileSync(file, "utf8");
const world = JSON.parse(before) as World;
const outcome = answer(world, { program, args });
// A file of its own: several are asked for their version at once.
appendFileSync(
  `${file}.log`,
  world.log
    .splice(0)
    .map((line) => `${line}\n`)
    .join(""),
);
const after = JSON.stringify(world);
if (after !== before) writeFileSync(file, after);
process.stdout.write(outcome.stdout);
process.stderr.write(outcome.stderr);
// What hangs stays until it is ended from outside.
if (outcome.ended === "timed out") setInterval(() => {}, 1000);
else process.exitCode = outcome.code ?? 1;
