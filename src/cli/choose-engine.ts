/** `--engine`: what runs the topology, with which parts, and what is said of it in the heading. */
import type { Engine, RealParts } from "../engines/engine.ts";
import { InputError } from "../errors.ts";
import type { Topology } from "../topology/types.ts";
import type { Host } from "./host.ts";
import type { TestOptions } from "./options.ts";

export type ChosenEngine = {
  readonly engine: Engine;
  /** Seconds of topology time in a real one; 1 where time is not real. */
  readonly speed: number;
  /** For the heading. */
  readonly words: string;
  readonly realParts: RealParts;
  /** For the event log's header. */
  readonly parts: Readonly<Record<string, string>>;
  /** Whether what the machine spends belongs into the log: a log that is the same every time has no place for it. */
  readonly logsResources: boolean;
};

/** Each engine is loaded only when it is asked for: it brings much with it that the others have no use for. */
export async function chooseEngine(
  host: Host,
  options: TestOptions,
  topology: Topology,
): Promise<ChosenEngine> {
  if (options.engine === "local") return local(host, options, topology);
  if (options.engine === "simulated") return simulated(options);
  throw new InputError([
    `--engine ${options.engine}: not built yet; this version has two engines: local and simulated`,
  ]);
}

async function local(host: Host, options: TestOptions, topology: Topology): Promise<ChosenEngine> {
  const speed = speedFor(topology, options.speed);
  const [{ localEngine }, { chooseParts }] = await Promise.all([
    import("../engines/local/local-engine.ts"),
    import("./real-parts.ts"),
  ]);
  const chosen = await chooseParts(host, options, topology);
  return {
    engine: localEngine,
    speed,
    words: `local engine, speed ${speed}`,
    ...chosen,
    logsResources: true,
  };
}

async function simulated(options: TestOptions): Promise<ChosenEngine> {
  const real = [
    ...(options.sidecar === "built-in" ? [] : [`--sidecar ${options.sidecar}`]),
    ...(options.metrics === "built-in" ? [] : [`--metrics ${options.metrics}`]),
  ];
  if (real.length > 0)
    throw new InputError([
      `${real.join(" and ")}: a real program cannot live in virtual time. Leave it out, or take --engine local`,
    ]);
  const { simulatedEngine } = await import("../engines/simulated/simulated-engine.ts");
  return {
    engine: simulatedEngine,
    speed: 1,
    words: "simulated engine, virtual time (--speed means nothing here)",
    realParts: {},
    parts: { sidecar: "simulated", metrics: "built in" },
    logsResources: false,
  };
}

/** A user's own command keeps real time unless it says that it can do otherwise. */
function speedFor(topology: Topology, wanted: number): number {
  const images = [topology.entry.workload, ...topology.tiers.map((tier) => tier.workload)].map(
    ({ container }) => container.image,
  );
  const real = images.find((image) => topology.config.programs[image]?.honoursSpeed === false);
  if (real === undefined || wanted === 1) return wanted;
  throw new InputError([
    `${topology.config.file ?? "limpet.yaml"}: the command for image ${real} keeps real time, and --speed is ${wanted}. ` +
      "Use --speed 1, or say honoursSpeed: true for it if it reads LIMPET_EPOCH and LIMPET_SPEED",
  ]);
}
