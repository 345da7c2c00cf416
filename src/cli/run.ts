/** The commands: puts rooms together, and turns what comes of it into words and an exit code. */
import { Command, CommanderError, Option } from "commander";
import { EnvironmentError, InputError } from "../errors.ts";
import { EXIT, type Host } from "./host.ts";
import { port, speed, wholeNumber } from "./numbers.ts";
import type { Reporter, TestOptions, UpOptions } from "./options.ts";
import { addCluster } from "./cluster-commands.ts";
import { addComparisons } from "./comparisons.ts";
import { addLint } from "./lint-commands.ts";
import { addQuestions } from "./questions.ts";
import { packageVersion } from "./version.ts";

const OVERVIEW = `limpet: a test bench for tenant affinity and scaling on Kubernetes.
Takes manifests, runs them as real processes on this machine, and says with numbers whether tenants stay
on their pods and pods come and go as promised.

  limpet test                                   the six tests on the test topology
  limpet test "scale from zero" --seed 7        one test, the same chance again
  limpet test --topology deploy/overlays/prod   your manifests
  limpet lint deploy/                           their silent mistakes, before anything runs
  limpet up                                     keep it running on 8080 and 9090
  limpet report latest                          look at the last run again
  limpet sweep --set cooldownPeriod=30,60       variants side by side, in virtual time
  limpet cluster up --dry-run                   how it goes onto a Kind cluster

  limpet where alice --pods 2..3                which pod a tenant goes to, and who moves
  limpet scale --trace course.jsonl             what KEDA and the HPA make of a course of events
  limpet query 'sum(m)' --samples page.txt      what Prometheus answers over samples of your own

More: limpet COMMAND --help, README.md, docs/.
`;

const CONFIG_HELP =
  "a limpet.yaml; default: the one beside the manifests, for a stream the one in this folder";

export async function run(host: Host): Promise<number> {
  const result = { code: EXIT.pass as number };
  const program = buildProgram(host, result);
  if (host.args.length === 0) {
    host.stdout.write(OVERVIEW);
    return EXIT.pass;
  }
  try {
    await program.parseAsync([...host.args], { from: "user" });
    return host.interrupted.aborted ? EXIT.interrupted : result.code;
  } catch (error) {
    return explain(host, error);
  }
}

function explain(host: Host, error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.pass : EXIT.badInput;
  if (host.interrupted.aborted) return EXIT.interrupted;
  if (error instanceof InputError) {
    for (const problem of error.problems) host.stderr.write(`limpet: ${problem}\n`);
    return EXIT.badInput;
  }
  if (error instanceof EnvironmentError) {
    host.stderr.write(`limpet: ${error.message}\n`);
    return EXIT.environment;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  host.stderr.write(`limpet: a fault of limpet's own, please report it:\n${detail}\n`);
  return EXIT.failed;
}

function buildProgram(host: Host, result: { code: number }): Command {
  const program = new Command("limpet")
    .description("A test bench for tenant affinity and scaling on Kubernetes")
    .version(packageVersion(host), "--version", "the version of limpet")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
    })
    .showSuggestionAfterError(true)
    .addHelpText(
      "after",
      "\nExit codes: 0 all pass · 1 a check failed, undecided or void · 2 bad input or usage · 3 the environment lacks something · 130 interrupted",
    );

  const test = program
    .command("test")
    .description("run the tests (scenarios) on a topology and say pass or fail")
    .argument("[NAME...]", "scenarios by name or file; default: the bundled six")
    .option(
      "--topology <DIR|->",
      "folder, kustomization or file of manifests, - for a rendered stream on stdin",
    )
    .option("--config <FILE>", CONFIG_HELP)
    .option("--speed <N>", "seconds of topology time in one real second", speed, 20)
    .option("--seed <N>", "what all chance is drawn from", wholeNumber)
    .addOption(
      new Option("--engine <NAME>", "what runs the topology")
        .choices(["local", "simulated", "kubernetes"])
        .default("local"),
    )
    .option("--runs <N>", "simulated: repeat over N seeds and show distributions", wholeNumber)
    .option("--workers <N>", "threads for --runs; default: one for each core", wholeNumber)
    .addOption(
      new Option("--reporter <NAME>", "how the result is written to stdout")
        .choices(["terminal", "json", "junit"])
        .default("terminal"),
    )
    .addOption(
      new Option("--hash-override <POLICY>", "negative control: replace the hashing balancers")
        .choices(["RANDOM"])
        .hideHelp(),
    )
    .addHelpText(
      "after",
      '\nExamples:\n  limpet test "tenant affinity" --seed 7\n  limpet test --engine simulated --runs 100\n  kubectl kustomize k8s/test-topology | limpet test --topology - --reporter json\n\nExit codes: 0 all pass · 1 a check failed, undecided or void · 2 bad input · 3 the environment lacks something · 130 interrupted',
    )
    .action(async (names: string[], options: TestOptions) => {
      if (options.runs !== undefined) {
        const { runsCommand } = await import("./runs-command.ts");
        result.code = await runsCommand(host, names, options, options.runs);
        return;
      }
      const { testCommand } = await import("./test-command.ts");
      result.code = await testCommand(host, names, options);
    });

  const up = program
    .command("up")
    .description("keep a topology running in real time until Ctrl-C")
    .option(
      "--topology <DIR|->",
      "folder, kustomization or file of manifests, - for a rendered stream on stdin",
    )
    .option("--config <FILE>", CONFIG_HELP)
    .option("--port <N>", "the gateway's port on 127.0.0.1", port, 8080)
    .option("--prometheus-port <N>", "Prometheus' port on 127.0.0.1", port, 9090)
    .option("--speed <N>", "seconds of topology time in one real second", speed, 1)
    .option("--seed <N>", "what all chance is drawn from", wholeNumber)
    .addHelpText(
      "after",
      "\nExamples:\n  limpet up\n  limpet up --topology k8s/test-topology --port 18080 --prometheus-port 19090\n\nExit codes: 0 ended · 2 bad input · 3 the environment lacks something · 130 interrupted",
    )
    .action(async (options: UpOptions) => {
      const { upCommand } = await import("./up-command.ts");
      result.code = await upCommand(host, options);
    });

  withParts(test);
  withParts(up);

  program
    .command("report")
    .description("show a finished run again, from its event log")
    .argument("[RUN]", "a run's folder or its name in .limpet/runs", "latest")
    .addOption(
      new Option("--reporter <NAME>", "how it is written")
        .choices(["terminal", "json", "junit"])
        .default("terminal"),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  limpet report\n  limpet report latest --reporter junit\n\nExit codes: those of the run · 2 no such run",
    )
    .action(async (name: string, options: { reporter: Reporter }) => {
      const { reportCommand } = await import("./report-command.ts");
      result.code = await reportCommand(host, name, options.reporter);
    });
  addComparisons(program, host, result);
  addLint(program, host, result);
  addQuestions(program, host, result);
  addCluster(program, host, result);
  return program;
}

/** The parts of a run that a real program can take over. */
function withParts(command: Command): void {
  command
    .addOption(
      new Option("--sidecar <NAME>", "the proxies: limpet's own, or a real Envoy")
        .choices(["built-in", "envoy"])
        .default("built-in"),
    )
    .option("--envoy <PATH>", "the Envoy for --sidecar envoy; default: envoy on PATH")
    .addOption(
      new Option("--metrics <NAME>", "what scrapes and answers queries: limpet itself, or a real Prometheus")
        .choices(["built-in", "prometheus"])
        .default("built-in"),
    )
    .option("--prometheus <PATH>", "the Prometheus for --metrics prometheus; default: prometheus on PATH");
}
