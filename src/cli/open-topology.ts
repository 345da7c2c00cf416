/** What `--topology` and `--config` name, loaded; and the seed of a run that was given none. */
import { existsSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { stream } from "../seed/seed.ts";
import { loadTopology, type LoadOptions } from "../topology/load.ts";
import type { Topology } from "../topology/types.ts";
import type { Host } from "./host.ts";
import type { TopologyOptions } from "./options.ts";

export const openTopology = async (host: Host, options: TopologyOptions): Promise<Topology> =>
  loadTopology(await topologyToLoad(host, options));

/** What to load: plain values, so that a thread can be told, too. */
export async function topologyToLoad(
  host: Host,
  { topology, config }: TopologyOptions,
): Promise<LoadOptions> {
  const inCwd = (path: string): string => (isAbsolute(path) ? path : join(host.cwd, path));
  const given = config === undefined ? {} : { config: inCwd(config) };
  if (topology === "-") {
    return { path: "-", ...besideStream(host), ...given, stdin: await host.readStdin() };
  }
  const absolute = topology === undefined ? join(host.packageRoot, "k8s", "test-topology") : inCwd(topology);
  const shown = relative(host.cwd, absolute);
  const path = shown === "" ? "." : shown.startsWith("..") ? absolute : shown;
  return { path, ...given };
}

/** A stream has no folder of its own: it is piped from the one that limpet is called in. */
function besideStream({ cwd }: Host): { readonly config?: string } {
  const found = ["limpet.yaml", "limpet.yml"].map((name) => join(cwd, name)).find((path) => existsSync(path));
  return found === undefined ? {} : { config: found };
}

/** A new one for each run, short enough to type again: it is printed, and repeats the run's chance. */
export const drawSeed = (host: Host): number => stream(host.now().getTime(), "run").below(1_000_000);
