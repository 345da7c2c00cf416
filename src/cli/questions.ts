/** The commands that put one question to one part, without running anything. */
import { type Command, Option } from "commander";
import type { Host } from "./host.ts";
import { wholeNumber } from "./numbers.ts";
import type { QueryCommandOptions, ScaleOptions, WhereOptions } from "./options.ts";

const reporter = (): Option =>
  new Option(
    "--reporter <NAME>",
    "how the answer is written; default: terminal on a terminal, else json",
  ).choices(["terminal", "json"]);
const TOPOLOGY = "folder, kustomization or file of manifests, - for a rendered stream on stdin";
const EXIT_CODES = "\n\nExit codes: 0 answered · 2 bad input · 130 interrupted";

export function addQuestions(program: Command, host: Host, result: { code: number }): void {
  addWhere(program, host, result);
  addScale(program, host, result);
  addQuery(program, host, result);
}

function addWhere(program: Command, host: Host, result: { code: number }): void {
  program
    .command("where")
    .description("say which pod each tenant goes to and by what rule, and who moves when pods come or go")
    .argument("[TENANT...]", "values of the tenant header")
    .option("--topology <DIR|->", TOPOLOGY)
    .option("--tier <NAME>", "the tier; default: the first")
    .option(
      "--pods <N|N..M>",
      "how many pods; default: as many as there can be; a range: one step after another",
    )
    .option("--seed <N>", "what the pods' addresses are drawn from", wholeNumber, 1)
    .option("--hosts <FILE|->", "instead of a topology: JSON with a policy, hosts and tenants of your own")
    .addOption(reporter())
    .addHelpText(
      "after",
      `
--hosts takes {"policy": {"algorithm": "RING_HASH"|"MAGLEV", "minimumRingSize", "maximumRingSize", "tableSize"},
"hosts": [{"address": "10.244.0.7:8000", "weight": 1}], "tenants": ["a", …]} and answers {"schemaVersion", "owners"}: the
index of the host for each tenant, or null.

Examples:
  limpet where alice bob carol --pods 2..4
  echo '{"policy":{"algorithm":"MAGLEV"},"hosts":[{"address":"10.0.0.1:80"}],"tenants":["a"]}' | limpet where --hosts -${EXIT_CODES}`,
    )
    .action(async (tenants: string[], options: WhereOptions) => {
      const { whereCommand } = await import("./where-command.ts");
      result.code = await whereCommand(host, tenants, options);
    });
}

function addScale(program: Command, host: Host, result: { code: number }): void {
  program
    .command("scale")
    .description("say what KEDA and the HPA make of a course of events")
    .requiredOption("--trace <FILE|->", "the course: a JSON line for each instant at which something changes")
    .option("--topology <DIR|->", `whose ScaledObject it is; ${TOPOLOGY}`)
    .option("--tier <NAME>", "the tier; default: the first")
    .option(
      "--versions <LIST>",
      "releases, like keda=2.17,kubernetes=1.30; default: limpet.yaml's, else the newest",
    )
    .addOption(reporter())
    .addHelpText(
      "after",
      `
A line is {"t": seconds, …} with any of: metrics (one for each trigger: a number, "empty" or "error"), replicas,
statusReplicas, scaledObject or hpa (a spec), pass ("keda" or "hpa"), lastActiveTime, creationTimestamp. Without a pass in the
trace KEDA acts at 0.02 + k × pollingInterval, the HPA at 0.05 + k × 15.01, until the last line's t.

Examples:
  printf '%s\\n' '{"t":0,"replicas":0,"metrics":[0]}' '{"t":3,"metrics":[10]}' '{"t":60}' | limpet scale --trace -
  echo '{"t":0,"replicas":1,"metrics":[10],"pass":"hpa","hpa":{"maxReplicas":5,"metrics":[{"type":"External","external":{"metric":{"name":"m"},"target":{"type":"AverageValue","averageValue":"2"}}}]}}' | limpet scale --trace -${EXIT_CODES}`,
    )
    .action(async (options: ScaleOptions) => {
      const { scaleCommand } = await import("./scale-command.ts");
      result.code = await scaleCommand(host, options);
    });
}

function addQuery(program: Command, host: Host, result: { code: number }): void {
  program
    .command("query")
    .description("ask an instant query of samples in a file")
    .argument("<PROMQL>", "the query")
    .requiredOption("--samples <FILE|->", "exposition text; timestamps in milliseconds after the values")
    .option("--versions <LIST>", "prometheus=2 answers as a Prometheus 2; default 3")
    .option("--time <T>", "unix seconds or RFC 3339; default: the newest timestamp in the samples, else now")
    .addOption(reporter())
    .addHelpText(
      "after",
      `
Examples:
  printf 'm{a="1"} 3 1000\\nm{a="2"} 4 1000\\n' | limpet query 'sum(m)' --samples -
  printf 'hits_total 0 0\\nhits_total 30 60000\\n' | limpet query 'rate(hits_total[2m])' --samples - --time 60${EXIT_CODES}`,
    )
    .action(async (promql: string, options: QueryCommandOptions) => {
      const { queryCommand } = await import("./query-command.ts");
      result.code = await queryCommand(host, promql, options);
    });
}
