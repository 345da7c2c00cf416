/** A step of set-up or clean-up: data and pure functions of the state. Carrying it out is `carry-out.ts`. */
import type { Command } from "../exec/run-command.ts";
import type { State } from "./state.ts";

export type Step = {
  /** What it does, as a heading. */
  readonly title: string;
  /** Whether it has to be done in this state. */
  readonly needed: (state: State) => boolean;
  readonly commands: (state: State) => readonly Command[];
  /** How long one of its commands may take. */
  readonly commandSeconds: number;
  /** How often a command is tried where it fails: for what answers a moment later than it says. Default: once. */
  readonly attempts?: number;
  /** What is not yet as wanted, in words that end a message; null once all is. */
  readonly missing: (state: State) => string | null;
  /** How long that may take after the commands. */
  readonly settleSeconds: number;
  /** For `--dry-run`: the state after it, where a later step depends on that. */
  readonly after?: (state: State) => State;
};

/** Why nothing may be done: the context of our name leads to somebody else's cluster. Null where all is well. */
export function refusal({ clusterExists, contextServer, kindServer }: State): string | null {
  if (!clusterExists || contextServer === null || kindServer === null || contextServer === kindServer)
    return null;
  return (
    `context kind-test-topology leads to ${contextServer}, but the Kind cluster test-topology listens on ${kindServer}. ` +
    "Nothing was done to either. Rename that context, or set it right: kind export kubeconfig --name test-topology"
  );
}

/** Pods of a namespace that something holds up, in a few words. */
export function troubleIn(state: State, namespace: string): string {
  const held = state.pods.filter((pod) => pod.namespace === namespace && pod.trouble !== null && !pod.going);
  return held
    .slice(0, 3)
    .map(({ name, trouble }) => `; pod ${name}: ${trouble}`)
    .join("");
}

/** What of these Deployments is not available. */
export function unavailable(state: State, namespace: string, names: readonly string[]): string | null {
  const not = names.flatMap((name) => {
    const found = state.workloads.find(
      (workload) =>
        workload.kind === "Deployment" && workload.namespace === namespace && workload.name === name,
    );
    if (found === undefined) return [`Deployment ${name} is not there`];
    if (found.settled && found.ready >= found.wanted) return [];
    return [`Deployment ${name} ${found.ready}/${found.wanted} ready${found.settled ? "" : ", rolling out"}`];
  });
  return not.length === 0 ? null : `${not.join(", ")}${troubleIn(state, namespace)}`;
}
