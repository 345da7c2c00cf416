/**
 * Stand-ins for docker, kind, kubectl and helm: a small world that answers in their words and changes as they would change it. The
 * forms of the answers are those of the real programs (kind 0.33, kubectl 1.32 and 1.36, Helm 3.22, Docker 20.10 and 28). Plain data,
 * so that it can live in a file between two processes.
 */
import type { Command, Outcome } from "../exec/run-command.ts";
import { CLUSTER, CONTEXT, shown } from "./commands.ts";
import { IMAGE_ID } from "./state.ts";

const NAMESPACE = "percolate-test";
const TIERS = ["small", "medium", "large"];

type Fake = {
  kind: "Deployment" | "StatefulSet";
  namespace: string;
  name: string;
  /** How many more looks until it is ready; each look is one step of this world's time. */
  looksLeft: number;
  imageId: string | null;
  sidecar: boolean;
  trouble: string | null;
};

export type World = {
  /** What `PROGRAM version` says; a program that is not there has none. */
  tools: Record<string, string>;
  daemon: boolean;
  memoryGiB: number;
  cgroup: 1 | 2;
  clusters: string[];
  nodeRuns: boolean;
  /** Set-up broke off before there was a kubeconfig. */
  halfMade: boolean;
  apiAnswers: boolean;
  /** Context → server. */
  contexts: Record<string, string>;
  /** Changes with what is built. */
  source: number;
  images: Record<string, string>;
  onNode: Record<string, string>;
  releases: { name: string; namespace: string; chart: string; status: string }[];
  namespaces: string[];
  /** Namespace → looks until it is gone. */
  going: Record<string, number>;
  workloads: Fake[];
  /** Name → whether it is being deleted. */
  scaledObjects: Record<string, boolean>;
  crds: string[];
  /** A command that contains the text: hangs, fails with words (so many times), or Ctrl-C comes while it runs. */
  faults: { when: string; does: "hangs" | "fails" | "interrupts"; says?: string; times: number }[];
  /** Looks until something that was put there is ready. */
  looksToReady: number;
  /** Every command, as a person would type it. */
  log: string[];
};

export const SERVER = "https://127.0.0.1:38213";

/** Everything is installed, nothing stands. */
export const freshWorld = (): World => ({
  tools: {
    docker: "Docker version 28.2.2, build e6534b4",
    kind: "kind v0.33.0 go1.26.8 linux/amd64",
    kubectl:
      '{\n  "clientVersion": {\n    "major": "1",\n    "minor": "36",\n    "gitVersion": "v1.36.4"\n  }\n}',
    helm: "v3.22.0",
  },
  daemon: true,
  memoryGiB: 16,
  cgroup: 2,
  clusters: ["test-topology-2"],
  nodeRuns: false,
  halfMade: false,
  apiAnswers: false,
  contexts: { production: "https://203.0.113.7" },
  source: 1,
  images: {},
  onNode: {},
  releases: [],
  namespaces: [],
  going: {},
  workloads: [],
  scaledObjects: {},
  crds: [],
  faults: [],
  looksToReady: 2,
  log: [],
});

const said = (stdout: string): Outcome => ({ ended: "by itself", code: 0, stdout, stderr: "" });
const failed = (stderr: string, code = 1): Outcome => ({ ended: "by itself", code, stdout: "", stderr });

export function answer(world: World, command: Command): Outcome {
  const { program, args } = command;
  const line = shown(command);
  world.log.push(line);
  if (world.tools[program] === undefined) return { ended: "not found", code: null, stdout: "", stderr: "" };
  const fault = world.faults.find(({ when, times }) => times > 0 && line.includes(when));
  if (fault !== undefined) {
    fault.times--;
    if (fault.does === "hangs")
      return { ended: "timed out", code: null, stdout: "", stderr: fault.says ?? "" };
    // A container and nothing in it is what Kind leaves then.
    if (fault.does === "interrupts" && line.startsWith("kind create")) {
      world.clusters.push(CLUSTER);
      Object.assign(world, { nodeRuns: true, halfMade: true });
    }
    if (fault.does === "interrupts") return { ended: "interrupted", code: null, stdout: "", stderr: "" };
    return failed(fault.says ?? "error");
  }
  const word = (name: string): string => args[args.indexOf(name) + 1] ?? "";
  const does = (...words: string[]): boolean => words.every((one) => args.includes(one));
  switch (program) {
    case "docker":
      return docker(world, args, does, word);
    case "kind":
      return kind(world, args, does, word);
    case "helm":
      return helm(world, args, does, word);
    default:
      return kubectl(world, args, does, word);
  }
}

type Does = (...words: string[]) => boolean;
type Word = (name: string) => string;

function docker(world: World, args: readonly string[], does: Does, word: Word): Outcome {
  if (does("--version")) return said(world.tools["docker"]!);
  if (!world.daemon)
    return failed(
      "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    );
  if (does("info")) return said(`${world.memoryGiB * 2 ** 30} 4 ${world.cgroup} 28.2.2\n`);
  if (does("build")) {
    world.images[word("--tag")] = `sha256:${word("--tag").length}${world.source}`;
    return said("Successfully built\n");
  }
  if (does("image", "inspect")) {
    const id = world.images[args.at(-1)!];
    return id === undefined ? failed(`Error: No such image: ${args.at(-1)}\n`) : said(`${id}\n`);
  }
  if (does("image", "rm")) {
    for (const image of args.slice(2)) delete world.images[image];
    return said("Untagged\n");
  }
  if (does("container", "inspect"))
    return world.clusters.includes(CLUSTER)
      ? said(`${world.nodeRuns}\n`)
      : failed(`Error: No such container: ${args.at(-1)}\n`);
  if (does("start")) {
    world.nodeRuns = true;
    world.apiAnswers = true;
    return said(`${args.at(-1)}\n`);
  }
  return failed(`the stand-in knows no docker ${args.join(" ")}`);
}

function kind(world: World, args: readonly string[], does: Does, word: Word): Outcome {
  if (does("version")) return said(`${world.tools["kind"]}\n`);
  if (does("get", "clusters"))
    return world.clusters.length === 0
      ? { ...said(""), stderr: "No kind clusters found.\n" }
      : said(world.clusters.map((name) => `${name}\n`).join(""));
  if (does("create", "cluster")) {
    if (world.clusters.includes(CLUSTER))
      return failed(
        `ERROR: failed to create cluster: node(s) already exist for a cluster with the name "${CLUSTER}"\n`,
      );
    world.clusters.push(CLUSTER);
    Object.assign(world, { nodeRuns: true, halfMade: false, apiAnswers: true });
    world.contexts[CONTEXT] = SERVER;
    return said("");
  }
  if (does("delete", "cluster")) {
    world.clusters = world.clusters.filter((name) => name !== word("--name"));
    delete world.contexts[CONTEXT];
    const { tools, images, source, contexts, clusters, faults, log, looksToReady } = world;
    Object.assign(world, freshWorld(), {
      tools,
      images,
      source,
      contexts,
      clusters,
      faults,
      log,
      looksToReady,
    });
    return said("");
  }
  if (does("get", "kubeconfig"))
    return world.halfMade || !world.nodeRuns
      ? failed(`ERROR: failed to get cluster internal kubeconfig: command "docker exec" failed\n`)
      : said(JSON.stringify(kubeconfig({ [CONTEXT]: SERVER })));
  if (does("export", "kubeconfig")) {
    world.contexts[CONTEXT] = SERVER;
    return { ...said(""), stderr: `Set kubectl context to "${CONTEXT}"\n` };
  }
  if (does("load", "docker-image")) {
    for (const [image, id] of Object.entries(world.images)) world.onNode[image] = id;
    return said("");
  }
  return failed(`the stand-in knows no kind ${args.join(" ")}`);
}

const kubeconfig = (contexts: Record<string, string>): object => ({
  kind: "Config",
  apiVersion: "v1",
  clusters: Object.entries(contexts).map(([name, server]) => ({ name, cluster: { server } })),
  contexts: Object.keys(contexts).map((name) => ({ name, context: { cluster: name, user: name } })),
  "current-context": Object.keys(contexts)[0],
});

function helm(world: World, args: readonly string[], does: Does, word: Word): Outcome {
  if (does("version")) return said(world.tools["helm"]!);
  if (does("list"))
    return said(JSON.stringify(world.releases.map((one) => ({ ...one, revision: "1", app_version: "" }))));
  const namespace = word("--namespace");
  const find = (name: string) =>
    world.releases.find((one) => one.name === name && one.namespace === namespace);
  if (does("uninstall")) {
    const name = word("uninstall");
    if (find(name) === undefined)
      return failed(`Error: uninstall: Release not loaded: ${name}: release: not found\n`);
    world.releases = world.releases.filter((one) => one !== find(name));
    if (name !== "istio-base") world.workloads = world.workloads.filter((one) => one.namespace !== namespace);
    return said(`release "${name}" uninstalled\n`);
  }
  if (does("upgrade", "--install")) {
    const name = word("--install");
    const found = find(name);
    if (found?.status.startsWith("pending") === true)
      return failed("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n");
    world.releases = world.releases.filter((one) => one !== found);
    const chart = `${args[args.indexOf("--install") + 2]}-${word("--version")}`;
    world.releases.push({ name, namespace, chart, status: "deployed" });
    if (!world.namespaces.includes(namespace)) world.namespaces.push(namespace);
    if (name === "istio-base")
      world.crds.push("destinationrules.networking.istio.io", "virtualservices.networking.istio.io");
    if (name === "keda") world.crds.push("scaledobjects.keda.sh", "scaledjobs.keda.sh");
    const deployments: Record<string, string[]> = {
      istiod: ["istiod"],
      keda: ["keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks"],
    };
    for (const one of deployments[name] ?? []) put(world, "Deployment", namespace, one);
    return said(`Release "${name}" has been upgraded. Happy Helming!\n`);
  }
  return failed(`the stand-in knows no helm ${args.join(" ")}`);
}

function put(world: World, kind: Fake["kind"], namespace: string, name: string): void {
  if (world.workloads.some((one) => one.kind === kind && one.namespace === namespace && one.name === name))
    return;
  const sidecar = world.workloads.some((one) => one.name === "istiod");
  world.workloads.push({
    kind,
    namespace,
    name,
    looksLeft: world.looksToReady,
    imageId: null,
    sidecar,
    trouble: null,
  });
}

function kubectl(world: World, args: readonly string[], does: Does, word: Word): Outcome {
  if (does("version")) return said(world.tools["kubectl"]!);
  if (does("config", "view")) return said(JSON.stringify(kubeconfig(world.contexts)));
  if (!world.apiAnswers)
    return failed(
      `The connection to the server ${SERVER.slice(8)} was refused - did you specify the right host or port?\n`,
    );
  if (does("--raw", "/readyz")) return said("ok");
  if (does("get", "customresourcedefinitions"))
    return said(world.crds.map((name) => `customresourcedefinition.apiextensions.k8s.io/${name}\n`).join(""));
  if (does("get", "--all-namespaces"))
    return said(JSON.stringify({ apiVersion: "v1", kind: "List", items: look(world) }));
  if (does("apply")) {
    if (!world.namespaces.includes(NAMESPACE)) world.namespaces.push(NAMESPACE);
    for (const tier of TIERS) {
      put(world, "StatefulSet", NAMESPACE, `test-api-${tier}`);
      world.scaledObjects[`test-api-${tier}-scaler`] = false;
    }
    for (const name of ["test-gateway", "prometheus"]) put(world, "Deployment", NAMESPACE, name);
    return said("namespace/percolate-test serverside-applied\n");
  }
  if (does("patch")) return patch(world, word("patch"), word("--patch"));
  if (does("rollout", "restart")) {
    for (const one of world.workloads)
      if (word("restart").endsWith(`/${one.name}`))
        Object.assign(one, { sidecar: true, looksLeft: world.looksToReady });
    return said("restarted\n");
  }
  if (word("delete") === "scaledobjects.keda.sh") {
    for (const name of Object.keys(world.scaledObjects)) world.scaledObjects[name] = true;
    return said("deleted\n");
  }
  if (word("delete") === "namespace") {
    world.going[word("namespace")] = world.looksToReady;
    if (word("namespace") === NAMESPACE)
      for (const name of Object.keys(world.scaledObjects)) world.scaledObjects[name] = true;
    return said("deleted\n");
  }
  if (word("delete") === "customresourcedefinitions") {
    world.crds = world.crds.filter((name) => !args.includes(name));
    return said("deleted\n");
  }
  if (does("exec")) return said(JSON.stringify(inPod(args.join(" "))));
  if (does("get", "scaledobjects.keda.sh")) return said(JSON.stringify({ items: scaledObjects(world) }));
  return failed(`the stand-in knows no kubectl ${args.join(" ")}`);
}

function patch(world: World, target: string, body: string): Outcome {
  const [kind, name] = target.split("/") as [string, string];
  if (kind.startsWith("scaledobject")) {
    if (world.scaledObjects[name] === true) delete world.scaledObjects[name];
    return said("patched\n");
  }
  const found = world.workloads.find((one) => `${one.kind.toLowerCase()}.apps` === kind && one.name === name);
  if (found === undefined) return failed(`Error from server (NotFound): ${target} not found\n`);
  const id = /"limpet\.dev\/image-id":"([^"]*)"/.exec(body)?.[1] ?? null;
  if (id !== found.imageId) Object.assign(found, { imageId: id, looksLeft: world.looksToReady });
  return said("patched\n");
}

/** One look: what takes time goes one step on. */
function look(world: World): object[] {
  const kedaWorks = world.workloads.some((one) => one.name === "keda-operator" && one.looksLeft <= 0);
  for (const one of world.workloads) if (one.trouble === null) one.looksLeft--;
  for (const [name, left] of Object.entries(world.going)) {
    const held = name === NAMESPACE && Object.keys(world.scaledObjects).length > 0;
    world.going[name] = left - 1;
    if (left > 1 || held) continue;
    delete world.going[name];
    world.namespaces = world.namespaces.filter((one) => one !== name);
    world.workloads = world.workloads.filter((one) => one.namespace !== name);
  }
  const items = [
    ...world.namespaces.map((name) => namespace(world, name)),
    ...world.workloads.flatMap(workload),
  ];
  const all = [...items, ...(world.crds.includes("scaledobjects.keda.sh") ? scaledObjects(world) : [])];
  if (kedaWorks)
    for (const [name, deleting] of Object.entries(world.scaledObjects))
      if (deleting) delete world.scaledObjects[name];
  return all;
}

const namespace = ({ going }: World, name: string): object => ({
  kind: "Namespace",
  metadata: { name },
  status: { phase: name in going ? "Terminating" : "Active" },
});

function workload(one: Fake): object[] {
  const { kind, namespace, name, looksLeft, imageId, sidecar, trouble } = one;
  const ready = looksLeft <= 0 && trouble === null ? 1 : 0;
  const containers = [
    { name: "main" },
    ...(sidecar && name === "test-gateway" ? [{ name: "istio-proxy" }] : []),
  ];
  const waiting = { reason: trouble?.split(":")[0], message: trouble?.split(": ")[1] };
  return [
    {
      kind,
      metadata: { namespace, name, generation: 1 },
      spec: {
        replicas: 1,
        template: { metadata: { annotations: imageId === null ? {} : { [IMAGE_ID]: imageId } } },
      },
      status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: ready },
    },
    {
      kind: "Pod",
      metadata: { namespace, name: `${name}-0`, labels: { app: name } },
      spec: { containers },
      status: {
        containerStatuses: containers.map((container) => ({
          name: container.name,
          state: trouble === null ? { running: {} } : { waiting },
        })),
      },
    },
  ];
}

const scaledObjects = (world: World): object[] =>
  Object.entries(world.scaledObjects).map(([name, deleting]) => ({
    kind: "ScaledObject",
    metadata: {
      namespace: NAMESPACE,
      name,
      finalizers: ["finalizer.keda.sh"],
      ...(deleting ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    status: {
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "ScaledObjectReady",
          message: "ScaledObject is defined correctly and is ready for scaling",
        },
      ],
    },
  }));

/** What Prometheus and Envoy answer from inside their pods. */
function inPod(command: string): object {
  if (command.includes("/targets"))
    return {
      status: "success",
      data: {
        activeTargets: [
          {
            health: "up",
            scrapeUrl: "http://10.244.0.9:8080/metrics",
            labels: { app: "test-gateway", kubernetes_pod: "test-gateway-0" },
          },
        ],
      },
    };
  if (command.includes("/query"))
    return {
      status: "success",
      data: { resultType: "vector", result: TIERS.map((tier) => ({ metric: { tier }, value: [0, "0"] })) },
    };
  return {
    configs: TIERS.map((tier) => ({
      cluster: {
        name: `outbound|8000||test-api-${tier}.percolate-test.svc.cluster.local`,
        type: "EDS",
        lb_policy: "RING_HASH",
        ring_hash_lb_config: { minimum_ring_size: "1024" },
      },
    })),
  };
}
