/**
 * A real API server with KEDA's and Istio's own custom resource definitions, and nothing behind it (no controller, no kubelet): whether
 * it takes our manifests as set-up applies them, and whether limpet reads what it answers. Kind and Docker are stand-ins here, kubectl
 * and Helm are real.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { VirtualClock } from "../../src/clock/virtual-clock.ts";
import { carryOut } from "../../src/cluster/carry-out.ts";
import { CONTEXT } from "../../src/cluster/commands.ts";
import { expectedOf } from "../../src/cluster/expected.ts";
import { observe } from "../../src/cluster/observe.ts";
import { PINS } from "../../src/cluster/pins.ts";
import { planDown } from "../../src/cluster/plan-down.ts";
import { planUp } from "../../src/cluster/plan-up.ts";
import type { State } from "../../src/cluster/state.ts";
import { statusLines } from "../../src/cluster/status.ts";
import { answer, freshWorld, type World } from "../../src/cluster/testing.ts";
import type { Command, Outcome, RunCommand } from "../../src/exec/run-command.ts";
import { loadTopology } from "../../src/topology/load.ts";
import { emptyFolder } from "../kit.ts";
import { ApiServer, goModule } from "./kit/api-server.ts";
import { tell } from "./kit/figures.ts";
import { builtApiServer, fetchedKubectl } from "./kit/programs.ts";

const OVERLAYS = readdirSync("k8s/overlays").map((name) => `k8s/overlays/${name}`);
const path = "k8s/test-topology";
const expected = expectedOf(await loadTopology({ path }), path, ".");
const images = { "localhost:5001/test-gateway:dev": "sha256:1", "localhost:5001/test-api:dev": "sha256:2" };

let api: ApiServer;
const kubectlPath = fetchedKubectl();
const helmPath = join(dirname(kubectlPath), "helm");
/** Kind and Docker, as far as they are asked: the cluster is this API server. */
const world: World = { ...freshWorld(), clusters: ["test-topology"], nodeRuns: true, images };

beforeAll(async () => {
  api = await ApiServer.start({ apiServer: builtApiServer(), kubectl: kubectlPath }, CONTEXT);
  for (const file of [
    `${goModule(`istio.io/api@v${PINS.istio}`)}/kubernetes/customresourcedefinitions.gen.yaml`,
    `${goModule(`github.com/kedacore/keda/v2@v${PINS.keda}`)}/config/crd/bases`,
  ])
    kubectl("apply", "--server-side", "--filename", file);
  kubectl("wait", "--for=condition=Established", "customresourcedefinitions", "--all", "--timeout=60s");
});
afterAll(async () => await api?.[Symbol.asyncDispose]());

function real({ program, args }: Command): Outcome {
  const file = program === "helm" ? helmPath : kubectlPath;
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, KUBECONFIG: api.kubeconfig },
  });
  if (error !== undefined) throw error;
  return { ended: "by itself", code: status, stdout, stderr };
}

const run: RunCommand = async (command) => {
  if (command.program === "kind" && command.args.includes("kubeconfig"))
    return { ...answer(world, command), stdout: kubectl("config", "view", "--raw") };
  return command.program === "kubectl" || command.program === "helm" ? real(command) : answer(world, command);
};

function kubectl(...args: string[]): string {
  const { code, stdout, stderr } = real({ program: "kubectl", args: ["--context", CONTEXT, ...args] });
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Of the plan up, the steps with these words in their titles. */
async function carryOutOnly(words: RegExp, steps = planUp(expected)): Promise<string[]> {
  const ran: string[] = [];
  const clock = new VirtualClock();
  const noted: RunCommand = (command, seconds) => {
    ran.push([command.program, ...command.args].join(" "));
    return run(command, seconds);
  };
  const interrupted = new AbortController().signal;
  const chosen = steps
    .filter(({ title }) => words.test(title))
    .map((step) => ({ ...step, missing: () => null }));
  await carryOut(chosen, { run: noted, observe: look, clock, interrupted, say: () => {} });
  return ran;
}

const look = (): Promise<State> => observe(run, Object.keys(images));

test("takes every object of ours, and of each overlay, as kubectl apply sends it", async () => {
  await carryOutOnly(/^topology /);
  const kinds = kubectl("get", "-k", path, "--output", "name").trim().split("\n");
  const overlays = OVERLAYS.filter((overlay) => !overlay.endsWith("other-namespace"));
  // Warnings are of the server too: a field that it does not know, a deprecated version.
  const refused = [path, ...overlays].flatMap((folder) => {
    const { code, stderr } = real({
      program: "kubectl",
      args: [
        "--context",
        CONTEXT,
        "apply",
        "--server-side",
        "--dry-run=server",
        "--force-conflicts",
        "-k",
        folder,
      ],
    });
    return code === 0 && stderr.trim() === "" ? [] : [`${folder}: ${stderr}`];
  });
  kubectl("create", "namespace", "percolate-other");
  kubectl("apply", "--server-side", "--kustomize", "k8s/overlays/other-namespace");
  kubectl("delete", "-k", "k8s/overlays/other-namespace", "--wait=false");
  tell({
    row: "manifests accepted",
    judge: "kube-apiserver 1.36.3",
    compared: `${kinds.length} objects, ${OVERLAYS.length} overlays, with the CRDs of KEDA ${PINS.keda} and Istio ${PINS.istio}`,
    differ: refused.length,
  });
  expect(refused).toEqual([]);
  expect(kinds.length).toBeGreaterThan(30);
});

test("a field that it does not know it refuses: the row above can fail", () => {
  const file = join(emptyFolder(), "typo.yaml");
  writeFileSync(
    file,
    "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: typo, namespace: percolate-test}\n" +
      "spec: {scaleTargetRef: {name: a}, maxReplicas: 5, triggers: []}\n",
  );
  const args = ["--context", CONTEXT, "apply", "--server-side", "--dry-run=server", "--filename", file];
  const { code, stderr } = real({ program: "kubectl", args });
  expect(code).not.toBe(0);
  expect(stderr).toContain("maxReplicas");
});

test("what limpet reads of it is what is there", async () => {
  const state = await look();
  expect(state.apiSilent).toBeNull();
  expect(state.contextServer).toBe(api.url);
  expect(state.namespaces["percolate-test"]).toBe("Active");
  const ours = state.workloads.filter(({ namespace }) => namespace === "percolate-test");
  expect(ours.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
    "Deployment prometheus",
    "Deployment test-gateway",
    "StatefulSet test-api-large",
    "StatefulSet test-api-medium",
    "StatefulSet test-api-small",
  ]);
  // Nobody runs them: no pod is ready, KEDA has not looked.
  expect(ours.map(({ ready, settled }) => [ready, settled])).toEqual(ours.map(() => [0, false]));
  expect(state.scaledObjects.map(({ name, words }) => `${name}: ${words}`).sort()).toEqual(
    ["large", "medium", "small"].map((tier) => `test-api-${tier}-scaler: KEDA has not looked at it yet`),
  );
  expect(statusLines(state, expected).join("\n")).toContain("Deployment  test-gateway 0/1 ready");
});

test("the image's id goes into the pods' templates once, and a second apply leaves it and KEDA's replicas alone", async () => {
  const first = await carryOutOnly(/^everything runs/);
  expect(first.filter((line) => line.includes(" patch "))).toHaveLength(4);
  kubectl("scale", "statefulset/test-api-small", "--namespace", "percolate-test", "--replicas", "3");
  await carryOutOnly(/^topology /);
  const again = await carryOutOnly(/^everything runs/);
  expect(again.filter((line) => line.includes(" patch "))).toEqual([]);
  const small = (await look()).workloads.find(({ name }) => name === "test-api-small");
  expect(small).toMatchObject({ wanted: 3, imageId: "sha256:2" });
});

test("Helm's releases are read, and one that failed is mended by the same command", async () => {
  const folder = emptyFolder();
  const helm = (...args: string[]): Outcome =>
    real({ program: "helm", args: ["--kube-context", CONTEXT, ...args] });
  const upgrade = (release: string, chart: string, namespace: string, ...more: string[]): Outcome =>
    helm("upgrade", "--install", release, chart, "--namespace", namespace, "--create-namespace", ...more);
  const chartOf = (name: string, version: string, object: string): string => {
    const chart = join(folder, name);
    mkdirSync(join(chart, "templates"), { recursive: true });
    writeFileSync(join(chart, "Chart.yaml"), `apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
    writeFileSync(join(chart, "templates", "object.yaml"), object);
    return chart;
  };
  const keda = chartOf("keda", PINS.keda, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
  // Nobody runs its pod, so it is never ready.
  const istiod = chartOf(
    "istiod",
    PINS.istio,
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n",
  );
  expect(upgrade("keda", keda, "keda")).toMatchObject({ code: 0 });
  expect(upgrade("istiod", istiod, "istio-system", "--wait", "--timeout", "3s").code).not.toBe(0);
  const state = await look();
  expect(state.releases).toEqual([
    { name: "istiod", namespace: "istio-system", version: PINS.istio, status: "failed" },
    { name: "keda", namespace: "keda", version: PINS.keda, status: "deployed" },
  ]);
  expect(statusLines(state, expected)).toContain(`istiod      ${PINS.istio} failed`);
  expect(upgrade("istiod", istiod, "istio-system")).toMatchObject({ code: 0 });
  expect((await look()).releases.map(({ status }) => status)).toEqual(["deployed", "deployed"]);
});

test("without KEDA the finalizers are taken off by hand, and the ScaledObjects go", async () => {
  for (const tier of expected.tiers)
    kubectl(
      "patch",
      `scaledobject.keda.sh/test-api-${tier}-scaler`,
      "--namespace",
      "percolate-test",
      "--type",
      "merge",
      "--patch",
      '{"metadata":{"finalizers":["finalizer.keda.sh"]}}',
    );
  const ran = await carryOutOnly(/ScaledObjects|finalizers/, planDown(expected, "test", false));
  expect(ran.filter((line) => line.includes('"finalizers":null'))).toHaveLength(3);
  expect((await look()).scaledObjects.filter(({ namespace }) => namespace === "percolate-test")).toEqual([]);
});
