/** `limpet lint` and `limpet explain`: the mistakes that no tool reports, found before anything is started. */
import { type Command, Option } from "commander";
import { InputError } from "../errors.ts";
import type { Severity } from "../lint/rule.ts";
import type { Format } from "../lint/format.ts";
import { EXIT, type Host } from "./host.ts";
import { packageVersion } from "./version.ts";

type LintCommandOptions = {
  config?: string;
  format: Format;
  failOn: Severity;
  fix?: true;
  dryRun?: true;
  show?: string;
};

export function addLint(program: Command, host: Host, result: { code: number }): void {
  program
    .command("lint")
    .description("find the silent mistakes in manifests, offline")
    .argument(
      "[PATH...]",
      "folders, kustomizations or files, - for a rendered stream on stdin; default: this folder",
    )
    .option("--config <FILE>", "a limpet.yaml; default: the one beside the manifests")
    .addOption(
      new Option("--format <NAME>", "how findings are written")
        .choices(["text", "json", "sarif", "github"])
        .default("text"),
    )
    .addOption(
      new Option("--fail-on <SEVERITY>", "the mildest finding that fails")
        .choices(["error", "warning", "info"])
        .default("error"),
    )
    .option("--fix", "change the files where that cannot do harm, and say what was changed")
    .option("--show <CODE>", "run a rule's fault on the simulated engine: it fails, and passes when mended")
    .option("--dry-run", "with --fix: print the difference, write nothing")
    .addHelpText(
      "after",
      "\nExamples:\n  limpet lint k8s/test-topology\n  kubectl kustomize k8s/test-topology | limpet lint - --format sarif\n  limpet lint deploy --fix --dry-run\n  limpet lint --show LIMPET-R101\n\nExit codes: 0 nothing at or above --fail-on · 1 a finding · 2 bad input",
    )
    .action(async (paths: string[], options: LintCommandOptions) => {
      if (options.show !== undefined) {
        if (paths.length > 0)
          throw new InputError(["lint: --show runs on the test topology; leave the paths out"]);
        const { showCommand } = await import("./show/show-command.ts");
        result.code = await showCommand(host, options.show);
        return;
      }
      result.code = await lint(host, paths.length === 0 ? ["."] : paths, options);
    });
  program
    .command("explain")
    .description("print the page of a finding's code: why, wrong, right, source")
    .argument("<CODE>", "as a finding shows it, e.g. LIMPET-R101")
    .addHelpText(
      "after",
      "\nExamples:\n  limpet explain LIMPET-R101\n  limpet explain k101\n\nExit codes: 0 printed · 2 no such code",
    )
    .action(async (code: string) => {
      const { explain } = await import("../lint/explain.ts");
      const found = explain(code);
      if ("meant" in found) {
        const hint = found.meant === null ? "" : `; did you mean ${found.meant}?`;
        throw new InputError([
          `explain: no rule has the code "${code}"${hint}\n  docs/rules/ lists them all`,
        ]);
      }
      host.stdout.write(found.page);
    });
}

async function lint(
  host: Host,
  paths: readonly string[],
  { config, format, failOn, fix, dryRun }: LintCommandOptions,
): Promise<number> {
  if (dryRun === true && fix !== true) throw new InputError(["lint: --dry-run is for --fix; add --fix"]);
  if (fix === true && paths.includes("-"))
    throw new InputError([
      "lint: --fix changes files, and standard input is none; name the files or the folder that the stream comes from",
    ]);
  const [{ loadLintInput }, { lintTopology }, { formatLint }] = await Promise.all([
    import("../lint/lint-input.ts"),
    import("../lint/lint.ts"),
    import("../lint/format.ts"),
  ]);
  const options = {
    paths,
    root: host.cwd,
    ...(paths.includes("-") ? { stdin: await host.readStdin() } : {}),
    ...(config === undefined ? {} : { config }),
  };
  if (fix === true) {
    const { lintAndFix } = await import("./lint-fix.ts");
    return lintAndFix(host, options, { format, failOn, dryRun: dryRun === true });
  }
  const found = lintTopology(await loadLintInput(options), { failOn });
  host.stdout.write(formatLint(found, format, { version: packageVersion(host) }));
  return found.failed ? EXIT.failed : EXIT.pass;
}
