/** What `--topology` names, loaded; and the seed of a run that was given none. */
import { isAbsolute, join, relative } from "node:path";
import { stream } from "../seed/seed.ts";
import { loadTopology } from "../topology/load.ts";
import type { Topology } from "../topology/types.ts";
import type { Host } from "./host.ts";

export async function openTopology(host: Host, named: string | undefined): Promise<Topology> {
  if (named === "-") return loadTopology({ path: "-", stdin: await host.readStdin() });
  const path = named === undefined ? join(host.packageRoot, "k8s", "test-topology") : named;
  const absolute = isAbsolute(path) ? path : join(host.cwd, path);
  const shown = relative(host.cwd, absolute);
  return loadTopology({ path: shown === "" ? "." : shown.startsWith("..") ? absolute : shown });
}

/** A new one for each run, short enough to type again: it is printed, and repeats the run's chance. */
export const drawSeed = (host: Host): number => stream(host.now().getTime(), "run").below(1_000_000);
