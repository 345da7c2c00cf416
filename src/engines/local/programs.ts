/** Which program plays a container on this machine, and with what environment. */
import { dirname } from "node:path";
import { ownProgram } from "../../exec/supervisor.ts";
import type { Container, Topology, Workload } from "../../topology/types.ts";
import { containerRole } from "../container-role.ts";

export type ContainerProgram = {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** A user's command runs in the folder of the `limpet.yaml` that names it. */
  readonly cwd?: string;
  /** Limpet's own gateway or API program, whether by its image's name or as a stand-in. */
  readonly own: "gateway" | "api" | null;
  /** Takes the place of an image that nothing maps to a command. */
  readonly standIn: boolean;
  /** A user's command keeps real time unless `limpet.yaml` says otherwise. */
  readonly honoursSpeed: boolean;
};

export function programFor(topology: Topology, workload: Workload, container: Container): ContainerProgram {
  const mapped = topology.config.programs[container.image];
  if (mapped && mapped.command.length > 0) {
    const [file, ...args] = mapped.command;
    return {
      command: [file ?? "", ...args],
      env: mapped.env,
      // Its paths are relative to the file that names it.
      ...(topology.config.file === null ? {} : { cwd: dirname(topology.config.file) }),
      own: null,
      standIn: false,
      honoursSpeed: mapped.honoursSpeed,
    };
  }
  const { program, env, standIn } = containerRole(topology, workload, container);
  return { command: ownProgram(`services/${program}`), env, own: program, standIn, honoursSpeed: true };
}

export type Listener = {
  readonly host: string;
  readonly port: number;
  readonly bindAddress: string;
  readonly bindPort: number;
};

/**
 * Replaces the names of the topology's Services in a variable by the loopback listeners that stand for them, in every
 * form that cluster DNS takes (`name`, `name.namespace`, `….svc`, `….svc.cluster.local`), with or without a port.
 */
export function rewriteServiceNames(
  value: string,
  listeners: readonly Listener[],
  namespace: string,
): string {
  let result = value;
  for (const { host, port, bindAddress, bindPort } of listeners) {
    const [name = "", ownNamespace = ""] = host.split(".");
    const forms = [
      host,
      `${name}.${ownNamespace}.svc`,
      `${name}.${ownNamespace}`,
      ...(ownNamespace === namespace ? [name] : []),
    ];
    for (const form of forms) {
      const pattern = new RegExp(
        `(^|[/@,;="'\\s])${escapeRegExp(form)}(:${port})${port === 80 ? "?" : ""}(?=$|[/,;"'\\s?#])`,
        "g",
      );
      result = result.replace(pattern, `$1${bindAddress}:${bindPort}`);
    }
  }
  return result;
}

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** The names in a container's variables that look like hosts of a cluster but belong to no Service of the topology. */
export function unreachableNames(topology: Topology, container: Container): string[] {
  const known = new Set(topology.services.map(({ fqdn }) => fqdn));
  const names = container.env.flatMap((entry) =>
    "value" in entry
      ? [...entry.value.matchAll(/[a-z0-9-]+\.[a-z0-9-]+\.svc(?:\.cluster\.local)?/g)].map(([name]) => name)
      : [],
  );
  const full = names.map((name) => (name.endsWith(".svc") ? `${name}.cluster.local` : name));
  return [...new Set(full)].filter((name) => !known.has(name));
}
