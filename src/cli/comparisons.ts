/** The commands that hold runs beside each other: two that were made, or many that are made for it. */
import { type Command, Option } from "commander";
import type { Host } from "./host.ts";

const COMPARE_HELP = `
A RUN is a folder, the name of one below .limpet/runs, or latest. Two runs agree where owners are equal wherever the sets
of pods are equal, and times differ by at most one interval of each control loop on the path plus the measured process
time. The same seed gives both the same arrivals, addresses and phases.

Examples:
  limpet test "scale from zero" --seed 7 && limpet compare latest latest
  limpet compare latest .limpet/runs/2026-11-23T23-46-48-seed7 --reporter json

Exit codes: 0 they agree · 1 they differ · 2 no such run, or nothing in common`;

export function addComparisons(program: Command, host: Host, result: { code: number }): void {
  program
    .command("compare")
    .description("hold two finished runs beside each other: timelines, owners, moves, first responses")
    .argument("<RUN>", "the first run, A")
    .argument("<RUN>", "the second run, B")
    .addOption(
      new Option("--reporter <NAME>", "how the result is written to stdout")
        .choices(["terminal", "json"])
        .default("terminal"),
    )
    .addHelpText("after", COMPARE_HELP)
    .action(async (a: string, b: string, options: { reporter: "terminal" | "json" }) => {
      const { compareCommand } = await import("./compare-command.ts");
      result.code = await compareCommand(host, [a, b], options.reporter);
    });
}
