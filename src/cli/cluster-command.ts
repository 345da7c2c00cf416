/** `limpet cluster up|down|status|doctor`: plans of `src/cluster/`, carried out and told. */
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { startWallClock } from "../clock/wall-clock.ts";
import { carryOut, Interrupted, Refused, smoke, StepFailed } from "../cluster/carry-out.ts";
import { shown } from "../cluster/commands.ts";
import { type Expected, expectedOf, imagesOf } from "../cluster/expected.ts";
import { LookFailed, observe } from "../cluster/observe.ts";
import { type Level, planDown } from "../cluster/plan-down.ts";
import { planUp } from "../cluster/plan-up.ts";
import { everyCommand } from "../cluster/rehearse.ts";
import { smokeTests } from "../cluster/smoke.ts";
import { statusLines } from "../cluster/status.ts";
import { refusal } from "../cluster/step.ts";
import { ASK_DAEMON, type Finding, judgeDaemon, judgeTool, type ToolName, TOOLS } from "../cluster/tools.ts";
import { EnvironmentError, InputError } from "../errors.ts";
import { commandRunner, type RunCommand } from "../exec/run-command.ts";
import { Supervisor } from "../exec/supervisor.ts";
import { loadTopology } from "../topology/load.ts";
import { EXIT, type Host } from "./host.ts";

export type ClusterOptions = {
  readonly overlay?: string;
  readonly dryRun?: boolean;
  readonly level?: Level;
  readonly images?: boolean;
};

const SMOKE_SECONDS = 90;
const ASK_SECONDS = 20;

export async function clusterCommand(
  host: Host,
  what: "up" | "down" | "status" | "doctor",
  options: ClusterOptions,
): Promise<number> {
  const { overlay, level = "cluster", images = false } = options;
  const expected = await topologyToPut(host, overlay);
  if (options.dryRun === true) return dryRun(host, what, expected, level, images);
  await using supervisor = new Supervisor(host.env);
  const { env, cwd, interrupted } = host;
  const run = commandRunner({ supervisor, clock: startWallClock(), env, cwd, interrupted });
  try {
    if (what === "doctor") return await doctor(host, run);
    await demandTools(run, toolsFor(what, level), what === "up");
    if (what === "status") return await status(host, run, expected);
    return what === "up" ? await up(host, run, expected) : await down(host, run, expected, level, images);
  } catch (error) {
    return explain(host, what, error);
  }
}

function explain(host: Host, what: string, error: unknown): number {
  if (error instanceof Interrupted || host.interrupted.aborted) {
    host.stderr.write(`limpet: interrupted. limpet cluster ${what} goes on where it stopped\n`);
    return EXIT.interrupted;
  }
  if (error instanceof Refused) throw new EnvironmentError(error.message);
  if (error instanceof LookFailed) throw new EnvironmentError(`${shown(error.command)}: ${error.message}`);
  if (!(error instanceof StepFailed)) throw error;
  host.stderr.write(`limpet: ${error.message}\n`);
  host.stderr.write(
    `  limpet cluster ${what} goes on where it stopped; limpet cluster status says what stands\n`,
  );
  return EXIT.failed;
}

/** Ours, or one of its overlays. */
async function topologyToPut({ packageRoot, cwd }: Host, overlay: string | undefined): Promise<Expected> {
  const overlays = join(packageRoot, "k8s", "overlays");
  const path = overlay === undefined ? join(packageRoot, "k8s", "test-topology") : join(overlays, overlay);
  if (overlay !== undefined && (!/^[\w-]+$/.test(overlay) || !existsSync(path)))
    throw new InputError([
      `--overlay ${overlay}: there is none; there are ${readdirSync(overlays).join(", ")}`,
    ]);
  const short = (full: string): string => {
    const shorter = relative(cwd, full);
    return shorter === "" ? "." : shorter.startsWith("..") ? full : shorter;
  };
  return expectedOf(await loadTopology({ path }), short(path), short(packageRoot));
}

function dryRun(host: Host, what: string, expected: Expected, level: Level, images: boolean): number {
  const lines = everyCommand(
    what === "up" ? planUp(expected) : planDown(expected, level, images),
    what === "up" ? smokeTests(expected) : [],
    expected,
    what === "up" ? "nothing stands yet" : "everything stands",
  );
  host.stdout.write(lines.map((line) => `${line}\n`).join(""));
  return EXIT.pass;
}

async function check(run: RunCommand, names: readonly ToolName[]): Promise<Finding[]> {
  const tools = TOOLS.filter(({ name }) => names.includes(name));
  const findings = await Promise.all(
    tools.map(async (tool) => judgeTool(tool, await run(tool.ask, ASK_SECONDS))),
  );
  const docker = findings.find(({ name }) => name === "docker");
  if (docker !== undefined && docker.found !== "not found on PATH")
    findings.push(...judgeDaemon(await run(ASK_DAEMON, ASK_SECONDS)));
  return findings;
}

async function doctor(host: Host, run: RunCommand): Promise<number> {
  const findings = await check(
    run,
    TOOLS.map(({ name }) => name),
  );
  for (const { name, ok, found, remedy } of findings) {
    host.stdout.write(` ${ok ? "ok      " : "MISSING "} ${name.padEnd(13)} ${found}\n`);
    if (remedy !== null) host.stdout.write(`            ${remedy}\n`);
  }
  const missing = findings.filter(({ ok }) => !ok).length;
  host.stdout.write(
    missing === 0
      ? "all there: limpet cluster up\n"
      : `${missing} of ${findings.length} missing. limpet cluster up --dry-run shows what would run\n`,
  );
  return missing === 0 ? EXIT.pass : EXIT.environment;
}

const toolsFor = (what: "up" | "down" | "status", level: Level): ToolName[] =>
  what === "down" && level === "cluster"
    ? ["docker", "kind", "kubectl"]
    : ["docker", "kind", "kubectl", "helm"];

/**
 * Everything that is missing, at once, before anything is started. To look and to clean up, an old program or a small machine will do.
 */
async function demandTools(run: RunCommand, names: readonly ToolName[], strict: boolean): Promise<void> {
  const missing = (await check(run, names)).filter(({ ok, vital }) => !ok && (strict || vital));
  if (missing.length === 0) return;
  const lines = missing.map(({ name, found, remedy }) => `  ${name}: ${found}. ${remedy}`);
  throw new EnvironmentError(`nothing was started, because this is missing:\n${lines.join("\n")}`);
}

const tell =
  (host: Host) =>
  (line: string): void =>
    void host.stdout.write(`${line}\n`);

async function up(host: Host, run: RunCommand, expected: Expected): Promise<number> {
  if (!existsSync(join(host.packageRoot, "package-lock.json")))
    throw new EnvironmentError(
      "the images are built from limpet's sources, and they are not here: use a clone of the repository",
    );
  const on = { run, clock: startWallClock(), interrupted: host.interrupted, say: tell(host) };
  await carryOut(planUp(expected), { ...on, observe: () => observe(run, imagesOf(expected)) });
  const checks = await smoke(smokeTests(expected), SMOKE_SECONDS, on);
  for (const { name, ok, seen } of checks)
    host.stdout.write(`  ${ok ? "pass" : "FAIL"}  ${name}   ${seen}\n`);
  const failed = checks.filter(({ ok }) => !ok).length;
  if (failed > 0) {
    host.stderr.write(
      `limpet: the smoke test fails: ${failed} of ${checks.length} checks, ${SMOKE_SECONDS} s long. Everything is left as it is; ` +
        "limpet cluster up tries again, limpet cluster down takes it away\n",
    );
    return EXIT.failed;
  }
  const { namespace, gateway, nodePort } = expected;
  const forward = `  kubectl --context kind-test-topology port-forward --namespace ${namespace} service/${gateway} 8080:8080\n`;
  const url = `http://127.0.0.1:${nodePort ?? 8080}`;
  host.stdout.write(`
up, and the smoke test passes.

${nodePort === null ? forward : ""}  curl -H 'X-Tenant-ID: tenant-a' ${url}/request
  curl '${url}/simulate/tenant-a?duration=120'
  kubectl --context kind-test-topology get pods,scaledobjects,hpa --namespace ${namespace} --watch

limpet cluster status says what stands, limpet cluster down takes it off.
`);
  return EXIT.pass;
}

async function down(
  host: Host,
  run: RunCommand,
  expected: Expected,
  level: Level,
  images: boolean,
): Promise<number> {
  const on = { run, clock: startWallClock(), interrupted: host.interrupted, say: tell(host) };
  const done = await carryOut(planDown(expected, level, images), {
    ...on,
    observe: () => observe(run, imagesOf(expected)),
  });
  const what = {
    test: `namespace ${expected.namespace}`,
    addons: "the test, KEDA and Istio",
    cluster: "the cluster test-topology",
  };
  host.stdout.write(done === 0 ? "there was nothing to take off\n" : `gone: ${what[level]}\n`);
  return EXIT.pass;
}

async function status(host: Host, run: RunCommand, expected: Expected): Promise<number> {
  const state = await observe(run, imagesOf(expected));
  const why = refusal(state);
  if (why !== null) throw new Refused(why);
  host.stdout.write(
    statusLines(state, expected)
      .map((line) => `${line}\n`)
      .join(""),
  );
  return EXIT.pass;
}
