/** `--dry-run`: every command that would run, in order, as a shell script that a person can read. Runs nothing. */
import { shown } from "./commands.ts";
import { type Expected, imagesOf } from "./expected.ts";
import { lookAtImage, lookAtObjects, LOOKS } from "./observe.ts";
import { ISTIO, KEDA } from "./plan-up.ts";
import type { SmokeTest } from "./smoke.ts";
import { NOTHING, type State } from "./state.ts";
import type { Step } from "./step.ts";
import { ASK_DAEMON, TOOLS } from "./tools.ts";

export function everyCommand(
  steps: readonly Step[],
  smoke: readonly SmokeTest[],
  expected: Expected,
  supposed: "nothing stands yet" | "everything stands",
): string[] {
  let state = supposed === "nothing stands yet" ? NOTHING : everything(expected);
  const stepping: string[] = [];
  for (const step of steps) {
    if (!step.needed(state)) continue;
    stepping.push(...stepLines(step, state));
    state = step.after?.(state) ?? state;
  }
  const looks = [...imagesOf(expected).map(lookAtImage), ...Object.values(LOOKS), lookAtObjects(true)];
  return [
    `# Every command, in order, where ${supposed}. None was run.`,
    "",
    "# the programs and their versions",
    ...[...TOOLS.map(({ ask }) => ask), ASK_DAEMON].map(shown),
    "",
    "# looking (read-only): before each step, and every 2 s while waiting",
    ...looks.map(shown),
    ...stepping,
    ...(smoke.length === 0 ? [] : ["", "# smoke test", ...smoke.map(({ command }) => shown(command))]),
  ];
}

function stepLines(step: Step, state: State): string[] {
  const wait = step.settleSeconds > 0 ? ` (then waits until it is so, at most ${step.settleSeconds} s)` : "";
  return ["", `# ${step.title}${wait}`, ...step.commands(state).map(shown)];
}

/** For the way down. */
function everything(expected: Expected): State {
  const { namespace, scaledObjects } = expected;
  const addOns = [...(expected.mesh ? ISTIO : []), KEDA];
  const server = "https://127.0.0.1";
  return {
    ...NOTHING,
    clusterExists: true,
    nodeRuns: true,
    kindServer: server,
    contextServer: server,
    images: Object.fromEntries(imagesOf(expected).map((image) => [image, "sha256:"])),
    namespaces: Object.fromEntries(
      [namespace, ...addOns.map((one) => one.namespace)].map((name) => [name, "Active"]),
    ),
    releases: addOns.map(({ release, namespace: where, version }) => ({
      name: release,
      namespace: where,
      version,
      status: "deployed",
    })),
    workloads: KEDA.deployments.map((name) => ({
      kind: "Deployment",
      namespace: KEDA.namespace,
      name,
      wanted: 1,
      ready: 1,
      settled: true,
      imageId: null,
    })),
    scaledObjects: scaledObjects.map((name) => ({
      namespace,
      name,
      ready: true,
      words: "",
      going: false,
      finalizers: ["finalizer.keda.sh"],
    })),
    crds: ["scaledobjects.keda.sh", "destinationrules.networking.istio.io"],
  };
}
