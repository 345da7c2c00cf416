/** The commands that hold runs beside each other: two that were made, or many that are made for it. */
import { type Command, Option } from "commander";
import type { Host } from "./host.ts";
import { wholeNumber } from "./numbers.ts";
import type { SweepOptions } from "./options.ts";

const COMPARE_HELP = `
A RUN is a folder, the name of one below .limpet/runs, or latest. Two runs agree where owners are equal wherever the sets
of pods are equal, and times differ by at most one interval of each control loop on the path plus the measured process
time. The same seed gives both the same arrivals, addresses and phases.

Examples:
  limpet test "scale from zero" --seed 7 && limpet compare latest latest
  limpet compare latest .limpet/runs/2026-11-23T23-46-48-seed7 --reporter json

Exit codes: 0 they agree · 1 they differ · 2 no such run, or nothing in common`;

const SWEEP_HELP = `
What --set takes before the =:
  cooldownPeriod pollingInterval minReplicaCount maxReplicaCount threshold activationThreshold
  stabilizationWindowSeconds behavior          of the ScaledObjects
  algorithm minimumRingSize tableSize          of the DestinationRules that hash
  podManagementPolicy                          of the StatefulSets
  scrapeInterval                               of Prometheus
  TENANT_IDLE_SECONDS GAUGE_INTERVAL_SECONDS WORK_MS   of limpet's own programs
  strategy       what hashes: ring-hash, maglev; and, for comparison only, as no manifest can ask Istio for them:
                 rendezvous, jump, bounded-load, sticky, random
  Kind:path, Kind/name:path                    any other field that limpet acts on; absent leaves it out
Without NAME the scenario "come and go" is run. A row is marked * where no other is as good in every column.

Examples:
  limpet sweep --set cooldownPeriod=30,60,180 --runs 5 --seed 1
  limpet sweep "scale from zero" --find "StatefulSet:spec.template.spec.containers[0].readinessProbe.initialDelaySeconds=0..60" --check "first response" --runs 5 --seed 1

Exit codes: 0 a table, or a value was found · 1 --find: no change between the ends · 2 bad input · 130 interrupted`;

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

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

  program
    .command("sweep")
    .description(
      "simulate many variants of a topology under the same traffic: what each costs, and what it gives",
    )
    .argument("[NAME...]", 'scenarios by name or file; default: "come and go"')
    .option("--set <PATH=V1,V2>", "what to vary; every combination of several is a row", collect, [])
    .option("--find <PATH=LO..HI>", "look for the value where a check starts to fail")
    .option("--check <NAME>", "the check of --find, as the results table names it")
    .option("--runs <N>", "runs of each variant, over as many seeds", wholeNumber, 10)
    .option("--seed <N>", "the first seed", wholeNumber)
    .option("--workers <N>", "threads; default: one for each core", wholeNumber)
    .option(
      "--topology <DIR|->",
      "folder, kustomization or file of manifests, - for a rendered stream on stdin",
    )
    .option("--config <FILE>", "a limpet.yaml; default: the one beside the manifests")
    .addOption(
      new Option("--reporter <NAME>", "how the result is written to stdout")
        .choices(["terminal", "json", "csv"])
        .default("terminal"),
    )
    .addHelpText("after", SWEEP_HELP)
    .action(async (names: string[], options: SweepOptions) => {
      const { sweepCommand } = await import("./sweep-command.ts");
      result.code = await sweepCommand(host, names, options);
    });
}
