/** The commands of the four programs. What speaks to a cluster carries our context: there is no other way to make one. */
import type { Command } from "../exec/run-command.ts";

export const CLUSTER = "test-topology";
/** Kind names it so. Whatever context is current on the machine is neither used nor changed. */
export const CONTEXT = `kind-${CLUSTER}`;
/** The container that is the cluster's one node. */
export const NODE = `${CLUSTER}-control-plane`;

export const docker = (...args: string[]): Command => ({ program: "docker", args });
export const kind = (...args: string[]): Command => ({ program: "kind", args });
export const kubectl = (...args: string[]): Command => ({
  program: "kubectl",
  args: ["--context", CONTEXT, ...args],
});
export const helm = (...args: string[]): Command => ({
  program: "helm",
  args: ["--kube-context", CONTEXT, ...args],
});

/** As a person would type it in a shell. */
export function shown({ program, args, env = {} }: Command): string {
  const set = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`);
  return [...set, program, ...args.map(quoted)].join(" ");
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
