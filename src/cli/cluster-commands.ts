/** `limpet cluster`: the topology onto a Kind cluster and off it again. What the commands are called; what they do is cluster-command.ts. */
import { type Command, Option } from "commander";
import { LEVELS } from "../cluster/plan-down.ts";
import type { Host } from "./host.ts";
import type { ClusterOptions } from "./cluster-command.ts";

export function addCluster(program: Command, host: Host, result: { code: number }): void {
  const cluster = program
    .command("cluster")
    .description("put the test topology onto a Kind cluster, and take it off again")
    .addHelpText(
      "after",
      "\nExamples:\n  limpet cluster doctor\n  limpet cluster up --dry-run\n\nWhat it installs, and why in these versions: docs/cluster.md",
    );
  const add = (name: "up" | "down" | "status" | "doctor", description: string, end: string): Command =>
    cluster
      .command(name)
      .description(description)
      .addHelpText("after", end)
      .action(async (options: ClusterOptions) => {
        const { clusterCommand } = await import("./cluster-command.ts");
        result.code = await clusterCommand(host, name, options);
      });
  const overlay = (): Option =>
    new Option("--overlay <NAME>", "a folder of k8s/overlays instead of the whole test topology");
  const dryRun = (): Option => new Option("--dry-run", "print every command that would run, and run none");

  add(
    "up",
    "create the cluster, build and load the images, install Istio and KEDA, apply, wait, smoke test",
    "\nAgain and again without harm: what is there already is left, what broke off is taken up.\nActs on the context kind-test-topology and no other.\n\nExamples:\n  limpet cluster up --dry-run\n  limpet cluster up --overlay one-tier\n\nExit codes: 0 up, and the smoke test passes · 1 a step or the smoke test failed · 2 bad input · 3 the environment lacks something · 130 interrupted",
  )
    .addOption(overlay())
    .addOption(dryRun());
  add(
    "down",
    "take it off again: the test, the add-ons too, or the whole cluster",
    "\nExamples:\n  limpet cluster down --dry-run\n  limpet cluster down --level test\n\nExit codes: 0 gone, or was not there · 1 a step failed · 2 bad input · 3 the environment lacks something · 130 interrupted",
  )
    .addOption(
      new Option("--level <NAME>", "what goes: the test's namespace, KEDA and Istio too, the cluster")
        .choices([...LEVELS])
        .default("cluster"),
    )
    .option("--images", "remove the built images from Docker too")
    .addOption(overlay())
    .addOption(dryRun());
  add(
    "status",
    "what of it stands",
    "\nExamples:\n  limpet cluster status\n  limpet cluster status --overlay one-tier\n\nExit codes: 0 said · 2 bad input · 3 the environment lacks something",
  ).addOption(overlay());
  add(
    "doctor",
    "which programs set-up needs, which are missing, where to get them",
    "\nExamples:\n  limpet cluster doctor\n  limpet cluster doctor && limpet cluster up\n\nExit codes: 0 all there · 3 something is missing",
  );
}
