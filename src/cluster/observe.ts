/** Asks the programs what stands. Only reads; each answer that cannot be had is the state of what would have given it. */
import { parse } from "yaml";
import type { Command, Outcome, RunCommand } from "../exec/run-command.ts";
import type { Json } from "../topology/types.ts";
import { CLUSTER, CONTEXT, docker, helm, kind, kubectl, NODE } from "./commands.ts";
import { contextServerIn, namesIn, NOTHING, objectsIn, releasesIn, serverOf, type State } from "./state.ts";
import { lastLine } from "./tools.ts";

/** Longer than any of these takes where all is well. */
const PATIENCE_SECONDS = 30;

export const LOOKS = {
  clusters: kind("get", "clusters"),
  node: docker("container", "inspect", "--format", "{{.State.Running}}", NODE),
  kubeconfig: kind("get", "kubeconfig", "--name", CLUSTER),
  context: kubectl("config", "view", "--output", "json"),
  api: kubectl("get", "--raw", "/readyz"),
  crds: kubectl("get", "customresourcedefinitions", "--output", "name"),
  releases: helm(
    "list",
    "--all-namespaces",
    "--deployed",
    "--failed",
    "--pending",
    "--uninstalling",
    "--output",
    "json",
  ),
} as const;

const KINDS = "namespaces,deployments.apps,statefulsets.apps,pods";

export const lookAtObjects = (scaledObjects: boolean): Command =>
  kubectl(
    "get",
    scaledObjects ? `${KINDS},scaledobjects.keda.sh` : KINDS,
    "--all-namespaces",
    "--output",
    "json",
  );

export const lookAtImage = (image: string): Command =>
  docker("image", "inspect", "--format", "{{.Id}}", image);

/** A program that should have answered did not: what it said. */
export class LookFailed extends Error {
  readonly command: Command;
  readonly outcome: Outcome;

  constructor(command: Command, outcome: Outcome) {
    super(lastLine(outcome));
    this.command = command;
    this.outcome = outcome;
  }
}

export async function observe(run: RunCommand, images: readonly string[]): Promise<State> {
  const look = (command: Command): Promise<Outcome> => run(command, PATIENCE_SECONDS);
  const answer = async (command: Command): Promise<string> => {
    const outcome = await look(command);
    if (outcome.code !== 0 || outcome.ended !== "by itself") throw new LookFailed(command, outcome);
    return outcome.stdout;
  };
  const json = async (command: Command): Promise<Json> => {
    const stdout = await answer(command);
    try {
      return JSON.parse(stdout) as Json;
    } catch {
      throw new LookFailed(command, {
        ended: "by itself",
        code: 0,
        stdout,
        stderr: `not JSON: ${stdout.slice(0, 80)}`,
      });
    }
  };

  const inspected = await Promise.all(
    images.map(async (image) => [image, await look(lookAtImage(image))] as const),
  );
  const state: State = {
    ...NOTHING,
    images: Object.fromEntries(
      inspected.flatMap(([image, { code, stdout }]) => (code === 0 ? [[image, stdout.trim()]] : [])),
    ),
  };
  if (!namesIn(await answer(LOOKS.clusters)).includes(CLUSTER)) return state;

  const [node, config, context] = await Promise.all([
    look(LOOKS.node),
    look(LOOKS.kubeconfig),
    json(LOOKS.context),
  ]);
  const nodeRuns = node.stdout.trim() === "true";
  const kindServer = config.code === 0 ? serverOf(parse(config.stdout) as Json, CONTEXT) : null;
  const contextServer = contextServerIn(context);
  const found = { ...state, clusterExists: true, nodeRuns, kindServer, contextServer };
  // Nothing is asked of a server that is not known to be ours.
  if (contextServer === null || contextServer !== kindServer) return found;
  const ready = await look(LOOKS.api);
  if (ready.code !== 0) return { ...found, apiSilent: lastLine(ready) };
  const [names, releases] = await Promise.all([answer(LOOKS.crds), json(LOOKS.releases)]);
  const crds = namesIn(names).map((name) => name.replace(/^.*\//, ""));
  const objects = await json(lookAtObjects(crds.includes("scaledobjects.keda.sh")));
  return { ...found, crds, releases: releasesIn(releases), ...objectsIn(objects) };
}
